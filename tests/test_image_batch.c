/* test_image_batch.c - shuffled epochs, noise, mirrored images, averages. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/random.h"
#include "data/image_batch.h"
#include "data/shuffle.h"
#include "image_support.h"

/* Every position has a different item, for any number of items. */
static void expect_bijection(uint64_t seed, uint64_t epoch, size_t count) {
    bool *seen = calloc(count, 1);
    for (size_t place = 0; place < count; place++) {
        const uint64_t thing = shuffle_at(seed, epoch, count, place);
        cr_assert_lt(thing, count);
        cr_assert_not(seen[thing], "%zu things: %zu comes twice", count, (size_t)thing);
        seen[thing] = true;
    }
    free(seen);
}

Test(shuffle, is_a_bijection) {
    for (size_t count = 1; count <= 140; count++) expect_bijection(3, count, count);
    expect_bijection(0, 0, 1 << 12);
    expect_bijection(UINT64_MAX, UINT64_MAX, 60000);
    /* the largest count, some positions */
    uint64_t last = 0;
    for (uint64_t place = 0; place < 100; place++) {
        const uint64_t thing = shuffle_at(1, 1, UINT32_MAX, UINT32_MAX - 1 - place);
        cr_expect_lt(thing, UINT32_MAX);
        cr_expect_neq(thing, last);
        last = thing;
    }
}

/* Check that chi-square is within 5 standard deviations of its mean for `cells` equally likely cells. */
static void expect_uniform(const char *what, const size_t *counts, size_t cells) {
    double total = 0, chi2 = 0;
    for (size_t i = 0; i < cells; i++) total += (double)counts[i];
    const double expected = total / (double)cells, freedom = (double)cells - 1;
    for (size_t i = 0; i < cells; i++)
        chi2 += ((double)counts[i] - expected) * ((double)counts[i] - expected) / expected;
    cr_expect_lt(fabs(chi2 - freedom), 5 * sqrt(2 * freedom), "%s: chi-square %.1f of %zu cells", what, chi2, cells);
}

Test(shuffle, all_orders_of_few_things_come_equally_often) {
    enum { EPOCHS = 24000, THINGS = 4 };
    size_t counts[256] = {0}, orders[24], n = 0;
    for (uint64_t epoch = 0; epoch < EPOCHS; epoch++) {
        size_t code = 0;
        for (uint64_t place = 0; place < THINGS; place++) code = 4 * code + shuffle_at(8, epoch, THINGS, place);
        counts[code]++;
    }
    for (size_t code = 0; code < 256; code++) {
        if (counts[code] == 0) continue;
        cr_assert_lt(n, 24);
        orders[n++] = counts[code];
    }
    cr_assert_eq(n, 24);
    expect_uniform("orders of 4", orders, 24);
}

/* Each item is equally often at each position, and after each other item. */
Test(shuffle, places_and_neighbours_are_uniform) {
    enum { EPOCHS = 20000, THINGS = 11 };
    size_t at[THINGS * THINGS] = {0}, behind[THINGS * (THINGS - 1)] = {0};
    for (uint64_t epoch = 0; epoch < EPOCHS; epoch++) {
        uint64_t before = 0;
        for (uint64_t place = 0; place < THINGS; place++) {
            const uint64_t thing = shuffle_at(epoch / 100, epoch, THINGS, place);
            at[place * THINGS + thing]++;
            if (place > 0) behind[before * (THINGS - 1) + (thing > before ? thing - 1 : thing)]++;
            before = thing;
        }
    }
    expect_uniform("things at places", at, THINGS * THINGS);
    expect_uniform("things behind things", behind, THINGS * (THINGS - 1));
}

/* In an epoch of MNIST's size, the order is not correlated with the original order. */
Test(shuffle, a_long_epoch_is_mixed) {
    enum { COUNT = 60000 };
    size_t steps[64] = {0}, fixed = 0;
    double product = 0;
    uint64_t before = shuffle_at(2, 5, COUNT, COUNT - 1);
    for (uint64_t place = 0; place < COUNT; place++) {
        const uint64_t thing = shuffle_at(2, 5, COUNT, place);
        steps[(thing + COUNT - before) % COUNT * 64 / COUNT]++;
        fixed += thing == place;
        product += ((double)thing / COUNT - 0.5) * ((double)place / COUNT - 0.5);
        before = thing;
    }
    expect_uniform("steps", steps, 64);
    cr_expect_leq(fixed, 8, "%zu stayed at their place, 1 expected", fixed);
    cr_expect_lt(fabs(product / COUNT), 5.0 / 12 / sqrt(COUNT));
}

