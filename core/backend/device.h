/* device.h - selection of a device, and the library for devices other than the processor.
 *
 * The program is built without a device's headers and libraries. The GPU code is a shared library that is loaded on
 * demand, so one program runs with and without a GPU. Only this file has the library's name. */
#ifndef AFFJORD_BACKEND_DEVICE_H
#define AFFJORD_BACKEND_DEVICE_H

#include <stdbool.h>

#include "backend/device_table.h"

/* A device by its user name: "cpu"; "cuda" or "cuda:N" for device N (default 0); "cuda:auto" for all devices.
 * CUDA_VISIBLE_DEVICES restricts the devices. */
typedef struct device_choice {
    bool library; /* not the processor */
    bool all;
    int number;
} device_choice;

/* Parse a device name. Errors: STATUS_INVALID with the accepted forms. */
status device_parse(const char *text, device_choice *out, error_info *err);

/* Load the library: $AFFJORD_DEVICE_LIBRARY if set (for tests), else libaffjord_cuda.so beside the program, in
 * ../libexec/affjord from there, or in the system's search path. *out is valid until the program ends. Errors:
 * STATUS_IO if it is missing or cannot be loaded, STATUS_FORMAT for another version. */
status device_open(const device_table **out, error_info *err);

#endif
