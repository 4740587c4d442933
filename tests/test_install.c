/* test_install.c - `make install` into a separate folder: the program from elsewhere, the library for other programs,
 * the pages; `make uninstall` removes everything. */
#ifndef AFFJORD_DOUBLE /* the float build is installed, with the double build's program */

#include "run_support.h"

/* A table of points, a small model, a figure; the preset is named as if it were in the same folder. */
static const char small_experiment[] = "include = ../configs/toy_paper.ini\n"
                                       "[experiment]\n"
                                       "name = small\n"
                                       "data = points.csv\n"
                                       "models = affjord\n"
                                       "figures = toy_table\n"
                                       "[model affjord]\n"
                                       "context = augmented\n"
                                       "width = 16\n"
                                       "[solver]\n"
                                       "steps = 5\n"
                                       "[train]\n"
                                       "iterations = 100\n"
                                       "batch = 64\n"
                                       "epoch_iterations = 50\n"
                                       "validation = 40\n"
                                       "[output]\n"
                                       "density_cells = 0\n"
                                       "samples = 0\n";

/* Two clusters of 200 points each. */
static void write_points(void) {
    EXPECT(0, "awk 'BEGIN { for (i = 0; i < 400; i++) printf \"%%.6f,%%.6f\\n\", (i %% 2 ? 2 : -2) + 0.4 * sin(7 * i), "
              "0.5 * cos(3 * i) }' > $TEST_DIR/points.csv");
}

/* Concurrent makes wait for each other, because they write the same files. `what` is a goal with PREFIX and DESTDIR. */
static void make(const char *what) {
    EXPECT(0, "flock build/install.lock env -u MAKEFLAGS -u MAKELEVEL make -s %s", what);
}

/* A folder $TEST_DIR with the project installed in its $TEST_DIR/usr, as $INSTALLED. */
static void begin(void) {
    begin_run(small_experiment);
    write_points();
    unsetenv("AFFJORD_ROOT");
    setenv("INSTALLED", "../usr/bin/affjord", 1);
    make("install PREFIX=$TEST_DIR/usr");
    EXPECT(0, "mkdir $TEST_DIR/elsewhere && mv $TEST_DIR/small.ini $TEST_DIR/points.csv $TEST_DIR/elsewhere");
}

static void end(void) {
    if (*folder) end_run();
}

TestSuite(install, .init = begin, .fini = end, .timeout = 900);

Test(install, program_works_from_any_folder) {
    EXPECT(0, "cd $TEST_DIR/elsewhere; $INSTALLED --help");
    EXPECT_SAYS("usage: affjord FILE.ini");
    EXPECT_SAYS("affjord COMMAND --help");
    cr_expect_null(strstr(output, "./run"), "%s", output);
    EXPECT(0, "cd $TEST_DIR/elsewhere; $INSTALLED small.ini");
    EXPECT_SAYS("All numbers: results/results.db");
    EXPECT(0, "cd $TEST_DIR/elsewhere; ls . results results/figures/small");
    EXPECT_SAYS("toy_table.md");
    EXPECT(0, "cd $TEST_DIR/elsewhere; $INSTALLED list runs; $INSTALLED check");
    EXPECT_SAYS("all whole");
    EXPECT(0, "$TEST_DIR/usr/share/affjord/plots/report.sh --help");
    EXPECT(0, "cd $TEST_DIR/elsewhere; $INSTALLED small.ini --db other/own.db --quiet; ls other");
    EXPECT_SAYS("own.db");
    EXPECT(0, "cd $TEST_DIR/elsewhere; ../usr/share/affjord/paper_figures.sh --out . "
              "--experiment small toy_table");
    EXPECT_SAYS("(experiment small)");
}