enum { CHANNELS = 3, HEIGHT = 4, WIDTH = 5, IMAGE = CHANNELS * HEIGHT * WIDTH, IMAGES = 23 };

static const size_t sizes[IMAGE_SPLITS] = {17, 2, 4};

/* A set whose bytes identify the image, and in which no image is symmetric. */
static image_set *open_made(void) {
    unsigned char pixels[IMAGES * IMAGE];
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (unsigned char)(i / IMAGE * 11 + i % IMAGE % WIDTH);
    return make_set(sizes, CHANNELS, HEIGHT, WIDTH, pixels);
}

/* Return the byte of a number. */
static unsigned char byte_of(real x) {
    cr_assert(x >= 0 && x < 1, "%a", (double)x);
    return (unsigned char)(256 * x);
}

static size_t image_of(const real *x) {
    return byte_of(x[0]) / 11;
}

Test(image_batch, every_image_comes_once_in_an_epoch) {
    image_set *set = open_made();
    enum { BATCH = 7, EPOCHS = 5 };
    size_t seen[EPOCHS][IMAGES] = {{0}}, order[EPOCHS][17];
    real x[BATCH * IMAGE];
    for (uint64_t position = 0; position < EPOCHS * 17; position += BATCH) {
        image_batch(set, IMAGE_TRAINING, 6, position, BATCH, false, IMAGE_CHANNEL_FIRST, x);
        for (size_t i = 0; i < BATCH && position + i < EPOCHS * 17; i++) {
            const size_t epoch = (position + i) / 17;
            const size_t image = image_of(x + i * IMAGE);
            cr_expect_eq(image, image_at(set, IMAGE_TRAINING, 6, position + i));
            seen[epoch][image]++;
            order[epoch][(position + i) % 17] = image;
        }
    }
    for (size_t epoch = 0; epoch < EPOCHS; epoch++) {
        for (size_t i = 0; i < IMAGES; i++) cr_expect_eq(seen[epoch][i], i < 17, "epoch %zu, image %zu", epoch, i);
        cr_expect(epoch == 0 || memcmp(order[epoch], order[0], sizeof order[0]) != 0);
    }
    /* The other splits keep their order. */
    for (uint64_t position = 0; position < 8; position++) {
        cr_expect_eq(image_at(set, IMAGE_VALIDATION, 6, position), 17 + position % 2);
        cr_expect_eq(image_at(set, IMAGE_TEST, 6, position), 19 + position % 4);
    }
    image_close(&set);
}

Test(image_batch, is_the_same_in_pieces_and_in_batches_of_any_size) {
    image_set *set = open_made();
    enum { ALL = 40 };
    static real whole[ALL * IMAGE], pieces[ALL * IMAGE];
    for (image_split split = IMAGE_TRAINING; split <= IMAGE_TEST; split++) {
        for (int flip = 0; flip < 2; flip++) {
            image_batch(set, split, 4, 9, ALL, flip, IMAGE_CHANNEL_FIRST, whole);
            for (size_t step = 1; step < ALL; step += 6) {
                for (size_t done = 0; done < ALL; done += step) {
                    const size_t count = ALL - done < step ? ALL - done : step;
                    image_batch(set, split, 4, 9 + done, count, flip, IMAGE_CHANNEL_FIRST, pieces + done * IMAGE);
                }
                cr_expect_arr_eq(pieces, whole, sizeof whole, "split %d, pieces of %zu", split, step);
            }
        }
    }
    image_close(&set);
}

