/* test_model_commands.c - the commands transform, inverse and trajectory give the library's bits; eval and sample with
 * another solver than the training's; the integral of a density. */
#ifndef AFFJORD_DOUBLE /* as test_run.c */

#include <math.h>

#include "data/table.h"
#include "model/model.h"
#include "run_support.h"

static const char small_experiment[] = TINY_EXPERIMENT("small", "0", "300", "50");

enum { ROWS = 60, D = 2 };

/* A trained run, exported, and some points. */
static void begin(void) {
    char *program = realpath(binary, NULL); /* absolute, because tests change the folder */
    begin_run(small_experiment);
    setenv("AFFJORD", program, 1);
    free(program);
    EXPECT(0, "$AFFJORD $TEST_DIR/small.ini --db $TEST_DIR/r.db --quiet");
    EXPECT(0, "$AFFJORD export 2 --db $TEST_DIR/r.db --output $TEST_DIR/m.safetensors");
    EXPECT(0,
           "awk 'BEGIN { for (i = 0; i < %d; i++) printf \"%%.4f,%%.4f\\n\", 1.5 * sin(i), 1.5 * cos(2 * i) }' > "
           "$TEST_DIR/x.csv",
           ROWS);
}

TestSuite(model_commands, .init = begin, .fini = end_run, .timeout = 120);

#define ON(command) IN "$AFFJORD " command " 2 --db r.db "
#define IN "cd $TEST_DIR && "

static model *open_model(void) {
    char path[128];
    error_info err;
    model *flow = NULL;
    scratch_path(folder, "m.safetensors", path);
    cr_assert_eq(model_open(path, 1, &flow, &err), STATUS_OK, "%s", err.text);
    return flow;
}

static table *read_table(const char *name, size_t rows, size_t columns) {
    char path[128];
    error_info err;
    table *out = NULL;
    scratch_path(folder, name, path);
    cr_assert_eq(table_read_numbers(path, &out, &err), STATUS_OK, "%s", err.text);
    cr_assert_eq(out->rows, rows);
    cr_assert_eq(out->columns, columns);
    return out;
}

#define GOOD(call) cr_assert_eq((call), STATUS_OK, "%s", err.text)

Test(model_commands, points_go_through_the_flow_with_the_librarys_bits) {
    error_info err = {""};
    model *flow = open_model();
    real z[ROWS * D], back[ROWS * D];
    table *x = read_table("x.csv", ROWS, D);
    GOOD(model_transform(flow, (model_rows){.doubles = x->numbers}, 0, ROWS, 0, (model_rows){.reals = z}, NULL, &err));
    EXPECT(0, ON("transform") "--input x.csv --output z.npy && $AFFJORD transform m.safetensors --input x.csv --output "
                              "z.csv --threads 2");
    table *text = read_table("z.csv", ROWS, D), *of_numpy = read_table("z.npy", ROWS, D);
    for (size_t i = 0; i < ROWS * D; i++) {
        cr_assert_eq((real)text->numbers[i], z[i], "number %zu", i);
        cr_assert_eq((real)of_numpy->numbers[i], z[i], "number %zu", i);
    }
    GOOD(model_invert(flow, (model_rows){.reals = z}, 0, ROWS, (model_rows){.reals = back}, &err));
    EXPECT(0, ON("inverse") "--input z.npy --output back.npy");
    table *returned = read_table("back.npy", ROWS, D);
    for (size_t i = 0; i < ROWS * D; i++) {
        cr_assert_eq((real)returned->numbers[i], back[i], "number %zu", i);
        cr_assert_float_eq(returned->numbers[i], x->numbers[i], 0.1, "number %zu", i);
    }
    table_destroy(&returned);
    table_destroy(&of_numpy);
    table_destroy(&text);
    table_destroy(&x);
    model_close(&flow);
}

