/* devices.h - what a user may compute on: the processor, and the devices of the library. */
#ifndef AFFJORD_RUNNER_DEVICES_H
#define AFFJORD_RUNNER_DEVICES_H

#include <stdio.h>

#include "backend/device.h"

/* What the library says of a device. It is asked in a process of its own: one that has used a device must not fork, and
 * the workers are forked. Errors: those of device_open and of the device. */
status devices_ask(const device_choice *choice, device_about *out, failure *why);

/* A line for each device, or why there is none but the processor. */
void devices_write(FILE *stream);

#endif
