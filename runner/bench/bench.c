/* bench.c - `./run bench`: which benchmark, and how long. */
#include "bench/bench.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "bench/bench_conv.h"
#include "bench/bench_device.h"
#include "bench/bench_toy.h"
#include "system/arguments.h"

static const struct {
    const char *name;
    int (*run)(const bench_options *options);
} benchmarks[] = {{"toy", bench_toy}, {"conv", bench_conv}, {"device", bench_device}};

int bench_run(int count, char **arguments) {
    failure why;
    bool brief = false;
    uint64_t repeats = 0;
    const char *name = NULL;
    size_t names = 0;
    const argument_option options[] = {
        {.name = "--repeats", .type = ARGUMENT_NUMBER, .into = &repeats, .minimum = 1, .maximum = BENCH_REPEATS_MAX},
        {.name = "--brief", .type = ARGUMENT_FLAG, .into = &brief},
    };
    if (arguments_read(count, arguments, sizeof options / sizeof *options, options, 1, &name, &names, &why) !=
        STATUS_OK) {
        fprintf(stderr, "bench: %s\n", why.text);
        return 2;
    }
    const bench_options asked = {.repeats = repeats ? (size_t)repeats : brief ? 1 : BENCH_REPEATS_MAX, .brief = brief};
    for (size_t i = 0; names == 1 && i < sizeof benchmarks / sizeof *benchmarks; i++)
        if (strcmp(name, benchmarks[i].name) == 0) return benchmarks[i].run(&asked);
    fprintf(stderr, "bench: expected toy, conv or device, found \"%s\"\n", names == 1 ? name : "");
    return 2;
}