Test(image_batch, layouts_have_the_same_numbers) {
    image_set *set = open_made();
    enum { ALL = 9, PLANE = HEIGHT * WIDTH };
    real first[ALL * IMAGE], last[ALL * IMAGE];
    image_batch(set, IMAGE_TRAINING, 4, 12, ALL, true, IMAGE_CHANNEL_FIRST, first);
    image_batch(set, IMAGE_TRAINING, 4, 12, ALL, true, IMAGE_CHANNEL_LAST, last);
    for (size_t i = 0; i < ALL; i++)
        for (size_t c = 0; c < CHANNELS; c++)
            for (size_t p = 0; p < PLANE; p++)
                cr_expect_eq(first[i * IMAGE + c * PLANE + p], last[i * IMAGE + p * CHANNELS + c]);
    image_close(&set);
}

/* Two images, one for training and one for validation, of all bytes from 0 to 255. */
static image_set *open_bytes(void) {
    unsigned char bytes[512];
    for (size_t i = 0; i < 512; i++) bytes[i] = (unsigned char)i;
    return make_set((size_t[IMAGE_SPLITS]){1, 1, 0}, 1, 16, 16, bytes);
}

Test(image_batch, noise_is_exactly_the_draw) {
    image_set *set = open_bytes();
    real x[256];
    for (uint64_t epoch = 0; epoch < 200; epoch++) {
        image_batch(set, IMAGE_TRAINING, 77, epoch, 1, false, IMAGE_CHANNEL_FIRST, x);
        for (size_t i = 0; i < 256; i++) {
            double u[4];
            random_uniform4((random_stream){77, RANDOM_TRAINING, epoch}, 0, (uint32_t)(i / 4), u);
            /* 40 bits: the byte and the word drawn, below the binary point */
            const uint64_t word = (uint64_t)(u[i % 4] * 0x1p32), fixed = (uint64_t)i << 32 | word;
            const double exact = (double)fixed * 0x1p-40;
            cr_assert_eq(byte_of(x[i]), i);
            cr_assert_leq((double)x[i], exact);
#ifdef AFFJORD_DOUBLE
            cr_assert_eq(x[i], exact);
#else
            cr_assert_gt((double)nextafterf(x[i], 2), exact, "%a is not the last real before %a", (double)x[i], exact);
#endif
        }
    }
    image_close(&set);
}

/* The largest draws of the largest byte are below 1, although rounding to nearest would give 1. */
Test(image_batch, never_reaches_the_next_byte) {
    image_set *set = open_bytes();
    memset(set->pixels, 255, 256);
    real greatest = 0, x[256];
    for (uint64_t epoch = 0; epoch < 4000; epoch++) {
        image_batch(set, IMAGE_TRAINING, 1, epoch, 1, false, IMAGE_CHANNEL_FIRST, x);
        for (size_t i = 0; i < 256; i++) greatest = x[i] > greatest ? x[i] : greatest;
    }
    cr_expect(greatest < 1 && greatest > 1 - 1e-7, "%a", (double)greatest);
    image_close(&set);
}

/* Check that the mean is within 5 standard errors of its expectation. */
static void expect_mean(const char *what, double sum, double mean, double variance, double count) {
    const double error = sum / count - mean;
    cr_expect_lt(fabs(error), 5 * sqrt(variance / count), "%s: %g off", what, error);
}

Test(image_batch, noise_is_uniform_and_independent) {
    enum { EPOCHS = 400, NUMBERS = 256 };
    image_set *set = open_bytes();
    memset(set->pixels, 100, 512);
    size_t cells[64] = {0};
    double sum = 0, square = 0, neighbours = 0, epochs = 0, splits = 0;
    real before[NUMBERS], x[NUMBERS], other[NUMBERS];
    image_batch(set, IMAGE_TRAINING, 5, EPOCHS, 1, false, IMAGE_CHANNEL_FIRST, before);
    for (uint64_t epoch = 0; epoch < EPOCHS; epoch++) {
        image_batch(set, IMAGE_TRAINING, 5, epoch, 1, false, IMAGE_CHANNEL_FIRST, x);
        image_batch(set, IMAGE_VALIDATION, 5, epoch, 1, false, IMAGE_CHANNEL_FIRST, other);
        for (size_t i = 0; i < NUMBERS; i++) {
            const double u = 256 * (double)x[i] - 100.5, next = 256 * (double)x[(i + 1) % NUMBERS] - 100.5;
            cells[(size_t)((u + 0.5) * 64)]++;
            sum += u;
            square += u * u;
            neighbours += u * next;
            epochs += u * (256 * (double)before[i] - 100.5);
            splits += u * (256 * (double)other[i] - 100.5);
        }
        memcpy(before, x, sizeof x);
    }
    const double n = (double)EPOCHS * NUMBERS;
    expect_uniform("noise", cells, 64);
    expect_mean("mean", sum, 0, 1.0 / 12, n);
    expect_mean("variance", square, 1.0 / 12, 1.0 / 80 - 1.0 / 144, n);
    expect_mean("neighbours", neighbours, 0, 1.0 / 144, n);
    expect_mean("epochs", epochs, 0, 1.0 / 144, n);
    expect_mean("splits", splits, 0, 1.0 / 144, n);
    image_close(&set);
}