/* A task's command runs the installed program and its installed files from any folder. */
Test(install, commands_for_engines_work_from_any_folder) {
    EXPECT(0, "cd $TEST_DIR/elsewhere; $INSTALLED small.ini --db many/all.db --dry-run --format commands > ../tasks && "
              "cd / && sh $TEST_DIR/tasks && cd $TEST_DIR/elsewhere && $INSTALLED merge --db many/all.db");
    EXPECT(0, "cd $TEST_DIR/elsewhere; $INSTALLED list runs --db many/all.db");
    EXPECT_SAYS("done");
    EXPECT(0, "cd $TEST_DIR/elsewhere; $INSTALLED fig6.ini --dry-run --format commands | head -n 1");
    EXPECT_SAYS("share/affjord/experiments/fig6.ini");
}

Test(install, experiments_are_those_of_the_folder_then_the_installed_ones) {
    EXPECT(0, "cd $TEST_DIR/elsewhere; $INSTALLED fig6.ini --dry-run");
    EXPECT_SAYS("hash_gaussian");
    EXPECT(0, "cd $TEST_DIR/elsewhere; $INSTALLED experiments/fig6.ini --dry-run");
    EXPECT_SAYS("hash_gaussian");
    EXPECT(0, "cd $TEST_DIR/elsewhere; cp small.ini fig6.ini; $INSTALLED fig6.ini --dry-run");
    cr_expect_null(strstr(output, "hash_gaussian"), "the file of the folder comes first: %s", output);
    EXPECT(2, "cd $TEST_DIR/elsewhere; $INSTALLED fig66.ini");
    EXPECT_SAYS("fig66.ini: No such file or directory");
    EXPECT(2, "cd $TEST_DIR/elsewhere; $INSTALLED other/fig5.ini");
    EXPECT(2, "cd $TEST_DIR/elsewhere; sed -i s/toy_paper/toy_papre/ small.ini; $INSTALLED small.ini");
    EXPECT_SAYS("small.ini:1: include: ../configs/toy_papre.ini: No such file or directory");
}

Test(install, theory_is_computed_by_the_double_program) {
    EXPECT(0, "cd $TEST_DIR/elsewhere; ../usr/libexec/affjord/affjord-double --version");
    EXPECT_SAYS("numbers F64");
    EXPECT(0, "cd $TEST_DIR/elsewhere; $INSTALLED theory_blocks.ini --set train.iterations=5 --set model.width=3 --set "
              "model.hypernet_width=2 "
              "--set experiment.figures=theory");
    EXPECT_SAYS("theory.md");
}

/* With nvcc, the GPU library is installed too; here the emulated device replaces it. */
Test(install, a_device_is_found_by_the_installed_program) {
    EXPECT(0, "cp " AFFJORD_LIBRARY_EMULATED
              " $TEST_DIR/usr/libexec/affjord/libaffjord_cuda.so && cd $TEST_DIR/elsewhere && "
              "$INSTALLED list devices");
    EXPECT_SAYS("cuda:0   fibers on a CPU");
}

