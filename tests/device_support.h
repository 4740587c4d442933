/* device_support.h - the library of the emulated device (tests/cuda_on_host), and the choice of library for tests of
 * any device. */
#ifndef AFFJORD_TESTS_DEVICE_SUPPORT_H
#define AFFJORD_TESTS_DEVICE_SUPPORT_H

#include <criterion/criterion.h>
#include <stdlib.h>

#include "backend/device.h"

static inline const device_table *library_of(const char *name) {
    const device_table *table = NULL;
    error_info err = {""};
    setenv("AFFJORD_DEVICE_LIBRARY", name, 1);
    cr_assert_eq(device_open(&table, &err), STATUS_OK, "%s", err.text);
    return table;
}

/* The operations of a library's first device on images; the caller closes them by images_close. */
static inline const backend_ops *images_of(const device_table *library) {
    const backend_ops *device = NULL;
    error_info err = {""};
    cr_assert_eq(library->images_open(0, &device, &err), STATUS_OK, "%s", err.text);
    return device;
}

static inline const device_table *emulated_library(void) {
    return library_of(AFFJORD_LIBRARY_EMULATED);
}

static inline const backend_ops *emulated_images(void) {
    return images_of(emulated_library());
}

/* The library that the suite any_device tests: $AFFJORD_TEST_LIBRARY, which `make gpu-check` sets to the real one;
 * otherwise the emulated one. */
static inline bool device_is_emulated(void) {
    return !getenv("AFFJORD_TEST_LIBRARY");
}

static inline const device_table *tested_library(void) {
    return device_is_emulated() ? emulated_library() : library_of(getenv("AFFJORD_TEST_LIBRARY"));
}

static inline const backend_ops *tested_images(void) {
    return images_of(tested_library());
}

/* Let cuBLAS, or its stand-in on the emulated device, compute products that suit it on devices that are opened later; or
 * own kernels. */
static inline void tested_cublas(bool used) {
    if (!used) setenv("AFFJORD_CUBLAS", "none", 1);
    else if (device_is_emulated()) setenv("AFFJORD_CUBLAS", AFFJORD_CUBLAS_EMULATED, 1);
    else unsetenv("AFFJORD_CUBLAS");
}

/* Check that no operation failed and that all memory is free again (on a real device, other processes may use some). */
static inline void tested_close(const backend_ops **device) {
    device_about about;
    error_info err = {""};
    cr_expect_eq(tested_library()->images_state(*device, &err), STATUS_OK, "%s", err.text);
    tested_library()->images_close(device);
    cr_expect_null(*device);
    cr_assert_eq(tested_library()->describe(0, &about, &err), STATUS_OK, "%s", err.text);
    if (device_is_emulated()) cr_expect_eq(about.available, about.memory, "all was given back");
}

#endif
