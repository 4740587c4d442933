/* toy.c - the table of toy densities and their constants. */
#include "data/toy.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <sha256.h>

#include "base/edit_distance.h"
#include "data/toy_curve.h"
#include "data/toy_mixture.h"
#include "data/toy_ring.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Parallelograms are {corner, along, across}. */

/* T and Y above two rows of four isotropic Gaussians; all coordinates are multiples of 0.05. */
static const mixture_parallelogram ty_parallelograms[] = {
    {{-1.35, 1.1}, {1.1, 0}, {0, 0.2}}, /* T: bar */
    {{-0.9, 0.25}, {0.2, 0}, {0, 0.85}}, /* T: stem */
    {{0.55, 0.7}, {0.2, 0}, {-0.4, 0.6}}, /* Y: left arm */
    {{0.75, 0.7}, {0.2, 0}, {0.4, 0.6}}, /* Y: right arm */
    {{0.65, 0.25}, {0.2, 0}, {0, 0.45}}, /* Y: stem */
};
static const double ty_centres[][2] = {
    {-1.05, -0.45}, {-0.35, -0.45}, {0.35, -0.45}, {1.05, -0.45},
    {-1.05, -1.15}, {-0.35, -1.15}, {0.35, -1.15}, {1.05, -1.15},
};
/* The letters and the Gaussians have half of the weight each, so that a model cannot neglect either cheaply. The
 * letters' density is 0.69, the Gaussians' peak 0.99. */
static const mixture ty = {
    .parallelogram_share = 0.5,
    .parallelogram_count = COUNT(ty_parallelograms),
    .parallelograms = ty_parallelograms,
    .gaussian_count = COUNT(ty_centres),
    .centres = ty_centres,
    .deviation = 0.1,
};

/* An alternative to TY for the paper's picture: parallelograms of half the width and narrower Gaussians. The five
 * parallelograms have 5/13 of the weight, the eight Gaussians 8/13. The letters' density is 1.05, the Gaussians' peak
 * 2.18. */
static const mixture_parallelogram ty_thin_parallelograms[] = {
    {{-1.35, 1.15}, {1.1, 0}, {0, 0.1}}, /* T: bar */
    {{-0.85, 0.25}, {0.1, 0}, {0, 0.9}}, /* T: stem */
    {{0.65, 0.7}, {0.1, 0}, {-0.4, 0.6}}, /* Y: left arm */
    {{0.75, 0.7}, {0.1, 0}, {0.4, 0.6}}, /* Y: right arm */
    {{0.7, 0.25}, {0.1, 0}, {0, 0.45}}, /* Y: stem */
};
static const mixture ty_thin = {
    .parallelogram_share = 5.0 / 13,
    .parallelogram_count = COUNT(ty_thin_parallelograms),
    .parallelograms = ty_thin_parallelograms,
    .gaussian_count = COUNT(ty_centres),
    .centres = ty_centres,
    .deviation = 0.075,
};

/* Nine equal parts: four bars of equal area and five Gaussians of covariance 0.02 I. */
static const mixture_parallelogram hash_parallelograms[] = {
    {{-0.5, -1.25}, {0.1, 0}, {0, 2.5}},
    {{0.4, -1.25}, {0.1, 0}, {0, 2.5}},
    {{-1.25, -0.5}, {2.5, 0}, {0, 0.1}},
    {{-1.25, 0.4}, {2.5, 0}, {0, 0.1}},
};
static const double hash_centres[][2] = {{-1.25, -1.25}, {-1.25, 1.25}, {0, 0}, {1.25, -1.25}, {1.25, 1.25}};
static const mixture hash_gaussian = {
    .parallelogram_share = 4.0 / 9.0,
    .parallelogram_count = COUNT(hash_parallelograms),
    .parallelograms = hash_parallelograms,
    .gaussian_count = COUNT(hash_centres),
    .centres = hash_centres,
    .deviation = 0.14142135623730951,
};

static const mixture_parallelogram checkerboard_parallelograms[] = {
    {{-1.5, 0.75}, {0.75, 0}, {0, 0.75}},  {{0, 0.75}, {0.75, 0}, {0, 0.75}},     {{-0.75, 0}, {0.75, 0}, {0, 0.75}},
    {{0.75, 0}, {0.75, 0}, {0, 0.75}},     {{-1.5, -0.75}, {0.75, 0}, {0, 0.75}}, {{0, -0.75}, {0.75, 0}, {0, 0.75}},
    {{-0.75, -1.5}, {0.75, 0}, {0, 0.75}}, {{0.75, -1.5}, {0.75, 0}, {0, 0.75}},
};
static const mixture checkerboard = {
    .parallelogram_share = 1,
    .parallelogram_count = COUNT(checkerboard_parallelograms),
    .parallelograms = checkerboard_parallelograms,
};

