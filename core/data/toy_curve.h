/* toy_curve.h - points along noisy curves, whose density has no closed form. */
#ifndef AFFJORD_DATA_TOY_CURVE_H
#define AFFJORD_DATA_TOY_CURVE_H

#include "data/toy.h"

/* For these densities, `shape` is the text of the sampler's formula: u0 .. u3 are uniform on (0, 1), n0 and n1 standard
 * normal. */
extern const toy_ops swissroll_ops, moons_ops, spirals_ops, pinwheel_ops;
extern const char swissroll_formula[], moons_formula[], spirals_formula[], pinwheel_formula[];

#endif
