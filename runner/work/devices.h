/* devices.h - what a user may compute on: the processor, and the devices of the library. */
#ifndef AFFJORD_RUNNER_DEVICES_H
#define AFFJORD_RUNNER_DEVICES_H

#include <stdio.h>

#include "backend/device.h"

enum { DEVICES_MAX = 16 };

/* Devices of the library to compute on, and what it says of each. */
typedef struct device_list {
    size_t count;
    int numbers[DEVICES_MAX];
    device_about about[DEVICES_MAX];
} device_list;

/* The devices that were chosen, of all those that can be used. The library is asked in a process of its own: one that
 * has used a device must not fork, and the workers are forked. Errors: those of device_open; those of the device, or of
 * the first one where all were chosen and none can be used. */
status devices_ask(const device_choice *choice, device_list *out, error_info *err);

/* A line for each device, or why there is none but the processor. */
void devices_write(FILE *stream);

#endif
