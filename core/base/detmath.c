/* detmath.c - elementary functions with the same bits on every machine. */
#include "base/detmath.h"

#include <sleef.h>

double det_exp(double x) {
    return Sleef_cinz_expd1_u10purec(x);
}

double det_expm1(double x) {
    return Sleef_cinz_expm1d1_u10purec(x);
}

double det_log(double x) {
    return Sleef_cinz_logd1_u10purec(x);
}

double det_log1p(double x) {
    return Sleef_cinz_log1pd1_u10purec(x);
}

double det_pow(double x, double y) {
    return Sleef_cinz_powd1_u10purec(x, y);
}

double det_tanh(double x) {
    return Sleef_cinz_tanhd1_u10purec(x);
}

void det_sincos(double x, double *sine, double *cosine) {
    Sleef_double_2 both = Sleef_cinz_sincosd1_u10purec(x);
    *sine = both.x;
    *cosine = both.y;
}

void det_sincospi(double x, double *sine, double *cosine) {
    Sleef_double_2 both = Sleef_cinz_sincospid1_u05purec(x);
    *sine = both.x;
    *cosine = both.y;
}
