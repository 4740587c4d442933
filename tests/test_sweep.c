/* test_sweep.c - the section [sweep]: its messages, points, samples and selections; plans with it. */
#include <sys/resource.h>

#include "plan/plan.h"
#include "settings_support.h"

/* Six lines; a section [sweep] begins on line 7, its lines on line 8. */
#define BASE "[experiment]\nname = a\ndata = ty\nmodels = m, n\n[model m]\n[model n]\ncontext = augmented\n[sweep]\n"

TestSuite(sweep, .init = enter_folder, .fini = leave_folder, .timeout = 60);

/* The message of loading or planning x.ini; "" if neither fails. */
static void message_of(const char *text, size_t set_count, const char *const *set, error_info *err) {
    experiment_config *config = NULL;
    plan *runs = NULL;
    err->text[0] = '\0';
    write_text("x.ini", text);
    if (config_load("x.ini", set_count, set, &config, err) == STATUS_OK) plan_create(config, NULL, &runs, err);
    plan_destroy(&runs);
    config_destroy(&config);
}

static plan *make_plan(const char *text, const char *seeds) {
    write_text("x.ini", text);
    experiment_config *config = load("x.ini", 0, NULL);
    plan *runs = NULL;
    error_info err = {""};
    cr_assert_eq(plan_create(config, seeds, &runs, &err), STATUS_OK, "%s", err.text);
    config_destroy(&config);
    return runs;
}

