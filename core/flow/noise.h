/* noise.h - the random vectors of a flow: probes of the divergence and points of the base density. */
#ifndef AFFJORD_FLOW_NOISE_H
#define AFFJORD_FLOW_NOISE_H

#include "flow/cnf.h"

/* e (D), `stride` reals apart, <- the probe of a sample: signs, or standard normal numbers where `kind` is Gaussian.
 * They come from the stream's draws block, block + 1, ..., four numbers each. */
void noise_probe(cnf_divergence kind, random_stream stream, uint64_t sample, uint32_t block, size_t D, size_t stride,
                 real *e);

/* z (n, D) <- samples first .. first + n - 1 of N(0, variance I). */
void noise_base(random_stream stream, double variance, uint64_t first, size_t n, size_t D, real *z);

#endif
