/* checkpoint.c - checkpoints and exports (safetensors), and the settings and parameters in them. */
#include <string.h>

#include "fuzz.h"
#include "model/specification.h"
#include "train/checkpoint.h"

static void take_text(void *argument, const char *name, const char *value) {
    size_t *length = argument;
    *length += strlen(name) + strlen(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    char path[FUZZ_PATH_MAX];
    checkpoint *file = NULL;
    error_info err = {""};
    fuzz_file("any.safetensors", bytes, size, path);
    const status outcome = checkpoint_read(path, &file, &err);
    fuzz_expect_reason(outcome, &err);
    if (outcome != STATUS_OK) return 0;
    settings values;
    specification_shape shape;
    size_t length = 0;
    err.text[0] = '\0';
    checkpoint_each_text(file, take_text, &length);
    fuzz_expect_reason(specification_read(file, path, &values, &shape, &err), &err);
    checkpoint_destroy(&file);
    return 0;
}
