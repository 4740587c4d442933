/* test_provenance.c - the commit that a build records. */
#ifndef AFFJORD_DOUBLE /* one Makefile for both */

#include "run_support.h"

/* A repository with the Makefile and its includes, some sources, and files that commands of the README write. */
static void begin(void) {
    begin_run("");
    EXPECT(0, "mkdir -p $TEST_DIR/r/core/base $TEST_DIR/r/runner/record $TEST_DIR/r/results $TEST_DIR/r/docs && "
              "cp --parents Makefile packaging/install.mk tests/checks/checks.mk core/base/status.h "
              "runner/record/schema.sql .gitignore README.md $TEST_DIR/r && cd $TEST_DIR/r && "
              "echo numbers > results/reference.db && echo picture > docs/fig6.png && git -c init.defaultBranch=main "
              "init -q && git add -A && git -c user.name=t -c user.email=t@t commit -q -m all");
}

TestSuite(provenance, .init = begin, .fini = end_run, .timeout = 60);

static bool is_dirty(void) {
    EXPECT(0, "cd $TEST_DIR/r && env -u MAKEFLAGS -u MAKELEVEL make -s NVCC= build/provenance.h && "
              "sed -n 's/.*GIT_DIRTY //p' build/provenance.h");
    cr_assert(strcmp(output, "0\n") == 0 || strcmp(output, "1\n") == 0, "%s", output);
    return output[0] == '1';
}

Test(provenance, results_of_commands_are_no_changes) {
    cr_expect_not(is_dirty());
    EXPECT(0, "cd $TEST_DIR/r && mkdir figures && touch report.html mine.ini figures/fig6.pdf docs/new.png logp.npy");
    cr_expect_not(is_dirty(), "files that are not tracked, in folders that are and in others");
    EXPECT(0, "cd $TEST_DIR/r && echo others > results/reference.db && touch core/base/status.h");
    cr_expect_not(is_dirty(), "the archive of results is written by a command");
}

Test(provenance, changed_sources_are) {
    static const char *const files[] = {"core/base/status.h", "Makefile", "README.md"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        EXPECT(0, "cd $TEST_DIR/r && cp %s kept && echo '# more' >> %s", files[i], files[i]);
        cr_expect(is_dirty(), "%s", files[i]);
        EXPECT(0, "cd $TEST_DIR/r && mv kept %s", files[i]);
        cr_expect_not(is_dirty(), "%s", files[i]);
    }
    EXPECT(0, "cd $TEST_DIR/r && git rm -q --cached core/base/status.h");
    cr_expect(is_dirty(), "a file that the commit has and the next has not");
}

Test(provenance, a_build_without_a_gpu_library_prints_the_reason) {
    EXPECT(0, "env -u MAKEFLAGS -u MAKELEVEL make -s NVCC= cuda");
    cr_assert_str_eq(output, "GPU library: not built; expected nvcc on the PATH or in /usr/local/cuda/bin, found none; "
                             "without it everything runs on the CPU\n");
    EXPECT(0, "env -u MAKEFLAGS -u MAKELEVEL make -s NVCC=nvcc PRECISION=double cuda");
    cr_assert_str_eq(output, "GPU library: not part of this build (double); run make without PRECISION, SANITIZE and "
                             "COVERAGE to get it\n");
}

#endif
