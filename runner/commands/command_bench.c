/* command_bench.c - ./run bench: times the parts that determine how long a training takes. */
#include <stdint.h>
#include <string.h>

#include "bench/bench_conv.h"
#include "bench/bench_device.h"
#include "bench/bench_toy.h"
#include "commands/commands.h"
#include "commands/options.h"

static const struct {
    const char *name;
    int (*run)(const bench_options *options);
} benchmarks[] = {{"toy", bench_toy}, {"conv", bench_conv}, {"device", bench_device}};

typedef struct request {
    uint64_t repeats;
    bool brief;
} request;

static const argument_option options[] = {
    OPTION_NUMBER(request, repeats, "--repeats", "N", 1, BENCH_REPEATS_MAX, "number of repetitions (41)"),
    OPTION_FLAG(request, brief, "--brief", "run a few cases once, to see that it works")};

static int run_bench(int count, char **words, int all_count, char **all) {
    (void)all_count;
    (void)all;
    error_info err;
    request args = {.brief = false};
    const char *name = "";
    size_t names = 0;
    if (command_read(&command_bench, count, words, &args, 1, &name, &names, &err) != STATUS_OK)
        return usage_error(&command_bench, err.text);
    const size_t repeats = args.repeats ? (size_t)args.repeats : args.brief ? 1 : BENCH_REPEATS_MAX;
    const bench_options how = {.repeats = repeats, .brief = args.brief};
    for (size_t i = 0; i < sizeof benchmarks / sizeof *benchmarks; i++)
        if (strcmp(name, benchmarks[i].name) == 0) return benchmarks[i].run(&how);
    error_describe(&err, "bench: expected toy, conv or device, found \"%.100s\"", name);
    return usage_error(&command_bench, err.text);
}

const command command_bench = {
    .name = "bench",
    .summary = "time the parts that determine how long a training takes",
    .forms = (const char *const[]){"toy|conv|device [OPTION]...", NULL},
    .words = "toy conv device",
    .text =
        "toy: the training step of the toy experiments. conv: forward and backward pass of the convolutional field, "
        "beside single convolutions of the same shapes. Both print the median and the minimum of the seconds.\n\n"
        "device: compares trainings on a CUDA device with the processor's bit by bit, then times Figure 6's runs and "
        "image trainings on both, as a report in Markdown.",
    OPTIONS(options),
    .run = run_bench};