/* The examples, in a folder from which only the installed files can be found. */
Test(install, programs_are_compiled_against_the_library) {
    unsetenv("LD_LIBRARY_PATH");
    EXPECT(0, "cp -r $TEST_DIR/usr/share/doc/affjord/examples $TEST_DIR/elsewhere && "
              "PKG_CONFIG_PATH=$TEST_DIR/usr/lib/pkgconfig env -u MAKEFLAGS make -s -C $TEST_DIR/elsewhere/examples "
              "CFLAGS='-Wall -Wextra -Wpedantic -Wconversion -Werror'");
    EXPECT(0, "cd $TEST_DIR/elsewhere/examples; ./own_equation");
    EXPECT_SAYS("dy(T)/dr");
    EXPECT(0, "cd $TEST_DIR/elsewhere/examples; ./own_field");
    EXPECT_SAYS("entropy of the data 2.145");
    EXPECT(0, "cd $TEST_DIR/elsewhere/examples; ./density ../points.csv 100 2>/dev/null | wc -l");
    cr_expect_eq(atoi(output), 400, "a line a point: %s", output);
    EXPECT(0, "cd $TEST_DIR/elsewhere; $INSTALLED small.ini --quiet && $INSTALLED export 1 --output m.safetensors && "
              "$INSTALLED eval 1 --input points.csv --output of_program.csv && "
              "examples/density_of_model m.safetensors points.csv > of_library.csv && "
              "cmp of_program.csv of_library.csv && wc -l < of_library.csv");
    EXPECT_SAYS("\n400\n");
    EXPECT(1, "cd $TEST_DIR/elsewhere/examples; ./density nowhere.csv 1");
    EXPECT_SAYS("nowhere.csv");
    /* As docs/reference/library.md has it. */
    EXPECT(0, "cd $TEST_DIR/elsewhere/examples; export PKG_CONFIG_PATH=$TEST_DIR/usr/lib/pkgconfig; "
              "cc -std=c11 own_equation.c $(pkg-config --cflags --libs affjord) && cd / && "
              "$TEST_DIR/elsewhere/examples/a.out");
    EXPECT_SAYS("dy(T)/dr");
    /* The static library, with its dependencies. */
    EXPECT(0, "cd $TEST_DIR/elsewhere/examples; export PKG_CONFIG_PATH=$TEST_DIR/usr/lib/pkgconfig; "
              "cc -std=c11 -o static $(pkg-config --cflags affjord) own_equation.c $TEST_DIR/usr/lib/libaffjord.a "
              "$(pkg-config --static --libs-only-l affjord | sed s/-laffjord//) && ./static");
    /* By both, a training has the same bits. */
    EXPECT(0, "cp tests/stress/parameters.c $TEST_DIR/elsewhere; cd $TEST_DIR/elsewhere; "
              "export PKG_CONFIG_PATH=$TEST_DIR/usr/lib/pkgconfig; "
              "cc -std=c11 -o shared $(pkg-config --cflags affjord) parameters.c $(pkg-config --libs affjord) && "
              "cc -std=c11 -o static $(pkg-config --cflags affjord) parameters.c $TEST_DIR/usr/lib/libaffjord.a "
              "$(pkg-config --static --libs-only-l affjord | sed s/-laffjord//) && ./static > static.txt && "
              "./shared > shared.txt && cmp static.txt shared.txt && wc -l < static.txt");
    cr_expect_gt(atoi(output), 1000, "losses and parameters: %s", output);
    EXPECT(0, "cd $TEST_DIR/elsewhere; echo '#include <affjord/affjord.h>' > all.cc; "
              "c++ -Wall -Werror -fsyntax-only -I../usr/include all.cc");
}

/* -aux-info lists every function that is declared, with its file. */
Test(install, library_exports_exactly_its_headers) {
    EXPECT(0, "cd $TEST_DIR/elsewhere; echo '#include <affjord/affjord.h>' > all.c; "
              "cc -std=c11 -fsyntax-only -aux-info all.txt -I../usr/include all.c; "
              "sed -n 's|^/. [^ ]*include/affjord/.*:[NO]C ./ extern [^(]*[ *]\\([a-z_0-9]*\\) (.*|\\1|p' all.txt | "
              "sort -u > declared; wc -l < declared");
    cr_assert_gt(atoi(output), 90, "%s", output);
    EXPECT(0, "cd $TEST_DIR/elsewhere; nm -D --defined-only ../usr/lib/libaffjord.so | sed 's/.* //' | sort > shown; "
              "diff declared shown");
    EXPECT(0, "objdump -p $TEST_DIR/usr/lib/libaffjord.so");
    EXPECT_SAYS("libaffjord.so.0\n");
    EXPECT(0, "readlink $TEST_DIR/usr/lib/libaffjord.so.0");
    EXPECT_SAYS("libaffjord.so.0.");
    /* Every header is installed, and none includes another by its path in the sources. */
    EXPECT(1, "grep -rn '#include \"' $TEST_DIR/usr/include");
}