Test(model_commands, a_trajectory_has_a_row_for_each_time_and_point) {
    error_info err = {""};
    enum { TIMES = 3 };
    model *flow = open_model();
    double times[TIMES] = {0, 0, 0}, way[TIMES * ROWS * D];
    table *x = read_table("x.csv", ROWS, D);
    for (size_t i = 0; i < TIMES; i++) times[i] = model_end_time(flow) * (double)i / (TIMES - 1);
    GOOD(model_trajectory(flow, (model_rows){.doubles = x->numbers}, ROWS, TIMES, times, (model_rows){.doubles = way},
                          &err));
    EXPECT(0, ON("trajectory") "--input x.csv --times 3 --output t.npy");
    EXPECT(0, ON("trajectory") "--input x.csv --times 0,5,10 --output t.csv");
    table *rows = read_table("t.npy", TIMES * ROWS, 1 + D), *text = read_table("t.csv", TIMES * ROWS, 1 + D);
    for (size_t i = 0; i < TIMES * ROWS; i++) {
        cr_assert_eq(rows->numbers[i * (1 + D)], times[i / ROWS]);
        for (size_t d = 0; d < D; d++) cr_assert_eq(rows->numbers[i * (1 + D) + 1 + d], way[i * D + d]);
        for (size_t d = 0; d <= D; d++) cr_assert_eq(rows->numbers[i * (1 + D) + d], text->numbers[i * (1 + D) + d]);
    }
    table_destroy(&text);
    table_destroy(&rows);
    table_destroy(&x);
    model_close(&flow);
}

Test(model_commands, another_solver_has_its_distance_to_that_of_the_training) {
    error_info err = {""};
    model *flow = open_model();
    double coarse[ROWS], fine[ROWS], largest = 0;
    table *x = read_table("x.csv", ROWS, D);
    const model_rows from = {.doubles = x->numbers}, none = {.reals = NULL};
    GOOD(model_transform(flow, from, 0, ROWS, 0, none, coarse, &err));
    GOOD(model_set_solver(flow, 2, (const char *[]){"solver.method=dopri5", "solver.rtol=1e-6"}, &err));
    GOOD(model_transform(flow, from, 0, ROWS, 0, none, fine, &err));
    EXPECT(0, ON("eval") "--input x.csv --set solver.method=dopri5 --set solver.rtol=1e-6 --output p.npy");
    table *p = read_table("p.npy", ROWS, 2);
    for (size_t i = 0; i < ROWS; i++) {
        cr_assert_eq(p->numbers[2 * i], fine[i]);
        cr_assert_eq(p->numbers[2 * i + 1], coarse[i] - fine[i]);
        largest = fmax(largest, fabs(coarse[i] - fine[i]));
    }
    cr_assert_gt(largest, 1e-4, "five steps of rk4 are coarse");
    char words[128];
    snprintf(words, sizeof words, "trained solver (solver.method = rk4, solver.rtol = 1e-05): log p differs by %.3g at",
             largest);
    EXPECT_SAYS(words);
    /* The training's own solver does not count as another one. */
    EXPECT(0, ON("eval") "--input x.csv --set solver.steps=5");
    EXPECT_SAYS("trained solver (solver.steps = 5): log p differs by 0 at most, 0 rms\n");
    EXPECT(0, ON("sample") "--n 9 --output fine.csv --set solver.steps=50");
    EXPECT_SAYS("trained solver (solver.steps = 5): samples differ by ");
    EXPECT(0, ON("sample") "--n 9 --output coarse.csv; ! cmp -s fine.csv coarse.csv");
    EXPECT(0, ON("sample") "--n 9 --output one.csv --temperature 1; cmp -s one.csv coarse.csv");
    EXPECT(0, ON("sample") "--n 9 --output cold.csv --temperature 0.5; ! cmp -s cold.csv coarse.csv");
    EXPECT(0, ON("transform") "--input x.csv --output z.npy --set solver.steps=50");
    EXPECT_SAYS("results differ by ");
    table_destroy(&p);
    table_destroy(&x);
    model_close(&flow);
}

