/* devices.h - the devices that a user can choose: the processor, and those of the devices' library. */
#ifndef AFFJORD_RUNNER_DEVICES_H
#define AFFJORD_RUNNER_DEVICES_H

#include <stdio.h>

#include "backend/device.h"

enum { DEVICES_MAX = 16 };

/* Devices of the library, each with its description. */
typedef struct device_list {
    size_t count;
    int numbers[DEVICES_MAX];
    device_about about[DEVICES_MAX];
} device_list;

/* List the chosen devices that can be used. A child process calls the library, because a process that has used a device
 * must not fork, and workers are forked. Errors: those of device_open; those of the device, or of the first one if all
 * were chosen and none can be used. */
status devices_query(const device_choice *choice, device_list *out, error_info *err);

/* Print a line for each device, or the reason why there is only the processor. */
void devices_write(FILE *stream);

#endif