Test(sweep, every_wrong_line_has_its_message) {
    static const struct {
        const char *lines, *message;
    } CASES[] = {
        {"experiment.seeds = 1, 2\n",
         "9: experiment.seeds cannot be swept: it is the same for all runs; set it in [experiment]"},
        {"experiment.name = b, c\n",
         "9: experiment.name cannot be swept: it is the same for all runs; set it in [experiment]"},
        {"output.samples = 1, 2\n",
         "9: output.samples cannot be swept: it changes no number of a run; set it in [output]"},
        {"image.downsample = 1, 2\n", "9: image.downsample cannot be swept: it makes other data; set it in [image]"},
        {"solver.stpes = 1, 2\n", "9: unknown setting solver.stpes; the nearest is solver.steps"},
        {"steps = 1, 2\n", "9: unknown setting steps; expected section.key"},
        {"data ty.train.batch = 1, 2\n",
         "9: data ty.train.batch: a sweep is for all data sets; expected section.key or model NAME.key"},
        {"solver.steps = 5, 0\n", "9: solver.steps = 0: expected an integer from 1 to 100000"},
        {"solver.steps = 5, 6, 5\n", "9: solver.steps: 5 is listed twice"},
        {"flow.end_time = 10, 1, 10.0\n", "9: flow.end_time: 10.0 is listed twice"},
        {"solver.steps =\n", "9: solver.steps: the value is empty"},
        {"solver.steps = 5, 6\nsolver.steps = 7\n", "10: solver.steps is already swept on line 9"},
        {"model m.width = 5, 6\nmodel m.model.width = 7\n", "10: model.width is already swept on line 9"},
        {"model x.width = 5, 6\n", "9: [sweep]: experiment.models lists no x; expected one of m, n"},
        {"sample = 0\n", "9: sample = 0: expected an integer from 1 to 100000"},
        {"sample = 1.5\n", "9: sample = 1.5: expected an integer from 1 to 100000"},
        {"sample = 1\nsample = 2\n", "10: sample is already set on line 9"},
        {"solver.steps = 5, 6\nsample = 3\n", "10: sample = 3: the product has 2 points; expected at most that many"},
        {"solver.steps = 5, 6\nsample = 1\n    7\n",
         "11: an indented line continues the list above, and there is none"},
        /* A setting without an effect on the model that it applies to. */
        {"model.initial_state = zero, learned\n",
         "9: model.initial_state plays no part for model m, whose runs would be the same; sweep it for the models that "
         "use it, as in \"model NAME.model.initial_state\""},
        {"model m.initial_state = zero, learned\n", "9: model.initial_state plays no part for model m"},
        {"solver.atol = 1e-3, 1e-5\n", "9: solver.atol plays no part for model m"},
        {"image.flip = yes, no\n", "9: image.flip plays no part for model m"},
        {"model.hidden = 8, 9\n", "9: model.hidden plays no part for model m"},
        /* A value that a training would reject, at one point only. */
        {"model.field = hyper_mlp, mlp\nmodel.concat = no, yes\n",
         "10: m on ty: model.concat = yes: expected no for an mlp"},
        {"model n.context = augmented, time\n",
         "experiment.models: m and n have the same settings on ty at point 1 of the sweep"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char text[2048];
        error_info err;
        snprintf(text, sizeof text, BASE "%s", CASES[i].lines);
        message_of(text, 0, NULL, &err);
        cr_expect_not_null(strstr(err.text, CASES[i].message), "%s found    %s\n expected %s", CASES[i].lines, err.text,
                           CASES[i].message);
        cr_expect_eq(strncmp(err.text, "x.ini:", 6), 0, "%s", err.text);
    }
}

Test(sweep, a_product_has_an_end) {
    char text[20000] = BASE;
    error_info err;
    const char *const axes[] = {"train.batch = ", "train.warmup = "};
    for (int a = 0; a < 2; a++) {
        strcat(text, axes[a]);
        for (int i = 1; i <= 317; i++) snprintf(text + strlen(text), 8, "%d%s", i, i < 317 ? "," : "\n");
    }
    message_of(text, 0, NULL, &err);
    cr_expect_str_eq(err.text,
                     "x.ini:10: [sweep]: the product has 100489 points with train.warmup; expected at most 100000");
}

/* Settings are computed for each point, so 100,000 points fit into memory. */
Test(sweep, a_product_of_100000_points_is_planned_in_little_memory, .timeout = 300) {
    static char text[8000] = "[experiment]\nname = a\ndata = ty\nmodels = m\n[model m]\n[sweep]\ntrain.batch = ";
    for (int i = 1; i <= 250; i++) snprintf(text + strlen(text), 8, "%d%s", i, i < 250 ? "," : "\n");
    strcat(text, "train.warmup = ");
    for (int i = 1; i <= 400; i++) snprintf(text + strlen(text), 8, "%d%s", i, i < 400 ? "," : "\n");
    error_info err = {""};
    struct rusage before, after;
    settings values;
    getrusage(RUSAGE_SELF, &before);
    plan *whole = make_plan(text, "5-6");
    getrusage(RUSAGE_SELF, &after);
#ifndef __SANITIZE_ADDRESS__
    cr_expect_lt(after.ru_maxrss - before.ru_maxrss, 200000, "%ld KiB", after.ru_maxrss - before.ru_maxrss);
#endif
    cr_assert_eq(whole->run_count, 200000);
    const plan_run *run = &whole->runs[100000 + 6 * 400 + 2]; /* the second seed's */
    plan_run_settings(run, &values);
    cr_expect_eq(values.train_batch, 7);
    cr_expect_eq(values.train_warmup, 3);
    char key[PLAN_KEY_SIZE];
    plan_run_key(&values, run->dataset->checksum, 6, key);
    cr_expect_str_eq(run->key, key);
    /* A sample keeps numbers and keys. */
    strcat(text, "sample = 64\n");
    plan *some = make_plan(text, "5-6");
    cr_assert_eq(some->run_count, 2 * 64);
    for (size_t i = 0; i < 128; i++) {
        const size_t number = some->runs[i].variant->points[0] + (i < 64 ? 0 : 100000);
        cr_expect_str_eq(some->runs[i].key, whole->runs[number].key);
    }
    const char *const conditions[] = {"train.batch = 7", "point = 2402, 2403"};
    cr_assert_eq(plan_where(whole, 2, conditions, &err), STATUS_OK, "%s", err.text);
    cr_assert_eq(whole->run_count, 4);
    cr_expect_eq(whole->runs[3].number, 100000 + 2403);
    plan_destroy(&some);
    plan_destroy(&whole);
}

Test(sweep, set_of_a_swept_setting_is_an_error) {
    error_info err;
    const char *const sets[] = {"solver.steps=7", "model m.solver.steps=7"};
    for (int i = 0; i < 2; i++) {
        message_of(BASE "solver.steps = 5, 6\n", 1, &sets[i], &err);
        cr_expect_str_eq(err.text, "--set solver.steps: x.ini:9 sweeps it; select points by --where");
    }
}

/* Numbers count with the last axis fastest; a line may continue; an including file replaces axes. */
Test(sweep, points_are_the_product) {
    write_text("base.ini", BASE "solver.steps = 5,\n    6, 7\nflow.end_time = 1, 2, 3, 4\n");
    write_text("x.ini", "include = base.ini\n[sweep]\nflow.end_time = 10, 1\nmodel n.width = 8, 9\n");
    experiment_config *config = load("x.ini", 0, NULL);
    const sweep *swept = config_sweep(config);
    cr_assert_eq(swept->axis_count, 3);
    cr_expect_eq(sweep_size(swept), 12);
    settings values;
    for (size_t number = 0; number < 12; number++) {
        settings_default(&values);
        values.model_width = 64;
        sweep_apply(swept, number, "n", &values);
        cr_expect_eq(values.solver_steps, 5 + number / 4);
        cr_expect_eq(values.flow_end_time, number / 2 % 2 ? 1 : 10);
        cr_expect_eq(values.model_width, 8 + number % 2);
    }
    sweep_apply(swept, 0, "m", &values);
    cr_expect_eq(values.model_width, 9, "another model's");
    config_destroy(&config);
}

/* A smaller sample is part of a larger one, and both keep their numbers. */
Test(sweep, samples_are_nested) {
    size_t *small, *large, small_count, large_count, found = 0;
    error_info err;
    write_text("x.ini", BASE "train.batch = 1,2,3,4,5,6,7,8\ntrain.warmup = 1,2,3,4,5,6,7,8\nsample = 9\n");
    experiment_config *config = load("x.ini", 0, NULL);
    sweep swept = *config_sweep(config);
    cr_assert_eq(sweep_draw(&swept, &small, &small_count, &err), STATUS_OK);
    swept.sample = 30;
    cr_assert_eq(sweep_draw(&swept, &large, &large_count, &err), STATUS_OK);
    cr_assert_eq(small_count, 9);
    cr_assert_eq(large_count, 30);
    for (size_t i = 0; i < 9; i++) {
        cr_expect(i == 0 || small[i] > small[i - 1]);
        cr_expect_lt(small[i], 64);
        for (size_t j = 0; j < 30; j++) found += small[i] == large[j];
    }
    cr_expect_eq(found, 9);
    cr_expect_eq(small[0], 8, "the draw is part of what an experiment means: %zu", small[0]);
    cr_expect_eq(small[8], 59, "%zu", small[8]);
    free(small);
    free(large);
    config_destroy(&config);
}

/* The key of a point's run is that of the same settings in a file; FFJORD's runs are shared by points. */
Test(sweep, keys_are_those_of_the_same_settings_in_a_file) {
    plan *swept = make_plan(BASE "flow.end_time = 10, 1\nmodel n.initial_state = zero, learned\n", "3,1");
    plan *plain = make_plan("[experiment]\nname = b\ndata = ty\nmodels = m, n\n[flow]\nend_time = 1\n[model m]\n"
                            "[model n]\ncontext = augmented\ninitial_state = learned\n",
                            "1");
    cr_assert_eq(swept->run_count, 2 * (2 + 4));
    cr_assert_eq(swept->point_count, 4);
    /* By seed, point and model: m0 n0 n1 m2 n2 n3. */
    static const struct {
        const char *model;
        size_t first, count;
    } expected[] = {{"m", 0, 2}, {"n", 0, 1}, {"n", 1, 1}, {"m", 2, 2}, {"n", 2, 1}, {"n", 3, 1}};
    for (size_t i = 0; i < 12; i++) {
        const plan_run *run = &swept->runs[i];
        cr_expect_eq(run->number, i);
        cr_expect_eq(run->seed, i < 6 ? 3 : 1);
        cr_expect_str_eq(run->model->name, expected[i % 6].model);
        cr_expect_eq(run->variant->points[0], expected[i % 6].first);
        cr_expect_eq(run->variant->point_count, expected[i % 6].count);
        for (size_t j = 0; j < i; j++) cr_expect_str_neq(run->key, swept->runs[j].key);
    }
    cr_expect_str_eq(swept->runs[6 + 3].key, plain->runs[0].key);
    cr_expect_str_eq(swept->runs[6 + 5].key, plain->runs[1].key);
    plan_destroy(&swept);
    plan_destroy(&plain);
}

Test(sweep, a_selection_keeps_numbers) {
    static const struct {
        const char *condition, *message;
    } WRONG[] = {
        {"flow.end_tim=1", "--where \"flow.end_tim=1\": flow.end_tim is not swept; the nearest is flow.end_time"},
        {"solver.steps=40", "--where \"solver.steps=40\": solver.steps is not swept; the nearest is point"},
        {"initial_state=zero",
         "--where \"initial_state=zero\": initial_state is not swept; the nearest is model n.initial_state"},
        {"flow.end_time=2", "--where \"flow.end_time=2\": flow.end_time = 2: expected 10 or 1"},
        {"flow.end_time", "--where \"flow.end_time\": expected SETTING=VALUE, as in \"flow.end_time=10\""},
        {"point=4", "--where \"point=4\": point = 4: the sweep has no such point, or it is listed twice"},
        {"point=x", "--where \"point=x\": point = x: expected the number of a point"},
    };
    static const char text[] = BASE "flow.end_time = 10, 1\nmodel n.initial_state = zero, learned\n";
    error_info err;
    plan *runs = make_plan(text, "0");
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        cr_expect_eq(plan_where(runs, 1, &WRONG[i].condition, &err), STATUS_INVALID);
        cr_expect_str_eq(err.text, WRONG[i].message);
    }
    const char *const none[] = {"flow.end_time=1", "point=0"};
    cr_expect_eq(plan_where(runs, 2, none, &err), STATUS_INVALID);
    const char *const both[] = {"flow.end_time = 1.0", "model n.initial_state=learned, zero"};
    cr_assert_eq(plan_where(runs, 2, both, &err), STATUS_OK);
    cr_assert_eq(runs->run_count, 3); /* m2 n2 n3 */
    cr_expect_eq(runs->chosen_count, 2);
    for (size_t i = 0; i < 3; i++) cr_expect_eq(runs->runs[i].number, 3 + i);
    cr_expect_eq(plan_select(runs, "2", &err), STATUS_INVALID);
    cr_expect_str_eq(err.text, "--only 2: not among the runs that --where selects");
    cr_expect_eq(plan_select(runs, "6", &err), STATUS_INVALID);
    cr_expect_str_eq(err.text, "--only 6: the plan has runs 0 to 5");
    cr_assert_eq(plan_select(runs, "4", &err), STATUS_OK);
    cr_expect_eq(runs->runs[0].number, 4);
    plan_destroy(&runs);
    runs = make_plan(text, "0");
    const char *const three[] = {"point = 3"};
    cr_assert_eq(plan_where(runs, 1, three, &err), STATUS_OK);
    cr_expect_eq(runs->run_count, 2); /* m2, which points 2 and 3 share, and n3 */
    plan_destroy(&runs);
    runs = make_plan("[experiment]\nname = a\ndata = ty\nmodels = m\n[model m]\n", "0");
    cr_expect_eq(plan_where(runs, 1, three, &err), STATUS_INVALID);
    cr_expect_str_eq(err.text, "--where \"point = 3\": the experiment has no section [sweep]");
    plan_destroy(&runs);
}
