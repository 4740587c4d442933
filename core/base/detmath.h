/* detmath.h - elementary functions with the same bits on every machine.
 *
 * libm selects an implementation by processor and changes between versions, so the last bit of its exp or sin may
 * differ between machines, and trainings diverge from there. SLEEF's "cinz ... purec" functions are a fixed sequence of
 * IEEE operations without fused multiply-adds. All are within 1 ulp. sqrt and fma of libm are exact by IEEE 754 and are
 * used as they are. */
#ifndef AFFJORD_BASE_DETMATH_H
#define AFFJORD_BASE_DETMATH_H

double det_exp(double x);
double det_expm1(double x);
double det_log(double x);
double det_log1p(double x);
double det_pow(double x, double y);
double det_tanh(double x);

/* *sine, *cosine <- sine and cosine of x radians. */
void det_sincos(double x, double *sine, double *cosine);

/* *sine, *cosine <- sine and cosine of pi x; exact at multiples of 1/2. */
void det_sincospi(double x, double *sine, double *cosine);

#endif
