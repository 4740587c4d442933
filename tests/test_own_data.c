/* test_own_data.c - ./run on a user's own data: tables in parts, images, and messages about invalid files. */
#ifndef AFFJORD_DOUBLE /* as test_run.c */

#include "file_support.h"
#include "run_support.h"

static const char experiment[] = "[experiment]\nname = small\ndata = a.csv\nmodels = ffjord\n"
                                 "[model]\nwidth = 8\nhypernet_width = 8\n"
                                 "[model ffjord]\ncontext = time\n"
                                 "[image]\nhidden_layers = 1\nhidden_channels = 4\n"
                                 "[flow]\nend_time = 1\ndivergence = rademacher\n"
                                 "[solver]\nsteps = 3\n"
                                 "[train]\niterations = 40\nbatch = 16\nepoch_iterations = 10\n"
                                 "[output]\ndensity_cells = 0\nsamples = 2\n";

static void write_points(const char *name, int seed, int rows) {
    EXPECT(0,
           "awk 'BEGIN { srand(%d); print \"x,y,kind\"; for (i = 0; i < %d; i++) { u = rand() - 0.5; "
           "print u \",\" u * u + 0.1 * rand() \",some words\" } }' >$TEST_DIR/%s",
           seed, rows, name);
}

static void begin(void) {
    begin_run(experiment);
    write_points("a.csv", 1, 300);
    write_points("b.csv", 2, 50);
    write_points("c.csv", 3, 70);
}

TestSuite(own_data, .init = begin, .fini = end_run, .timeout = 240);

static const char parts[] =
    "--set data.ignore=kind --set data.validation=$TEST_DIR/b.csv --set data.test=$TEST_DIR/c.csv";

/* *out <- the first column of a query on r.db. */
static double query(const char *sql) {
    EXPECT(0, "sqlite3 $TEST_DIR/r.db \"%s\"", sql);
    return strtod(output, NULL);
}

Test(own_data, three_parts_are_trained_validated_and_tested) {
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --jobs 1 --set flow.divergence=exact %s", parts);
    EXPECT_SAYS("a: 420 rows, 50 of them held out for validation and 70 for test; 2 columns: x ");
    const double best = query("SELECT value FROM metric WHERE name = 'best_epoch'");
    char sql[256];
    snprintf(sql, sizeof sql,
             "SELECT (SELECT value FROM metric WHERE name = 'chosen_test_loss') = "
             "(SELECT loss FROM epoch WHERE split = 'test' AND epoch = %d)",
             (int)best);
    cr_expect_eq(query(sql), 1, "%s", output);
    cr_expect_eq(query("SELECT count(*) FROM epoch WHERE split = 'test'"), 4);
    cr_expect_eq(query("SELECT value FROM setting WHERE section = 'train' AND setting.key = 'test'"), 70);
    /* ./run eval on the files gives the losses of the last epoch. */
    char words[64];
    snprintf(words, sizeof words, "70 points: mean log-likelihood %.4f nats",
             -query("SELECT loss FROM epoch WHERE split = 'test' AND epoch = 4"));
    EXPECT(0, "$AFFJORD eval 1 --db $TEST_DIR/r.db --input $TEST_DIR/c.csv");
    EXPECT_SAYS(words);
    EXPECT(0, "$AFFJORD check --run 1 --db $TEST_DIR/r.db");
    EXPECT_SAYS("1 of 1 run came out the same");
}

/* Paths are relative to the file that has them. Keys depend on the content of the parts, not on their paths. */
Test(own_data, keys_depend_on_the_content_of_files) {
    static const char key[] = "--dry-run | awk '$2 == \"a\" && $3 == \"ffjord\" { print $1 }'";
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db %s %s", parts, key);
    char *first = strdup(output);
    cr_assert_eq(strlen(first), 33, "%s", first);
    EXPECT(
        0,
        "mkdir $TEST_DIR/else && cp $TEST_DIR/[bc].csv $TEST_DIR/else && cat $TEST_DIR/small.ini >$TEST_DIR/p.ini && "
        "printf '[data]\\ncolumns = 1, y\\nvalidation = else/b.csv\\ntest = else/c.csv\\n' >>$TEST_DIR/p.ini");
    EXPECT(0, "$AFFJORD $TEST_DIR/p.ini --db $TEST_DIR/r.db %s", key);
    cr_expect_str_eq(output, first, "the same data by another description");
    EXPECT(0,
           "sed -i 's/^\\([0-9.-]*\\)1,/\\12,/' $TEST_DIR/else/c.csv && ! cmp -s $TEST_DIR/c.csv $TEST_DIR/else/c.csv");
    EXPECT(0, "$AFFJORD $TEST_DIR/p.ini --db $TEST_DIR/r.db %s", key);
    cr_expect_str_neq(output, first, "another test part");
    free(first);
}