Test(image_batch, half_of_the_images_are_mirrored) {
    image_set *set = open_made();
    enum { COUNT = 4000 };
    static real plain[COUNT * IMAGE], flipped[COUNT * IMAGE];
    size_t mirrored = 0, changes = 0;
    bool last = false;
    image_batch(set, IMAGE_TRAINING, 4, 0, COUNT, false, IMAGE_CHANNEL_FIRST, plain);
    image_batch(set, IMAGE_TRAINING, 4, 0, COUNT, true, IMAGE_CHANNEL_FIRST, flipped);
    for (size_t i = 0; i < COUNT; i++) {
        const real *a = plain + i * IMAGE, *b = flipped + i * IMAGE;
        const bool turned = memcmp(a, b, IMAGE * sizeof *a) != 0;
        for (size_t p = 0; p < IMAGE; p++) {
            const size_t from = turned ? p - p % WIDTH + (WIDTH - 1 - p % WIDTH) : p;
            cr_assert_eq(byte_of(b[p]), byte_of(a[from]));
            /* The noise is not mirrored. */
            const double here = 256 * (double)a[p] - byte_of(a[p]), there = 256 * (double)b[p] - byte_of(b[p]);
            cr_assert_lt(fabs(here - there), 1e-4);
        }
        mirrored += turned;
        changes += turned != last;
        last = turned;
    }
    expect_mean("mirrored", (double)mirrored, 0.5, 0.25, COUNT);
    expect_mean("changes", (double)changes, 0.5, 0.25, COUNT);
    image_close(&set);
}

/* The 24 first bits, which are all that a float has. */
static void expect_float_bits(real x, double expected) {
    const double scale = 0x1p24 / exp2(ilogb(expected) + 1);
    cr_expect_eq(floor((double)x * scale) / scale, expected, "%a, not %a", (double)x, expected);
}

/* The format is fixed: these bits, computed once by another program, must never change. */
Test(image_batch, numbers_are_these_bits) {
    const size_t order[6] = {11, 9, 0, 4, 16, 12};
    const double plain[4] = {0x1.8f4bbap-2, 0x1.9235cep-2, 0x1.94a5dcp-2, 0x1.9aac1cp-2};
    const double mirrored[4] = {0x1.685fd0p-1, 0x1.67a312p-1, 0x1.65f218p-1, 0x1.63ef6ep-1};
    image_set *set = open_made();
    real x[6 * IMAGE];
    for (uint64_t i = 0; i < 6; i++) cr_expect_eq(image_at(set, IMAGE_TRAINING, 3, 170 + i), order[i]);
    image_batch(set, IMAGE_TRAINING, 3, 170, 6, true, IMAGE_CHANNEL_FIRST, x);
    for (size_t i = 0; i < 4; i++) {
        expect_float_bits(x[IMAGE + 20 + i], plain[i]);
        expect_float_bits(x[4 * IMAGE + 20 + i], mirrored[i]);
    }
    image_close(&set);
}

