/* test_bench.c - ./run bench: the timed code runs, and its lines have the right form. */
#ifndef AFFJORD_DOUBLE /* the double build checks arithmetic, and its convolutions are too slow for this */

#include "run_support.h"

static void begin(void) {
    begin_run("");
}

TestSuite(bench, .init = begin, .fini = end_run, .timeout = 300);

/* Check the lines after the header: each has a name, a median and a minimum, and a number of repeats. */
static size_t count_lines(const char *beginning, unsigned repeats) {
    size_t count = 0;
    const char *line = strchr(output, '\n');
    for (; line && line[1]; line = strchr(line + 1, '\n')) {
        char name[80];
        double median, minimum;
        unsigned found;
        cr_assert_eq(sscanf(line + 1, "%79s %lf %lf %u", name, &median, &minimum, &found), 4, "%s", output);
        cr_expect_eq(strncmp(name, beginning, strlen(beginning)), 0, "%s", name);
        cr_expect(minimum > 0 && median >= minimum && median < 60, "%s", output);
        cr_expect_eq(found, repeats);
        count++;
    }
    return count;
}

Test(bench, a_step_is_timed_in_every_way_of_this_processor) {
    EXPECT(0, "$AFFJORD bench toy --repeats 1");
    cr_expect_geq(count_lines("toy_step_", 1), 2, "%s", output);
    EXPECT_SAYS("_2_threads ");
}

Test(bench, a_step_is_timed_briefly) {
    EXPECT(0, "$AFFJORD bench toy --brief --repeats 3");
    cr_expect_eq(count_lines("toy_step_", 3), 2, "%s", output);
    EXPECT_SAYS("toy_step_ffjord_");
    EXPECT_SAYS("toy_step_affjord_");
}

Test(bench, the_field_of_images_is_timed_beside_bare_convolutions) {
    EXPECT(0, "$AFFJORD bench conv --brief");
    cr_expect_eq(count_lines("conv_", 1), 2, "%s", output);
    EXPECT_SAYS("conv_evaluate_1x28x28_1_thread ");
    EXPECT_SAYS("conv_reverse_1x28x28_1_thread ");
}

Test(bench, a_device_is_compared_with_the_processor) {
    EXPECT(0, "AFFJORD_DEVICE_LIBRARY=" AFFJORD_LIBRARY_EMULATED " $AFFJORD bench device --brief");
    EXPECT_SAYS("fibers on a CPU, for tests, sm_90");
    EXPECT_SAYS("| AFFJORD, released settings, hash_gaussian | device, alone and among others | same bits | ");
    cr_expect_null(strstr(output, "differ"), "%s", output);
    EXPECT(1, "AFFJORD_DEVICE_LIBRARY=/nowhere.so $AFFJORD bench device --brief");
    EXPECT_SAYS("bench: CUDA backend: /nowhere.so: cannot open");
}

Test(bench, missing_devices_are_reported) {
    EXPECT(2, "$AFFJORD bench");
    EXPECT_SAYS("bench: expected toy, conv or device, found \"\"");
    EXPECT(2, "$AFFJORD bench tyo");
    EXPECT_SAYS("bench: expected toy, conv or device, found \"tyo\"");
    EXPECT(2, "$AFFJORD bench toy --repeats 42");
    EXPECT_SAYS("--repeats 42: expected an integer from 1 to 41");
    EXPECT(2, "$AFFJORD bench toy --repeats");
    EXPECT_SAYS("--repeats: the value is missing; expected --repeats N");
    EXPECT(2, "$AFFJORD bench toy --repeat 4");
    EXPECT_SAYS("--repeats");
}

#endif
