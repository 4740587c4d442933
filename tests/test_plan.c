/* test_plan.c - plans, keys of runs, and settings in the core and in checkpoints. */
#include <sys/types.h>

#include <sha2.h>

#include "plan/plan.h"
#include "model/specification.h"
#include "settings_support.h"

Test(plan, keys_follow_keyed_settings_only) {
    char first[PLAN_KEY_SIZE], key[PLAN_KEY_SIZE];
    settings values;
    settings_default(&values);
    plan_run_key(&values, "abc", 0, first);
    cr_expect_eq(strspn(first, "0123456789abcdef"), 32);
    size_t keyed = 0;
    for (size_t i = 0; i < settings_count(); i++) {
        const setting_option *option = settings_option(i);
        settings changed = values;
        change(&changed, option);
        plan_run_key(&changed, "abc", 0, key);
        cr_expect_eq(strcmp(key, first) != 0, option->keyed, "%s", option->name);
        keyed += option->keyed;
    }
    cr_expect_eq(keyed, 59, "%zu settings", keyed);
    plan_run_key(&values, "abd", 0, key);
    cr_expect_str_neq(key, first);
    plan_run_key(&values, "abc", 1, key);
    cr_expect_str_neq(key, first);
}

#ifndef AFFJORD_DOUBLE
/* A change of this key orphans every stored run. The number is the SHA-256 of the text that plan.h defines. */
Test(plan, key_format_is_pinned) {
    char key[PLAN_KEY_SIZE];
    settings values;
    settings_default(&values);
    values.flow_base_variance = 0.1;
    plan_run_key(&values, "abc", 7, key);
    cr_expect_str_eq(key, "db00a1c5ee1ab2fe077672843184b1e8");
}
#endif

static plan *make_plan(const char *path, const char *seeds, size_t set_count, const char *const *set) {
    experiment_config *config = load(path, set_count, set);
    plan *runs = NULL;
    error_info err = {""};
    cr_assert_eq(plan_create(config, seeds, &runs, &err), STATUS_OK, "%s", err.text);
    config_destroy(&config);
    return runs;
}

/* These read the repository's files: tests run in its root. */
Test(plan, figures_5_and_6_share_their_runs) {
    plan *six = make_plan("experiments/fig6.ini", NULL, 0, NULL);
    plan *five = make_plan("experiments/fig5.ini", NULL, 0, NULL);
    cr_assert_eq(six->run_count, 120);
    cr_assert_eq(five->run_count, 120);
    for (size_t i = 0; i < 120; i++) {
        cr_expect_str_eq(six->runs[i].key, five->runs[i].key);
        for (size_t j = 0; j < i; j++) cr_expect_str_neq(six->runs[i].key, six->runs[j].key);
    }
    const plan_run *run = &six->runs[30 + 4]; /* data set, model, seed */
    cr_expect_str_eq(run->dataset->name, "ty");
    cr_expect_str_eq(run->model->name, "affjord");
    cr_expect_eq(run->seed, 4);
    cr_expect_eq(run->dataset->shape.dimension, 2);
    cr_expect_eq(strlen(run->dataset->checksum), 64);
    cr_expect(run->base->model_concat);
    cr_expect_str_eq(six->runs[60].dataset->name, "hash_gaussian");

    /* --seeds picks some of the same; settings outside the key change nothing, others everything. */
    const char *const unkeyed[] = {"train.checkpoint_epochs=3", "output.samples=0"};
    const char *const keyed[] = {"train.iterations=2000"};
    plan *some = make_plan("experiments/fig6.ini", "3-4", 2, unkeyed);
    cr_assert_eq(some->run_count, 8);
    cr_expect_str_eq(some->runs[3].key, run->key);
    plan *other = make_plan("experiments/fig6.ini", "3-4", 1, keyed);
    for (size_t i = 0; i < 8; i++) cr_expect_str_neq(some->runs[i].key, other->runs[i].key);
    plan_destroy(&six);
    plan_destroy(&five);
    plan_destroy(&some);
    plan_destroy(&other);
    cr_expect_null(six);
}

