/* test_eval_folder.c - the folder of a run's images in ./run eval and ./run check; tables with commas in their
 * paths. */
#ifndef AFFJORD_DOUBLE /* as test_run.c */

#include "run_images_support.h"

TestSuite(eval_folder, .init = begin, .fini = end, .timeout = 240);

#define TRAIN "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --quiet --seeds 0 --set train.iterations=3 "
#define EVAL "$AFFJORD eval 1 --db $TEST_DIR/r.db --input mnist-tiny --n 5 "

Test(eval_folder, is_that_of_the_training_or_another) {
    EXPECT(0, "cp -r $AFFJORD_DATA $TEST_DIR/there");
    EXPECT(0, TRAIN "--set data.dir=$TEST_DIR/../$(basename $TEST_DIR)/there");
    unsetenv("AFFJORD_DATA");
    EXPECT(
        0,
        "sqlite3 $TEST_DIR/r.db \"SELECT value FROM setting WHERE section = 'data' AND key = 'dir' AND run_id = 1\"");
    char expected[128];
    snprintf(expected, sizeof expected, "%s/there\n", folder);
    cr_assert_str_eq(output, expected);
    EXPECT(0, EVAL);
    EXPECT_SAYS("5 images: ");
    EXPECT(0, "$AFFJORD check $TEST_DIR/r.db --sample 1");
    EXPECT_SAYS("1 of 1 run came out the same");
    /* If it is gone: in the named folder, or in the default ones. */
    EXPECT(0, "mv $TEST_DIR/there $TEST_DIR/elsewhere");
    EXPECT(1, EVAL);
    EXPECT_SAYS("mnist-tiny: the image data set is not in \"./data\", nor in the folder of the training, ");
    EXPECT_SAYS("there\"; set its folder with --data-dir");
    EXPECT(0, EVAL "--data-dir $TEST_DIR/elsewhere");
    EXPECT(0, "AFFJORD_DATA=$TEST_DIR/elsewhere " EVAL);
    EXPECT(1, EVAL "--data-dir $TEST_DIR/nowhere");
    EXPECT_SAYS("nowhere\"; set its folder with --data-dir");
    EXPECT(2, "$AFFJORD eval 1 --db $TEST_DIR/r.db --input x.csv --data-dir $TEST_DIR --output p.npy");
}

/* The key of a run and its stored rows do not depend on the folder of its images. */
Test(eval_folder, decides_no_number) {
    EXPECT(0, "cp -r $AFFJORD_DATA $TEST_DIR/there");
    EXPECT(0, TRAIN "--set data.dir=$TEST_DIR/there && cp $TEST_DIR/r.db $TEST_DIR/other.db && rm -r $TEST_DIR/r.*");
    EXPECT(0, TRAIN);
    EXPECT(0, "sqlite3 $TEST_DIR/r.db \"SELECT count(*) FROM setting WHERE section = 'data' AND key = 'dir'\"");
    cr_assert_str_eq(output, "0\n");
    EXPECT(0,
           "for d in r other; do sqlite3 $TEST_DIR/$d.db \"SELECT key, section, s.key, value FROM run JOIN setting s "
           "USING (run_id) WHERE section != 'data' ORDER BY 1, 2, 3\" >$TEST_DIR/$d; done; cmp $TEST_DIR/r "
           "$TEST_DIR/other");
}

Test(eval_folder, tables_may_have_commas_in_their_paths) {
    char path[128];
    scratch_path(folder, "commas.ini", path);
    static const char text[] =
        "[experiment]\nname = c\ndata =\n    \"a, b/c, d.csv\"\nmodels = m\n[model m]\ncontext = time\n"
        "width = 8\n[solver]\nsteps = 3\n[train]\niterations = 4\nbatch = 8\nepoch_iterations = 2\n"
        "validation = 10\n[output]\nsamples = 5\ndensity_cells = 4\n";
    scratch_write(path, text, strlen(text));
    EXPECT(0,
           "mkdir \"$TEST_DIR/a, b\" && for i in 1 2 3 4 5 6 7 8 9; do for j in 1 2 3; do echo $j.$i,$i.$j; done; done "
           ">\"$TEST_DIR/a, b/c, d.csv\"");
    EXPECT(0, "$AFFJORD $TEST_DIR/commas.ini --db $TEST_DIR/c.db --quiet && $AFFJORD list runs --db $TEST_DIR/c.db");
    EXPECT_SAYS("c, d");
    EXPECT(0, "$AFFJORD check $TEST_DIR/c.db --sample 1");
    EXPECT_SAYS("1 of 1 run came out the same");
    EXPECT(0, "$AFFJORD eval 1 --db $TEST_DIR/c.db --input \"$TEST_DIR/a, b/c, d.csv\"");
    EXPECT_SAYS("27 points: ");
}

/* Only SQLite limits paths to short ones. */
Test(eval_folder, long_paths_work_or_are_refused) {
    EXPECT(
        0,
        "cd $TEST_DIR && d=$PWD && s=$(printf 'l%%.0s' $(seq 1 190)) && while test ${#d} -lt 3700; do d=$d/$s; done && "
        "mkdir -p $d && ln -s $d long");
    EXPECT(0, TRAIN);
    EXPECT(
        0,
        "d=$(realpath $TEST_DIR/long) && $AFFJORD sample 1 --db $TEST_DIR/r.db --n 2 --output $d/x.npy && "
        "$AFFJORD export 1 --db $TEST_DIR/r.db --output $d/m.safetensors && "
        "$AFFJORD eval $d/m.safetensors --input mnist-tiny --n 2 --output $d/p.csv && "
        "cp -r $AFFJORD_DATA $d/data && $AFFJORD eval $d/m.safetensors --input mnist-tiny --n 2 --data-dir $d/data && "
        "$AFFJORD check $TEST_DIR/r.db --record $d/r.tsv && $AFFJORD export --archive $d/a.db --db $TEST_DIR/r.db 2>&1 "
        "|| true");
    EXPECT(0, "ls $TEST_DIR/long");
    EXPECT_SAYS("data\nm.safetensors\np.csv\nr.tsv\nx.npy\n");
    EXPECT(1, "$AFFJORD $TEST_DIR/small.ini --db $(realpath $TEST_DIR/long)/r.db");
    EXPECT_SAYS("the database's path is too long: ");
    EXPECT_SAYS("SQLite takes at most 504");
    EXPECT(1, "$AFFJORD list --db $TEST_DIR/long/r.db"); /* a link is followed */
    EXPECT_SAYS("the database's path is too long: ");
    EXPECT(2, "AFFJORD_ROOT=/$(printf 'l%%.0s' $(seq 1 4090)) $AFFJORD list");
    EXPECT_SAYS("AFFJORD_ROOT: the path is too long");
    EXPECT(1, "$AFFJORD sample 1 --db $TEST_DIR/r.db --n 2 --output /$(printf 'l%%.0s' $(seq 1 4100)).npy");
    EXPECT_SAYS("too long");
}

#endif
