/* device_support.h - the library whose device is made of fibers (tests/cuda_on_host), for tests of what runs on it. */
#ifndef AFFJORD_TESTS_DEVICE_SUPPORT_H
#define AFFJORD_TESTS_DEVICE_SUPPORT_H

#include <criterion/criterion.h>
#include <stdlib.h>

#include "backend/device.h"

static inline const device_table *emulated_library(void) {
    const device_table *table = NULL;
    failure why = {""};
    setenv("AFFJORD_DEVICE_LIBRARY", AFFJORD_LIBRARY_EMULATED, 1);
    cr_assert_eq(device_open(&table, &why), STATUS_OK, "%s", why.text);
    return table;
}

/* The operations of its first device on images; the caller closes them by images_close. */
static inline const backend_ops *emulated_images(void) {
    const backend_ops *device = NULL;
    failure why = {""};
    cr_assert_eq(emulated_library()->images_open(0, &device, &why), STATUS_OK, "%s", why.text);
    return device;
}

/* The library that tests of any device are for: $AFFJORD_TEST_LIBRARY, which is how `make gpu-check` names the real one,
 * else that of fibers. */
static inline const device_table *tested_library(void) {
    const char *name = getenv("AFFJORD_TEST_LIBRARY");
    if (!name) return emulated_library();
    const device_table *table = NULL;
    failure why = {""};
    setenv("AFFJORD_DEVICE_LIBRARY", name, 1);
    cr_assert_eq(device_open(&table, &why), STATUS_OK, "%s", why.text);
    return table;
}

static inline const backend_ops *tested_images(void) {
    const backend_ops *device = NULL;
    failure why = {""};
    cr_assert_eq(tested_library()->images_open(0, &device, &why), STATUS_OK, "%s", why.text);
    return device;
}

/* Nothing failed. */
static inline void tested_close(const backend_ops **device) {
    failure why = {""};
    cr_expect_eq(tested_library()->images_state(*device, &why), STATUS_OK, "%s", why.text);
    tested_library()->images_close(device);
}

#endif
