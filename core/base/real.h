/* real.h - the floating-point type of states, parameters and gradients.
 *
 * float by default; double with `make PRECISION=double`, in which gradients are tested to 1e-8. Time and sums over
 * samples are always double. */
#ifndef AFFJORD_BASE_REAL_H
#define AFFJORD_BASE_REAL_H

#ifdef AFFJORD_DOUBLE
/* A number of a state. */
typedef double real;
/* The safetensors type of a real. */
#define REAL_NAME "F64"
#else
/* A number of a state. */
typedef float real;
/* The safetensors type of a real. */
#define REAL_NAME "F32"
#endif

#endif
