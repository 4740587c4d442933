/* test_determinism.c - bit-identical results of the whole program: with other vector instructions, and of theorem
 * checks. test_run.c and test_run_images.c test other schedules, stops and kills; tests/stress/determinism.sh tests the
 * whole matrix, with other compilers. */
#include "backend/cpu/cpu.h"
#include "run_images_support.h"
#include "stop_support.h"

static void begin_points(void) {
    begin_run(TINY_EXPERIMENT("small", "0", "60", "20"));
}

/* --- Vector instructions --- */

/* Run the experiment on each supported level, with one and more threads. */
static void check_levels(void) {
    char *expected = undisturbed();
    for (cpu_level level = CPU_PORTABLE; level <= cpu_level_best(); level++) {
        char name[32];
        snprintf(name, sizeof name, "%s.db", cpu_level_name(level));
        EXPECT(0, "AFFJORD_SIMD=%s $AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/%s --threads 4 --jobs 1 --quiet",
               cpu_level_name(level), name);
        check_same(expected, name);
        EXPECT(0, "sqlite3 $TEST_DIR/%s 'SELECT DISTINCT simd FROM run'", name);
        output[strcspn(output, "\n")] = '\0';
        cr_expect_str_eq(output, cpu_level_name(level), "the requested level was used");
    }
    free(expected);
}

Test(determinism, points_are_the_same_on_all_levels, .init = begin_points, .fini = end_run, .timeout = 600) {
    check_levels();
}

Test(determinism, images_are_the_same_on_all_levels_of_our_kernels, .init = begin, .fini = end, .timeout = 600) {
    check_levels();
}

Test(determinism, a_level_is_one_that_there_is, .init = begin_points, .fini = end_run) {
    EXPECT(2, "AFFJORD_SIMD=avx3 $AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/none.db");
    EXPECT_SAYS("AFFJORD_SIMD = avx3: expected portable, avx2 or avx512");
    EXPECT(0, "ls $TEST_DIR");
    cr_expect_str_eq(output, "small.ini\n");
    cr_expect_eq(cpu_level_named("portable"), CPU_PORTABLE);
    cr_expect_eq(cpu_level_named("avx512"), CPU_AVX512);
    cr_expect_eq(cpu_level_named(""), CPU_LEVELS);
    setenv("AFFJORD_SIMD", "portable", 1);
    cr_expect_eq(cpu_level_best(), CPU_PORTABLE);
    setenv("AFFJORD_SIMD", "avx512", 1);
    cr_expect_eq(cpu_level_best(),
                 cpu_backend(CPU_AVX512) ? CPU_AVX512
                 : cpu_backend(CPU_AVX2) ? CPU_AVX2
                                         : CPU_PORTABLE,
                 "no better than what there is");
}

/* --- Theorem checks --- */

#ifdef AFFJORD_DOUBLE

static void begin_theory(void) {
    begin_run(TINY_EXPERIMENT("small", "0", "400", "20"));
    EXPECT(0, ". tests/stress/experiments.sh; write_theory $TEST_DIR/small.ini");
}

Test(determinism, statements_do_not_depend_on_jobs_threads_and_stops, .init = begin_theory, .fini = end_run,
     .timeout = 300) {
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/one.db --jobs 1 --threads 1 --quiet");
    char *expected = numbers("one.db");
    cr_assert_not_null(strstr(expected, "\ntheory|"));
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/two.db --jobs 2 --threads 3 --quiet");
    check_same(expected, "two.db");

    const int outcome =
        stop_new("stopped", "--jobs 1", ASK("stopped.db", "SELECT count(*) FROM checkpoint"), RECORDING, SIGTERM);
    cr_assert(WIFEXITED(outcome) && WEXITSTATUS(outcome) == 1, "it was stopped");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/stopped.db --quiet");
    check_same(expected, "stopped.db");
    free(expected);
}

#endif