static const mixture_parallelogram checkerboard_ffjord_parallelograms[] = {
    {{-4, 0}, {2, 0}, {0, 2}}, {{-4, -4}, {2, 0}, {0, 2}}, {{-2, 2}, {2, 0}, {0, 2}}, {{-2, -2}, {2, 0}, {0, 2}},
    {{0, 0}, {2, 0}, {0, 2}},  {{0, -4}, {2, 0}, {0, 2}},  {{2, 2}, {2, 0}, {0, 2}},  {{2, -2}, {2, 0}, {0, 2}},
};
static const mixture checkerboard_ffjord = {
    .parallelogram_share = 1,
    .parallelogram_count = COUNT(checkerboard_ffjord_parallelograms),
    .parallelograms = checkerboard_ffjord_parallelograms,
};

/* FFJORD's scale: its code divides by 1.414, not by the square root of 2. */
#define EIGHT_STRAIGHT (4 / 1.414)
#define EIGHT_SLANTED (4 * 0.70710678118654752 / 1.414)
static const double eight_centres[][2] = {
    {EIGHT_STRAIGHT, 0},
    {-EIGHT_STRAIGHT, 0},
    {0, EIGHT_STRAIGHT},
    {0, -EIGHT_STRAIGHT},
    {EIGHT_SLANTED, EIGHT_SLANTED},
    {EIGHT_SLANTED, -EIGHT_SLANTED},
    {-EIGHT_SLANTED, EIGHT_SLANTED},
    {-EIGHT_SLANTED, -EIGHT_SLANTED},
};
static const mixture eight_gaussians = {
    .gaussian_count = COUNT(eight_centres),
    .centres = eight_centres,
    .deviation = 0.5 / 1.414,
};

static const double circles_radii[] = {3, 1.5};
static const ring circles = {.count = COUNT(circles_radii), .radii = circles_radii, .deviation = 0.24};

static const double rings_radii[] = {3, 2.25, 1.5, 0.75};
static const ring rings = {.count = COUNT(rings_radii), .radii = rings_radii, .deviation = 0.08};

/* A density with window [-half, half]^2, in the first version of its points. */
#define TOY(toy_name, half, toy_ops, toy_shape)                                                                        \
    { .name = toy_name, .version = 1, .window = {-half, half, -half, half}, .ops = &toy_ops, .shape = toy_shape }

static const toy toys[] = {
    TOY("ty", 1.5, mixture_ops, &ty),
    TOY("hash_gaussian", 1.5, mixture_ops, &hash_gaussian),
    TOY("checkerboard", 1.5, mixture_ops, &checkerboard),
    TOY("swissroll", 4, swissroll_ops, swissroll_formula),
    TOY("circles", 4, ring_ops, &circles),
    TOY("rings", 4, ring_ops, &rings),
    TOY("moons", 4, moons_ops, moons_formula),
    TOY("8gaussians", 4, mixture_ops, &eight_gaussians),
    TOY("pinwheel", 4, pinwheel_ops, pinwheel_formula),
    TOY("2spirals", 4, spirals_ops, spirals_formula),
    TOY("checkerboard_ffjord", 4, mixture_ops, &checkerboard_ffjord),
    TOY("ty_thin", 1.5, mixture_ops, &ty_thin),
};

size_t toy_count(void) {
    return COUNT(toys);
}

const toy *toy_at(size_t index) {
    return &toys[index];
}

const toy *toy_find(const char *name) {
    for (size_t i = 0; i < COUNT(toys); i++) {
        if (strcmp(toys[i].name, name) == 0) return &toys[i];
    }
    return NULL;
}

const char *toy_suggest(const char *name) {
    const char *names[COUNT(toys)];
    for (size_t i = 0; i < COUNT(toys); i++) names[i] = toys[i].name;
    return suggest_name(name, COUNT(toys), names);
}

void toy_sample(const toy *density, random_stream stream, uint64_t index, double x[2]) {
    density->ops->sample(density->shape, stream, index, x);
}

bool toy_log_density(const toy *density, const double x[2], double *log_density) {
    if (density->ops->log_density == NULL) return false;
    *log_density = density->ops->log_density(density->shape, x);
    return true;
}

bool toy_entropy(const toy *density, double *entropy) {
    if (density->ops->entropy == NULL) return false;
    *entropy = density->ops->entropy(density->shape);
    return true;
}

static void hash_line(void *argument, const char *text) {
    SHA256Update(argument, (const uint8_t *)text, strlen(text));
    SHA256Update(argument, (const uint8_t *)"\n", 1);
}

void toy_checksum(const toy *density, char hexadecimal[65]) {
    SHA256_CTX context;
    char heading[128];
    SHA256_Init(&context);
    snprintf(heading, sizeof heading, "toy %s version %d", density->name, density->version);
    hash_line(&context, heading);
    density->ops->define(density->shape, hash_line, &context);
    SHA256_End(&context, hexadecimal);
}