Test(image_average, takes_means_of_squares) {
    /* two images of two channels of 4 x 6 */
    unsigned char pixels[2 * 2 * 24];
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (unsigned char)((i * 97 + i * i) % 256);
    image_set *set = make_set((size_t[IMAGE_SPLITS]){1, 0, 1}, 2, 4, 6, pixels);
    cr_assert_eq(image_average(set, 1, NULL), STATUS_OK);
    cr_expect(set->height == 4 && set->width == 6);
    cr_expect_eq(memcmp(set->pixels, pixels, sizeof pixels), 0);
    char sum[65];
    memcpy(sum, set->sha256, sizeof sum);
    cr_assert_eq(image_average(set, 2, NULL), STATUS_OK);
    cr_expect(set->count == 2 && set->channels == 2 && set->height == 2 && set->width == 3);
    cr_expect(set->size[IMAGE_TRAINING] == 1 && set->first[IMAGE_TEST] == 1);
    for (size_t plane = 0; plane < 4; plane++) {
        for (size_t y = 0; y < 2; y++) {
            for (size_t x = 0; x < 3; x++) {
                const unsigned char *p = pixels + 24 * plane + 12 * y + 2 * x;
                const int total = p[0] + p[1] + p[6] + p[7];
                cr_expect_eq(set->pixels[6 * plane + 3 * y + x], floor(total / 4.0 + 0.5));
            }
        }
    }
    cr_expect_str_neq(set->sha256, sum);
    image_close(&set);
}

Test(image_average, rounds_halves_up) {
    const struct {
        unsigned char square[4], mean;
    } cases[] = {{{0, 0, 0, 1}, 0},    {{0, 0, 1, 1}, 1},           {{0, 1, 1, 1}, 1}, {{254, 255, 255, 254}, 255},
                 {{0, 0, 0, 255}, 64}, {{255, 255, 255, 255}, 255}, {{0, 0, 0, 0}, 0}, {{7, 7, 8, 7}, 7}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        image_set *set = make_set((size_t[IMAGE_SPLITS]){1, 0, 0}, 1, 2, 2, cases[i].square);
        cr_assert_eq(image_average(set, 2, NULL), STATUS_OK);
        cr_expect_eq(set->pixels[0], cases[i].mean, "%zu: %u", i, set->pixels[0]);
        image_close(&set);
    }
}

Test(image_average, factors_must_divide) {
    image_set *set = open_made(); /* 4 x 5 */
    const size_t factors[] = {0, 2, 3, 4, 5, 20};
    for (size_t i = 0; i < sizeof factors / sizeof *factors; i++) {
        error_info err = {""};
        cr_expect_eq(image_average(set, factors[i], &err), STATUS_INVALID, "%zu", factors[i]);
        cr_expect_not_null(strstr(err.text, "4 x 5"), "%s", err.text);
    }
    cr_expect(set->height == 4 && set->width == 5 && set->pixels[1] == 1);
    image_close(&set);
}

/* The set of the small experiment. */
Test(image_average, real_mnist) {
    const char *data = getenv("AFFJORD_DATA");
    if (data == NULL || !image_exists("mnist", data)) cr_skip_test("needs MNIST in $AFFJORD_DATA");
    image_set *set = NULL;
    cr_assert_eq(image_open("mnist", data, &set, NULL), STATUS_OK);
    double before = 0, after = 0;
    for (size_t i = 0; i < 70000 * 28 * 28; i++) before += set->pixels[i];
    cr_assert_eq(image_average(set, 2, NULL), STATUS_OK);
    cr_expect(set->height == 14 && set->width == 14 && set->count == 70000);
    cr_expect_str_eq(set->sha256, "b633fb158b4b4d717b202b79bc069760540ee01fcee4b2a1cb980a472d0ae14c");
    for (size_t i = 0; i < 70000 * 14 * 14; i++) after += set->pixels[i];
    /* Halves are rounded up: a quarter of the squares with different pixels gain 1/2. */
    const double gain = after / (70000 * 14 * 14) - before / (70000 * 28 * 28);
    cr_expect(gain > 0 && gain < 0.125, "%g", gain);
    real x[200 * 14 * 14];
    image_batch(set, IMAGE_TEST, 0, 0, 200, false, IMAGE_CHANNEL_LAST, x);
    for (size_t i = 0; i < 200 * 14 * 14; i++) cr_expect_eq(byte_of(x[i]), set->pixels[60000 * 14 * 14 + i], "%zu", i);
    image_close(&set);
}