/* Older names of settings give the same keys; databases and checkpoints store the older names. */
Test(plan, renamed_settings_keep_their_keys) {
    static const struct {
        const char *now, *before;
    } NAMES[] = {
        {"model.context=time", "model.context=clock"},
        {"model.concat=yes", "model.join=yes"},
        {"model.initial_state=learned", "model.start=learned"},
        {"model.dynamics=fixed", "model.motion=fixed"},
        {"image.augmented_dims=19", "image.moving=19"},
        {"image.hypernet_inputs=9", "image.fed=9"},
        {"image.downsample=2", "image.average=2"},
        {"solver.max_stored_steps=99", "solver.kept_steps=99"},
        {"solver.store=steps", "solver.keep=steps"},
        {"output.snapshots=3", "output.moments=3"},
    };
    enter_folder();
    write_text("x.ini", "[experiment]\nname = a\ndata = ty\nmodels = m\n[model m]\nmodel.context = augmented\n");
    plan *plain = make_plan("x.ini", NULL, 0, NULL);
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        plan *now = make_plan("x.ini", NULL, 1, &NAMES[i].now), *before = make_plan("x.ini", NULL, 1, &NAMES[i].before);
        cr_expect_eq(memcmp(now->resolved, before->resolved, sizeof *now->resolved), 0, "%s", NAMES[i].now);
        cr_expect_neq(memcmp(now->resolved, plain->resolved, sizeof *now->resolved), 0, "%s", NAMES[i].now);
        cr_expect_str_eq(now->runs[0].key, before->runs[0].key, "%s", NAMES[i].now);
        plan_destroy(&now);
        plan_destroy(&before);
    }
    plan_destroy(&plain);
    leave_folder();
}

#ifndef AFFJORD_DOUBLE
/* The digest is the SHA-256 of the keys, one per line, from before any setting was renamed. */
Test(plan, keys_of_the_committed_experiments_are_pinned) {
    static const struct {
        const char *file, *seeds;
        size_t runs;
        const char *digest;
    } PLANS[] = {
        {"experiments/fig1.ini", "0-1", 8, "c0231ce1043c6ed101acbc80756395cf52c976f272e0b9a0ab480be6a25dd7c7"},
        {"experiments/fig6.ini", "0-29", 120, "8cd4b6056e71ba6fdecf67bb8795223833257065f5a8ad0301078847d02987ab"},
        {"experiments/fig6_release.ini", "0-29", 120,
         "40672c1255f50af99488d786c098daffbe345bf4d1bbf49d5116b46d3e570126"},
        {"experiments/table2.ini", "0", 12, "f15caf28a3e1a0fbb454a02b7dd90a881e1bc65cb0c4653259fc890e7ed2b642"},
        {"experiments/toy_controls.ini", "0-29", 240,
         "a4258ce997f240b6d6f6a62fd1630749f952e78a21eec93fcf3ccbdf31b923d5"},
    };
    for (size_t i = 0; i < sizeof PLANS / sizeof *PLANS; i++) {
        plan *runs = make_plan(PLANS[i].file, PLANS[i].seeds, 0, NULL);
        char digest[SHA256_DIGEST_STRING_LENGTH];
        SHA2_CTX hash;
        SHA256Init(&hash);
        cr_expect_eq(runs->run_count, PLANS[i].runs, "%s", PLANS[i].file);
        for (size_t r = 0; r < runs->run_count; r++) {
            SHA256Update(&hash, (const uint8_t *)runs->runs[r].key, PLAN_KEY_SIZE - 1);
            SHA256Update(&hash, (const uint8_t *)"\n", 1);
        }
        SHA256End(&hash, digest);
        cr_expect_str_eq(digest, PLANS[i].digest, "%s", PLANS[i].file);
        plan_destroy(&runs);
    }
}
#endif

Test(plan, committed_experiments_have_the_papers_settings) {
    experiment_config *config = load("configs/../experiments/fig6_release.ini", 0, NULL);
    settings values;
    cnf_spec flow;
    config_resolve(config, "hash_gaussian", "affjord", &values);
    specification_flow(&values, 2, &flow);
    cr_expect_eq(flow.solver, TABLEAU_RK4_38);
    cr_expect_eq(flow.steps, 20);
    cr_expect_eq(flow.base_variance, 0.1);
    cr_expect(flow.learn_start && flow.join);
    cr_expect_eq(flow.context, CONTEXT_AUGMENTED);
    cr_expect_eq(values.train_stop_loss, 1.03);
    cr_expect_eq(values.train_iterations, 14000);
    config_resolve(config, "checkerboard", "ffjord", &values);
    cr_expect_eq(values.train_stop_loss, 1.56);
    config_resolve(config, "ty", "ffjord", &values);
    cr_expect_eq(values.train_stop_loss, -INFINITY);
    cr_expect_eq(values.model_context, (unsigned)CONTEXT_CLOCK);
    config_destroy(&config);

    plan *quick = make_plan("experiments/quickstart.ini", NULL, 0, NULL);
    cr_expect_eq(quick->run_count, 4);
    cr_expect_eq(quick->runs[0].base->train_iterations, 1200);
    plan_destroy(&quick);
}

