/* test_image_device.c - the operations of images on a device, on the device of tests/cuda_on_host: what each gives against
 * the processor, and whole trainings. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/conv.h"
#include "backend/cpu/cpu.h"
#include "backend/device.h"
#include "backend/memory.h"
#include "backend_cases.h"

#ifndef AFFJORD_DOUBLE

static const device_table *library(void) {
    const device_table *table = NULL;
    failure why = {""};
    setenv("AFFJORD_DEVICE_LIBRARY", AFFJORD_LIBRARY_EMULATED, 1);
    cr_assert_eq(device_open(&table, &why), STATUS_OK, "%s", why.text);
    return table;
}

static const backend_ops *open_device(void) {
    const backend_ops *device = NULL;
    failure why = {""};
    cr_assert_eq(library()->images_open(0, &device, &why), STATUS_OK, "%s", why.text);
    return device;
}

Test(image_device, probe) {
    const backend_ops *device = open_device();
    char why[256] = "";
    for (size_t i = 0; i < backend_case_count(); i++) {
        bool exact = backend_case_agrees(i, cpu_backend(CPU_PORTABLE), device, true, why, sizeof why);
        printf("%s exact %d %s\n", backend_case_name(i), exact, exact ? "" : why);
        bool near = backend_case_agrees(i, cpu_backend(CPU_PORTABLE), device, false, why, sizeof why);
        printf("%s near %d %s\n", backend_case_name(i), near, near ? "" : why);
    }
    library()->images_close(&device);
}
#endif