/* The printed mass equals a separate sum over the printed grid. */
Test(model_commands, the_sum_of_a_density_is_that_of_its_grid) {
    error_info err = {""};
    enum { CELLS = 40 };
    double mass, w[4], x[CELLS * CELLS * D], log_p[CELLS * CELLS], sum = 0;
    EXPECT(0, ON("eval") "--check-density --cells 40 --set solver.steps=60");
    EXPECT_SAYS("trained solver (solver.steps = 5): the mass differs by ");
    const char *line = strstr(output, "mass 0.9");
    if (!line) line = strstr(output, "mass 1.0");
    cr_assert(line, "close to 1: %s", output);
    cr_assert_eq(sscanf(line, "mass %lf: sum of p(x) over 40 x 40 cells of [%lf, %lf] x [%lf, %lf]", &mass, &w[0],
                        &w[1], &w[2], &w[3]),
                 5, "%s", line);
    model *flow = open_model();
    GOOD(model_set_solver(flow, 1, (const char *[]){"solver.steps=60"}, &err));
    for (size_t i = 0; i < CELLS * CELLS; i++) {
        x[2 * i] = w[0] + ((double)(i % CELLS) + 0.5) * (w[1] - w[0]) / CELLS;
        x[2 * i + 1] = w[2] + ((double)(i / CELLS) + 0.5) * (w[3] - w[2]) / CELLS;
    }
    GOOD(model_transform(flow, (model_rows){.doubles = x}, 0, CELLS * CELLS, 0, (model_rows){.reals = NULL}, log_p,
                         &err));
    for (size_t i = 0; i < CELLS * CELLS; i++) sum += exp(log_p[i]);
    cr_expect_float_eq(sum * (w[1] - w[0]) * (w[3] - w[2]) / (CELLS * CELLS), mass, 0.002);
    cr_expect_float_eq(mass, 1, 0.05);
    model_close(&flow);
    EXPECT(0, ON("eval") "--check-density --cells 3");
    EXPECT_SAYS("expected 1 within 0.01: compare with more --cells, and with a finer solver");
}

Test(model_commands, invalid_requests_are_rejected) {
    static const struct {
        int status;
        const char *words, *sentence;
    } cases[] = {
        {2, "eval 2 --db r.db --input x.csv --set model.width=8",
         "--set model.width=8: expected a setting of [solver]"},
        {2, "eval 2 --db r.db --input x.csv --set solver.stps=8", "the nearest is solver.steps"},
        {2, "sample 2 --db r.db --n 3 --output s.csv --set solver.steps=0", "expected an integer from 1"},
        {2, "sample 2 --db r.db --n 3 --output s.csv --temperature 0", "--temperature 0: expected a number above 0"},
        {2, "sample 2 --db r.db --n 3 --output s.csv --temperature x", "--temperature x: expected a number above 0"},
        {2, "eval 2 --db r.db", "--input: missing"},
        {2, "eval 2 --db r.db --check-density --input x.csv", "expected neither --input nor --output beside it"},
        {2, "eval 2 --db r.db --input x.csv --cells 3", "--cells: expected --check-density beside it"},
        {2, "transform 2 --db r.db --input x.csv", "--output: missing"},
        {2, "transform 9 --db r.db --input x.csv --output z.csv", "has the number 9 or a key that begins with it"},
        {2, "inverse 2 --db r.db --output z.csv", "--input: missing"},
        {1, "inverse 2 --db r.db --input wide.csv --output z.csv", "found 3 columns, expected 2"},
        {2, "trajectory 2 --db r.db --input x.csv --output z.csv", "--times: missing"},
        {2, "trajectory 2 --db r.db --input x.csv --output z.csv --times 0,5,4", "expected times that ascend from 0"},
        {2, "trajectory 2 --db r.db --input x.csv --output z.csv --times 0,11", "expected times that ascend from 0"},
        {2, "trajectory 2 --db r.db --input x.csv --output z.csv --times 0,,1", "expected numbers with commas"},
        {2, "trajectory 2 --db r.db --input x.csv --output z.csv --times 20000", "expected at most 10000 times"},
        {1, "transform 1 --db away/r.db --input x.csv --output z.csv", "cannot read the checkpoint"},
    };
    EXPECT(0, IN "echo 1,2,3 > wide.csv; mkdir away; cp r.db away"); /* a database without its checkpoints */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        EXPECT(cases[i].status, IN "$AFFJORD %s", cases[i].words);
        cr_expect(strstr(output, cases[i].sentence), "%s: %s", cases[i].words, output);
    }
    /* Two keys that begin alike. */
    EXPECT(0, IN "sqlite3 r.db \"UPDATE run SET key = 'abcd' || substr(key, 5)\"");
    EXPECT(2, IN "$AFFJORD transform abcd --db r.db --input x.csv --output z.csv");
    EXPECT_SAYS("several runs of ");
}

#endif