Test(plan, wrong_plans_have_their_messages) {
    static const struct {
        const char *file, *seeds, *message;
    } CASES[] = {
        {GOOD, "1-", "--seeds: \"1-\" is not a seed nor a range of seeds such as 0-29"},
        {"[experiment]\nname = a\ndata = ty\nmodels = m, n\n[model m]\n[model n]\n", NULL,
         "x.ini:4: experiment.models: m and n have the same settings on ty"},
        {"[experiment]\nname = a\ndata = a/p.csv, b/p.csv\nmodels = m\n[model m]\n", NULL,
         "x.ini:3: experiment.data: a/p.csv and b/p.csv have the same name"},
        {"[experiment]\nname = a\ndata = a/p.csv, a/q.csv\nmodels = m\n[model m]\n", NULL,
         "x.ini:3: experiment.data: a/p.csv and a/q.csv hold the same data"},
    };
    static const char POINTS[] = "0,1\n2,3\n4,5\n6,7\n8,9\n1,1\n2,2\n3,3\n4,4\n5,5\n6,6\n7,7\n";
    enter_folder();
    cr_assert_eq(mkdir("a", 0700) | mkdir("b", 0700), 0);
    write_text("a/p.csv", POINTS);
    write_text("a/q.csv", POINTS);
    write_text("b/p.csv", POINTS + 4);
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        write_text("x.ini", CASES[i].file);
        experiment_config *config = load("x.ini", 0, NULL);
        plan *runs = NULL;
        error_info err = {""};
        cr_expect_neq(plan_create(config, CASES[i].seeds, &runs, &err), STATUS_OK);
        cr_expect_null(runs);
        cr_expect_str_eq(err.text, CASES[i].message);
        config_destroy(&config);
    }
    /* The data set explains the unknown name; the plan adds its line. */
    write_text("x.ini", "[experiment]\nname = a\ndata = tyy\nmodels = m\n[model m]\n");
    experiment_config *config = load("x.ini", 0, NULL);
    plan *runs = NULL;
    error_info err = {""};
    cr_expect_eq(plan_create(config, NULL, &runs, &err), STATUS_INVALID);
    cr_expect_eq(strncmp(err.text, "x.ini:3: experiment.data: ", 26), 0, "%s", err.text);
    cr_expect_not_null(strstr(err.text, "tyy"));
    config_destroy(&config);
    leave_folder();
}

Test(plan, choices_map_to_the_same_names) {
    static const struct {
        const char *name, *value;
        size_t offset;
        unsigned expected;
    } CASES[] = {
        {"model.context", "time", offsetof(cnf_spec, context), CONTEXT_CLOCK},
        {"model.context", "augmented", offsetof(cnf_spec, context), CONTEXT_AUGMENTED},
        {"flow.divergence", "exact", offsetof(cnf_spec, divergence), DIVERGENCE_EXACT},
        {"flow.divergence", "rademacher", offsetof(cnf_spec, divergence), DIVERGENCE_RADEMACHER},
        {"flow.divergence", "gaussian", offsetof(cnf_spec, divergence), DIVERGENCE_GAUSSIAN},
        {"solver.method", "euler", offsetof(cnf_spec, solver), TABLEAU_EULER},
        {"solver.method", "midpoint", offsetof(cnf_spec, solver), TABLEAU_MIDPOINT},
        {"solver.method", "rk4", offsetof(cnf_spec, solver), TABLEAU_RK4},
        {"solver.method", "rk4_38", offsetof(cnf_spec, solver), TABLEAU_RK4_38},
        {"solver.gradient", "discrete", offsetof(cnf_spec, gradient), GRADIENT_DISCRETE},
        {"solver.gradient", "adjoint", offsetof(cnf_spec, gradient), GRADIENT_ADJOINT},
    };
    settings values;
    settings_default(&values);
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        const setting_option *option;
        cnf_spec flow;
        cr_assert_eq(settings_find_name(CASES[i].name, &option, NULL), STATUS_OK);
        cr_assert_eq(settings_parse(option, CASES[i].value, &values, NULL), STATUS_OK);
        specification_flow(&values, 2, &flow);
        unsigned found;
        memcpy(&found, (const char *)&flow + CASES[i].offset, sizeof found);
        cr_expect_eq(found, CASES[i].expected, "%s = %s", CASES[i].name, CASES[i].value);
    }
}