Test(own_data, bad_parts_are_named_with_their_line) {
    static const struct {
        const char *line, *place, *words;
    } cases[] = {
        {"ignore = knid", "p.ini:26: a.csv: data.ignore: ", "expected one of x, y, kind, or a number from 1 to 3"},
        {"ignore = kind\\ntest = none.csv", "none.csv", "cannot read"},
        {"ignore = kind\\ntest = 0.95", "p.ini:27: a.csv: data.test: ", "has 300 rows or images, and 30 + 285"},
        {"ignore = kind\\nvalidation = -3", "p.ini:27: a.csv: data.validation: -3: ", "a fraction between 0 and 1"},
    };
    for (size_t i = 0; i < 4; i++) {
        EXPECT(0, "cat $TEST_DIR/small.ini >$TEST_DIR/p.ini && printf '[data]\\n%s\\n' >>$TEST_DIR/p.ini",
               cases[i].line);
        EXPECT(2, "$AFFJORD $TEST_DIR/p.ini --db $TEST_DIR/r.db --dry-run");
        EXPECT_SAYS(cases[i].place);
        EXPECT_SAYS(cases[i].words);
    }
    EXPECT(2, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --dry-run --set experiment.data=ty --set data.test=3");
    EXPECT_SAYS("data.test: \"ty\" is a toy density");
    EXPECT(2, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --dry-run --set data.ignore=kind --set train.test=5");
    EXPECT_SAYS("train.test: 5 test points of \"a\": expected at most the 0 of its test part");
    EXPECT(0, "sed -i 's/^models = .*/models = ffjord, other/' $TEST_DIR/small.ini && "
              "printf '[model other]\\ncontext = augmented\\ndata.test = 5\\n' >>$TEST_DIR/small.ini");
    EXPECT(2, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --dry-run --set data.ignore=kind");
    EXPECT_SAYS("data.test: expected the same for all models");
}

/* --- Images --- */

static void write_images(const char *name, const char *shape, size_t size) {
    char path[128];
    size_t all;
    unsigned char *pixels = malloc(size);
    for (size_t i = 0; i < size; i++) pixels[i] = (unsigned char)(i * i % 211);
    unsigned char *bytes = array_bytes("|u1", false, shape, pixels, size, &all);
    scratch_path(folder, name, path);
    scratch_write(path, bytes, all);
    free(pixels);
    free(bytes);
}

Test(own_data, images_of_an_array_and_of_a_folder) {
    write_images("im.npy", "(40, 8, 12)", 40 * 96);
    unsigned char pixels[24 * 24 * 3];
    EXPECT(0, "mkdir $TEST_DIR/pics");
    for (size_t i = 0; i < 12; i++) {
        char name[32], path[128];
        size_t size;
        for (size_t k = 0; k < sizeof pixels; k++) pixels[k] = (unsigned char)(k * (i + 1));
        unsigned char *bytes =
            png_bytes(&(png_spec){.width = 24, .height = 20 + i, .channels = 1, .bits = 8, .pixels = pixels}, &size);
        snprintf(name, sizeof name, "pics/%zu.png", i);
        scratch_path(folder, name, path);
        scratch_write(path, bytes, size);
        free(bytes);
    }
    EXPECT(2, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --set experiment.data=$TEST_DIR/pics");
    EXPECT_SAYS("\"0.png\" has 20 x 24 pixels (height x width) and \"1.png\" 21 x 24");
    EXPECT(0, "sed 's|^data = .*|data = im.npy, pics/|' $TEST_DIR/small.ini >$TEST_DIR/images.ini && printf "
              "'[data]\\nvalidation = 3\\ntest = 0.25\\n[data pics]\\nimage.size = 8x8\\n' >>$TEST_DIR/images.ini");
    EXPECT(0, "$AFFJORD $TEST_DIR/images.ini --db $TEST_DIR/r.db --quiet");
    cr_expect_eq(query("SELECT count(*) FROM run WHERE dataset IN ('im', 'pics_8x8') AND iteration = 40"), 2);
    cr_expect_eq(query("SELECT count(*) FROM metric WHERE name = 'chosen_test_loss' AND value > 0"), 2);
    cr_expect_eq(
        query("SELECT value FROM setting JOIN run USING (run_id) WHERE dataset = 'im' AND section = 'train' AND "
              "setting.key = 'test'"),
        10);
    EXPECT(0, "$AFFJORD eval 1 --db $TEST_DIR/r.db --input $TEST_DIR/im.npy --n 7");
    EXPECT_SAYS("7 images: ");
    EXPECT(1, "$AFFJORD eval 1 --db $TEST_DIR/r.db --input $TEST_DIR/pics");
    EXPECT(0, "$AFFJORD check --sample 2 --seed 0 --db $TEST_DIR/r.db");
    EXPECT_SAYS("2 of 2 runs came out the same");
    EXPECT(0, "$AFFJORD data check $TEST_DIR/pics --set image.size=8x8 && $AFFJORD data check $TEST_DIR/im.npy");
    EXPECT_SAYS("pics: sound; 11 training + 1 validation images of 1 x 8 x 8");
    EXPECT_SAYS("im: sound; 36 training + 4 validation images of 1 x 8 x 12");
}

Test(own_data, sizes_without_scales_are_refused_before) {
    write_images("odd.npy", "(20, 30, 28)", 20 * 30 * 28);
    EXPECT(2, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --set experiment.data=$TEST_DIR/odd.npy");
    EXPECT_SAYS("odd.npy: images of 30 x 28 pixels (height x width)");
    EXPECT_SAYS("expected for example 28 x 28");
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --set experiment.data=$TEST_DIR/odd.npy "
              "--set image.size=28 --dry-run");
    EXPECT(0, "$AFFJORD data check $TEST_DIR/odd.npy");
    EXPECT_SAYS("odd: warning: images of 30 x 28 pixels");
    EXPECT(2, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --set experiment.data=$TEST_DIR/odd.npy "
              "--set image.size=28by28");
    EXPECT_SAYS("image.size: 28by28: expected HEIGHTxWIDTH");
    EXPECT(2, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --set experiment.data=$TEST_DIR/odd.npy "
              "--set data.ignore=x");
    EXPECT_SAYS("data.ignore: ");
    EXPECT_SAYS("holds images");
}

#endif
