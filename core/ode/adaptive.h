/* adaptive.h - the adaptive half of solve.h, for solve.c alone. */
#ifndef AFFJORD_ODE_ADAPTIVE_H
#define AFFJORD_ODE_ADAPTIVE_H

#include "ode/solve.h"

/* Reals of workspace. */
size_t adaptive_workspace(const tableau *pair, size_t length);

/* See solve_with_outputs; `outputs` may be NULL. */
status adaptive_integrate(const solve_spec *by, double start, double end, const ode_system *system, real *y,
                          adaptive_record *record, const adaptive_outputs *outputs, real *workspace,
                          adaptive_statistics *statistics);

#endif