Test(plan, adaptive_solves_stop_at_the_end_by_setting_or_order) {
    for (int i = 0; i < 4; i++) {
        const char *const text[2] = {i / 2 ? "dopri8" : "dopri5", i % 2 ? "stop" : "interpolate"};
        settings values;
        settings_default(&values);
        for (int j = 0; j < 2; j++) {
            const setting_option *option;
            cr_assert_eq(settings_find_name(j ? "solver.end" : "solver.method", &option, NULL), STATUS_OK);
            cr_assert_eq(settings_parse(option, text[j], &values, NULL), STATUS_OK);
        }
        cnf_spec flow;
        specification_flow(&values, 2, &flow);
        cr_expect_eq(flow.options.stop_at_end, i > 0, "%s, %s", text[0], text[1]);
    }
}

Test(plan, every_setting_reaches_the_core) {
    settings values;
    settings_default(&values);
    for (size_t i = 0; i < settings_count(); i++) change(&values, settings_option(i));
    trainer_spec training;
    objective_spec points;
    specification_trainer(&values, &training);
    specification_objective(&values, &(specification_shape){.dimension = 5}, 9, &points);
    cr_expect_eq(points.seed, 9);
    cr_expect_eq(points.batch, 513);
    cr_expect_eq(training.iterations, 10001);
    cr_expect_eq(training.epoch_iterations, 101);
    cr_expect_eq(points.validation, 4097);
    cr_expect_eq(training.learning_rate, nextafter(1e-3, 0));
    cr_expect_eq(training.stop_loss, 1.0);
    cr_expect_eq(training.decay, DECAY_COSINE);
    cr_expect(training.clip_norm > 0 && training.average > 0);
    cr_expect_eq(points.flow.dimension, 5);
    cr_expect_eq(points.flow.width, 65);
    cr_expect_eq(points.flow.context, CONTEXT_AUGMENTED);
    cr_expect(points.flow.join);
    cr_expect_eq(points.flow.hypernet_layers, 3);
    cr_expect_eq(points.flow.hypernet_width, 33);
    cr_expect_eq(points.flow.augmented_dimension, 3);
    cr_expect_eq(points.flow.augmented_width, 4);
    cr_expect(points.flow.learn_start);
    cr_expect_eq(points.flow.end_time, nextafter(10, 0));
    cr_expect_eq(points.flow.base_variance, nextafter(1, 0));
    cr_expect_eq(points.flow.steps, 41);
    cr_expect_eq(points.flow.solver, TABLEAU_EULER);
    cr_expect_eq(points.flow.gradient, GRADIENT_ADJOINT);
    cr_expect_eq(points.flow.divergence, DIVERGENCE_RADEMACHER);
    cr_expect_eq(points.flow.field, CNF_MLP);
    cr_expect_eq(points.flow.mlp.function, ACTIVATION_TANH);
    cr_expect_eq(points.flow.mlp.layer, IMAGE_IGNORE);
    cr_expect(points.flow.learn_end_time && points.flow.kinetic > 0 && points.flow.jacobian > 0);
    cr_expect_eq(points.flow.error_norm, ERROR_STATE);
    cr_expect_eq(points.flow.regularizers, REGULARIZERS_FINLAY);
    cr_expect(!points.flow.seminorm && points.flow.kept_steps == 101 && !points.flow.keep_stages);
    cr_expect_eq(training.warmup, 1);

    const size_t shape[3] = {3, 8, 12};
    objective_spec images;
    specification_objective(&values, &(specification_shape){.image = {shape[0], shape[1], shape[2]}}, 9, &images);
    cr_expect_eq(images.seed, 9);
    cr_expect_eq(images.batch, 513);
    cr_expect_eq(images.validation, 4097);
    cr_expect(images.flip);
    const chain_spec *model = &images.model;
    cr_expect_arr_eq(&model->model.channels, shape, sizeof shape);
    cr_expect_eq(model->model.architecture, IMAGE_AFFJORD);
    cr_expect_eq(model->model.layer, IMAGE_IGNORE);
    cr_expect_eq(model->model.variant, IMAGE_PAPER);
    cr_expect_eq(model->model.hidden_layers, 4);
    cr_expect_eq(model->model.hidden[3], 65);
    cr_expect_eq(model->model.moving, 21);
    cr_expect_eq(model->model.fed, 11);
    cr_expect_eq(model->function, ACTIVATION_TANH);
    cr_expect_eq(model->alpha, nextafter(1e-6, 0));
    cr_expect_eq(model->end_time, nextafter(10, 0));
    cr_expect(model->learn_end_time);
    cr_expect_eq(model->base_variance, nextafter(1, 0));
    cr_expect_eq(model->divergence, DIVERGENCE_RADEMACHER);
    cr_expect_eq(model->gradient, GRADIENT_ADJOINT);
    cr_expect_not(model->seminorm);
    cr_expect_eq(model->error_norm, ERROR_STATE);
    cr_expect_eq(model->regularizers, REGULARIZERS_FINLAY);
    cr_expect_gt(model->kinetic, 0);
    cr_expect_gt(model->jacobian, 0);
    cr_expect_eq(model->kept_steps, 101);
    cr_expect_eq(model->math, MATH_TF32);
    cr_expect_not(model->keep_stages);
    cr_expect_eq(model->solver.steps, 41, "a grid, by the changed method");

    for (unsigned method = 0; method < TABLEAU_COUNT; method++) {
        char name[SETTINGS_TEXT_MAX];
        const setting_option *option;
        values.solver_method = method;
        cr_assert_eq(settings_find_name("solver.method", &option, NULL), STATUS_OK);
        settings_text(&values, option, name);
        specification_objective(&values, &(specification_shape){.image = {shape[0], shape[1], shape[2]}}, 9, &images);
        cr_expect_str_eq(images.model.solver.method->name, name);
        cr_expect_eq(images.model.solver.steps, tableau_is_pair(tableau_get((tableau_id)method)) ? 0 : 41);
    }
    const adaptive_options *options = &images.model.solver.options;
    cr_expect_eq(options->atol, nextafter(1e-5, 0));
    cr_expect_eq(options->rtol, nextafter(1e-5, 0));
    cr_expect_eq(options->max_attempts, 1001);
    cr_expect_gt(options->min_step, 0);
    cr_expect(options->stop_at_end, "dopri8 lands");
}

