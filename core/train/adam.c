/* adam.c - step sizes with their bias corrections. */
#include "train/adam.h"

#include <math.h>

/* By repeated squaring, in the same order on every machine; libm's pow may differ. */
static double power(double base, uint64_t exponent) {
    double result = 1;
    for (; exponent; exponent >>= 1, base *= base)
        if (exponent & 1) result *= base;
    return result;
}

adam_step adam_step_at(double learning_rate, uint64_t t) {
    const double beta1 = 0.9, beta2 = 0.999;
    return (adam_step){.beta1 = beta1,
                       .beta2 = beta2,
                       .step_size = learning_rate / (1 - power(beta1, t)),
                       .root_correction = sqrt(1 - power(beta2, t)),
                       .epsilon = 1e-8};
}