Test(install, results_are_read_by_scripts) {
    EXPECT(0, "cd $TEST_DIR/elsewhere; $INSTALLED small.ini --quiet && $INSTALLED export 1 --output m.safetensors");
    EXPECT(0, "cd $TEST_DIR/elsewhere; python3 ../usr/share/doc/affjord/examples/read_results.py "
              "results/results.db m.safetensors");
    EXPECT_SAYS("affjord on points, seed 0, 100 iterations");
    EXPECT_SAYS("hypernet.0.weight");
    EXPECT(0, "cd $TEST_DIR/elsewhere; Rscript ../usr/share/doc/affjord/examples/read_results.R "
              "results/results.db m.safetensors");
    EXPECT_SAYS("affjord on points seed 0");
    EXPECT_SAYS("hypernet.0.weight");
}

/* Return bash's completions for a command line, in order. */
static void expect_completion(const char *words, const char *expected) {
    EXPECT(
        0,
        "cd $TEST_DIR/elsewhere; bash -c '. ../usr/share/bash-completion/completions/affjord; COMP_WORDS=(affjord %s); "
        "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _affjord; echo ${COMPREPLY[*]}'",
        words);
    output[strcspn(output, "\n")] = '\0';
    cr_expect_str_eq(output, expected, "affjord %s: \"%s\"", words, output);
}

Test(install, pages_render_and_bash_completes) {
    EXPECT(0,
           "mandoc -Tlint -Wwarning $TEST_DIR/usr/share/man/man1/affjord.1 $TEST_DIR/usr/share/man/man5/affjord.ini.5");
    cr_expect_str_eq(output, "");
    EXPECT(0, "mandoc -Tascii $TEST_DIR/usr/share/man/man1/affjord.1 | sed 's/.\\x08//g'");
    EXPECT_SAYS("affjord sample RUN|FILE.safetensors --n N --output FILE");
    cr_expect_null(strstr(output, "./run"), "%s", output);
    EXPECT(0, "mandoc -Tascii $TEST_DIR/usr/share/man/man5/affjord.ini.5 | sed 's/.\\x08//g'");
    EXPECT_SAYS("learning_rate = number, 1e-12 to 10");
    expect_completion("expo", "export");
    expect_completion("table2", "table2.ini");
    expect_completion("sma", "small.ini");
    expect_completion("small.ini --se", "--set --seeds");
    expect_completion("small.ini --set train.it", "train.iterations=");
    expect_completion("small.ini --set model.context = a", "augmented");
    expect_completion("small.ini --device \"\"", "cpu cuda");
    expect_completion("bench \"\"", "toy conv device");
    expect_completion("check --res", "--restart");
    expect_completion("small.ini --db \"\"", "");
}

Test(install, uninstall_leaves_earlier_files) {
    EXPECT(0, "mkdir -p $TEST_DIR/stage/opt/bin && echo own > $TEST_DIR/stage/opt/bin/other");
    make("install PREFIX=/opt LIBDIR=/opt/lib64 DESTDIR=$TEST_DIR/stage");
    EXPECT(0, "grep -rl $TEST_DIR $TEST_DIR/stage | wc -l");
    cr_expect_eq(atoi(output), 0, "DESTDIR is in no file");
    EXPECT(0, "cd $TEST_DIR/elsewhere; ../stage/opt/bin/affjord fig6.ini --dry-run");
    EXPECT_SAYS("hash_gaussian");
    make("uninstall PREFIX=/opt LIBDIR=/opt/lib64 DESTDIR=$TEST_DIR/stage");
    EXPECT(0, "cd $TEST_DIR/stage; find . ! -type d; find . -name '*affjord*'");
    cr_expect_str_eq(output, "./opt/bin/other\n");
}

#endif
