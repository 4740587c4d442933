/* test_check_images.c - ./run check and ./run export --archive on trainings on images. */
#ifndef AFFJORD_DOUBLE /* as test_run.c */

#include "picture_support.h"
#include "run_images_support.h"

TestSuite(check_images, .init = begin, .fini = end, .timeout = 240);

Test(check_images, a_sample_comes_out_the_same_and_an_archive_draws_the_same) {
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/a.db --jobs 2 --quiet");
    EXPECT(0, "$AFFJORD check $TEST_DIR/a.db --sample 2 --threads 2");
    EXPECT_SAYS(": the same, ");
    EXPECT_SAYS("2 of 2 runs came out the same");
    EXPECT_SAYS(", convolutions 1: the same, ");
    EXPECT(0, "$AFFJORD check $TEST_DIR/a.db --record $TEST_DIR/a.tsv && grep -c 'loss.*bits' $TEST_DIR/a.tsv");
    EXPECT(0, "$AFFJORD check $TEST_DIR/a.db --baselines $TEST_DIR/a.tsv");
    EXPECT(0, "sqlite3 $TEST_DIR/a.db 'UPDATE epoch SET loss = loss * 1.001 WHERE run_id = 1 AND epoch = 2'");
    EXPECT(1, "$AFFJORD check $TEST_DIR/a.db --run 1");
    EXPECT(1, "$AFFJORD check $TEST_DIR/a.db --baselines $TEST_DIR/a.tsv");
    /* Numbers of a library's convolutions, as in older versions, may differ slightly. */
    EXPECT(0, "sqlite3 $TEST_DIR/a.db \"DELETE FROM metric WHERE run_id = 1 AND name = 'convolutions'\"");
    EXPECT(0, "$AFFJORD check $TEST_DIR/a.db --baselines $TEST_DIR/a.tsv");
    EXPECT(0, "sqlite3 $TEST_DIR/a.db 'UPDATE epoch SET loss = loss * 1.001 WHERE run_id = 1 AND epoch = 3'");
    EXPECT(0, "$AFFJORD check $TEST_DIR/a.db --run 1");
    EXPECT_SAYS(", convolutions of a library: the same as far as is promised");
    EXPECT(0, "sqlite3 $TEST_DIR/a.db 'UPDATE epoch SET loss = loss * 1.1 WHERE run_id = 1 AND epoch = 4'");
    EXPECT(1, "$AFFJORD check $TEST_DIR/a.db --run 1");
    EXPECT_SAYS("first in epoch 4, training: recorded ");
    EXPECT(1, "AFFJORD_DATA=$TEST_DIR $AFFJORD check $TEST_DIR/a.db --sample 2");
    EXPECT_SAYS("Not chosen: 4 runs, as ");
    EXPECT_SAYS("the images \"mnist-tiny\" are not in the folder");
    /* Downsampled images have another name than their set. */
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/b.db --jobs 2 --quiet --seeds 0 --set image.downsample=2");
    EXPECT(0, "$AFFJORD check $TEST_DIR/b.db --sample 1");
    EXPECT_SAYS("mnist-tiny_4x4 ");
    EXPECT(0, "$AFFJORD export --archive $TEST_DIR/c.db --db $TEST_DIR/a.db");
    EXPECT_SAYS("4 of 4 runs, 2 of 4 pictures");
    EXPECT(0, "for d in a c; do ./paper_figures.sh --db $TEST_DIR/$d.db --out $TEST_DIR/$d fig8 >/dev/null || exit 1; "
              "done");
    char one[128], other[128];
    scratch_path(folder, "a/fig8.png", one);
    scratch_path(folder, "c/fig8.png", other);
    const double seen = picture_difference(one, other);
    cr_expect_leq(seen, 0.5, "fig8.png differs by %g", seen);
}

#endif
