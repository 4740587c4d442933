/* baseline.c - recorded values. */
#include "compare/baseline.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    char path[FUZZ_PATH_MAX];
    baseline rows = {0};
    error_info err = {""};
    fuzz_file("any.tsv", bytes, size, path);
    fuzz_expect_reason(baseline_read(&rows, path, &err), &err);
    baseline_release(&rows);
    return 0;
}
