/* device.h - which devices there are besides the processor, and the way to the library that uses them.
 *
 * The program is built without any device's headers and libraries. What computes on a GPU is a shared object that is
 * opened when somebody asks for it, so one program runs with and without one. This file alone knows its name. */
#ifndef AFFJORD_BACKEND_DEVICE_H
#define AFFJORD_BACKEND_DEVICE_H

#include <stdbool.h>

#include "backend/device_table.h"

/* Devices as a user names them: "cpu"; "cuda" or "cuda:N" for number N (0) of the library's; "cuda:auto" for all of
 * them, which are those in CUDA_VISIBLE_DEVICES where that is set. */
typedef struct device_choice {
    bool library; /* not the processor */
    bool all;
    int number;
} device_choice;

/* Errors: STATUS_INVALID naming what was expected. */
status device_parse(const char *text, device_choice *out, failure *why);

/* Open the library: $AFFJORD_DEVICE_LIBRARY where that is set (for tests), else libaffjord_cuda.so beside the program,
 * in ../libexec/affjord from there, or where the system looks for libraries. *out stays valid as long as the program. Errors, each with a sentence:
 * STATUS_IO for one that is not there or cannot be loaded, STATUS_FORMAT for one of another version. */
status device_open(const device_table **out, failure *why);

#endif