/* Rounding is only for convolutions of images, and for the float build. */
Test(plan, points_and_the_double_build_refuse_rounded_convolutions) {
    const specification_shape points = {.dimension = 2}, images = {.dimension = 64, .image = {1, 8, 8}};
    settings values;
    error_info err = {""};
    settings_default(&values);
    cr_assert_eq(specification_check(&values, &points, &err), STATUS_OK, "%s", err.text);
    cr_assert_eq(specification_check(&values, &images, &err), STATUS_OK, "%s", err.text);
    values.solver_math = MATH_BF16;
    cr_expect_eq(specification_check(&values, &points, &err), STATUS_INVALID);
    cr_expect_not_null(strstr(err.text, "solver.math: points have no convolutions"), "%s", err.text);
#ifdef AFFJORD_DOUBLE
    cr_expect_eq(specification_check(&values, &images, &err), STATUS_INVALID);
    cr_expect_not_null(strstr(err.text, "solver.math: the double build"), "%s", err.text);
#else
    cr_expect_eq(specification_check(&values, &images, &err), STATUS_OK, "%s", err.text);
#endif
}

Test(plan, checkpoints_keep_every_setting) {
    settings values, back;
    const specification_shape points = {.dimension = 7}, images = {.dimension = 588, .image = {3, 14, 14}};
    specification_shape shape = {.dimension = 0};
    error_info err = {""};
    checkpoint *file = NULL;
    settings_default(&values);
    for (size_t i = 0; i < settings_count(); i++)
        if (settings_of_run(settings_option(i))) change(&values, settings_option(i));
    cr_assert_eq(checkpoint_create(&file), STATUS_OK);
    cr_assert_eq(specification_write(&values, &points, file), STATUS_OK);
    cr_assert_eq(checkpoint_put_text(file, "model", "affjord"), STATUS_OK); /* texts of other programs are ignored */
    cr_assert_eq(checkpoint_put_text(file, "affjord.made", "yes"), STATUS_OK);
    cr_expect_str_eq(checkpoint_get_text(file, "model.start"), "learned"); /* the names of before a renaming */
    cr_expect_null(checkpoint_get_text(file, "model.initial_state"));
    cr_assert_eq(specification_read(file, "a.safetensors", &back, &shape, &err), STATUS_OK, "%s", err.text);
    cr_expect_eq(shape.dimension, 7);
    cr_expect_not(specification_is_image(&shape));
    for (size_t i = 0; i < settings_count(); i++) {
        const setting_option *option = settings_option(i);
        char wrote[SETTINGS_TEXT_MAX], read[SETTINGS_TEXT_MAX];
        settings_text(&values, option, wrote);
        settings_text(&back, option, read);
        if (settings_of_run(option)) cr_expect_str_eq(read, wrote, "%s", option->name);
    }

    cr_assert_eq(checkpoint_put_text(file, "model.wdith", "5"), STATUS_OK);
    cr_expect_eq(specification_read(file, "a.safetensors", &back, &shape, &err), STATUS_FORMAT);
    cr_expect_str_eq(err.text, "a.safetensors: unknown setting model.wdith; the nearest is model.width");
    checkpoint_destroy(&file);

    cr_assert_eq(checkpoint_create(&file), STATUS_OK);
    cr_expect_eq(specification_read(file, "b", &back, &shape, &err), STATUS_FORMAT);
    cr_expect_not_null(
        strstr(err.text, "b: expected the settings of the model in the file's metadata, found no dimension"), "%s",
        err.text);
    cr_assert_eq(checkpoint_put_text(file, "dimension", "3"), STATUS_OK);
    cr_assert_eq(checkpoint_put_text(file, "model.width", "9"), STATUS_OK);
    cr_expect_eq(specification_read(file, "b", &back, &shape, &err), STATUS_OK, "an old file has fewer settings");
    cr_expect_eq(back.model_width, 9);
    cr_expect_eq(back.model_hypernet_width, 32);
    cr_assert_eq(specification_write(&values, &points, file), STATUS_OK);
    cr_assert_eq(checkpoint_put_text(file, "train.batch", "0"), STATUS_OK);
    cr_expect_eq(specification_read(file, "b", &back, &shape, &err), STATUS_FORMAT);
    cr_expect_str_eq(err.text, "b: train.batch = 0: expected an integer from 1 to 1000000");
    cr_assert_eq(checkpoint_put_text(file, "train.batch", "1"), STATUS_OK);
    cr_assert_eq(checkpoint_put_text(file, "dimension", "513"), STATUS_OK);
    cr_expect_eq(specification_read(file, "b", &back, &shape, &err), STATUS_FORMAT);
    cr_expect_str_eq(err.text, "b: dimension = 513: expected an integer from 1 to 512");
    cr_expect_eq(shape.dimension, 3, "untouched by a failure");
    checkpoint_destroy(&file);

    cr_assert_eq(checkpoint_create(&file), STATUS_OK);
    cr_assert_eq(specification_write(&values, &images, file), STATUS_OK);
    cr_assert_eq(specification_read(file, "c", &back, &shape, &err), STATUS_OK, "%s", err.text);
    cr_expect_arr_eq(&shape, &images, sizeof shape);
    static const char *const bad[] = {"", "1", "1 14", "1 14 14 ", "1 14 14 3", "0 14 14", "1 14 513", "1  14 14", "a"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_eq(checkpoint_put_text(file, "shape", bad[i]), STATUS_OK);
        cr_expect_eq(specification_read(file, "c", &back, &shape, &err), STATUS_FORMAT, "%s", bad[i]);
    }
    cr_expect_str_eq(err.text, "c: shape = a: expected channels, height and width of an image");
    checkpoint_destroy(&file);
}
