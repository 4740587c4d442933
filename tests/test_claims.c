/* test_claims.c - the paper's claims on synthetic runs: statistics, rules and verdicts. */
#include "claims_support.h"

TestSuite(claims, .init = setup, .fini = teardown);

/* --- Toy densities --- */

/* Readings are the points of experiment choices on both densities of TY; the verdict does not depend on them. */
Test(claims, readings_stand_beside_the_verdict) {
    static const struct {
        const char *dataset, *low, *effect, *high;
    } READINGS[] = {{"ty", "1.5", "2", "3"},        {"ty", "1.4", "1.6", "1.7"},      {"ty", "0", "1", "1.49"},
                    {"ty_thin", "1.6", "1.7", "2"}, {"ty_thin", "NULL", "3", "NULL"}, {"rings", "2", "2", "2"}};
    FILE *script = script_open();
    for (int i = 0; i < 6; i++)
        fprintf(script,
                "INSERT INTO sweep_comparison (experiment, point, dataset, model, other, quantity, n, failed, "
                "failed_other, effect, effect_low, effect_high, tests) VALUES ('%s', %d, '%s', 'affjord', 'ffjord', "
                "'fine', 5, 0, 0, %s, %s, %s, 5);\n",
                "choices", i, READINGS[i].dataset, READINGS[i].effect, READINGS[i].low, READINGS[i].high);
    script_run(script);
    expect_verdict("toy_loss_ty", "not run");
    cr_assert_eq(shell("sqlite3 -batch -init /dev/null -readonly %s/r.db \"SELECT id, readings, readings_above, "
                       "readings_supported, readings_refuted FROM claims WHERE readings IS NOT NULL\"",
                       folder),
                 0);
    cr_expect_str_eq(output, "toy_loss_ty|5|4|2|1\n");
    cr_assert_eq(figures("claims"), 0, "%s", output);
    cr_assert_eq(shell("cat %s/out/claims.md", folder), 0);
    expect_output("| not run; readings: 2 of 5 supported, 1 not |");
    expect_output("Readings: combinations of what the paper leaves open");
}

Test(claims, toy_models_are_compared_seed_by_seed) {
    const double a[] = {1.064, 1.051, 1.082, 1.043, 1.0712, 1.09};
    const double b[] = {1.087, 1.101, 1.079, 1.0955, 1.11, 1.093, 1.0805};
    const char *where = "FROM toy_tests WHERE model = 'affjord' AND dataset = 'ty'";
    FILE *script = script_open();
    add_experiment(script, 1, "fig6");
    for (int i = 0; i < 6; i++) add_loss(script, 1, "ty", "affjord", i, a[i]);
    for (int i = 0; i < 7; i++) add_loss(script, 1, "ty", "ffjord", i, b[i]); /* a seed that AFFJORD lacks */
    add_loss(script, 1, "moons", "ffjord", 0, 1); /* one seed: no comparison */
    add_loss(script, 1, "moons", "affjord", 0, 1);
    run_compared(script);
    cr_expect_eq(number("SELECT n %s", where), 6);
    cr_expect_float_eq(number("SELECT paired_t %s", where), 2.82959350043969, 1e-9); /* R's t.test(paired = TRUE) */
    cr_expect_float_eq(number("SELECT paired_p %s", where), 0.0366922535448357, 1e-9);
    cr_expect_float_eq(number("SELECT wilcoxon_p %s", where), 0.09375, 1e-12);
    /* With the models exchanged, signs change and p values do not. */
    where = "FROM toy_tests WHERE model = 'ffjord' AND dataset = 'ty'";
    cr_expect_float_eq(number("SELECT paired_t %s", where), -2.82959350043969, 1e-9);
    cr_expect_float_eq(number("SELECT wilcoxon_p %s", where), 0.09375, 1e-12);
    cr_expect_eq(number("SELECT count(*) FROM toy_tests WHERE dataset = 'moons'"), 0);
    cr_expect_eq(number("SELECT n FROM claims WHERE id = 'toy_loss_ty'"), 6);
    expect_verdict("toy_loss_ty", "undecided");
    expect_verdict("toy_loss_hash_gaussian", "not run");
    expect_verdict("control_size_ty", "not run");
}

/* Three rates per model: AFFJORD is lower at the common one, FFJORD at its own best. */
Test(claims, models_are_compared_at_each_ones_best_learning_rate) {
    static const struct {
        const char *model, *context;
        double rate, loss;
    } rates[] = {{"ffjord", "clock", 1e-3, 1.1},
                 {"ffjord_fast", "clock", 3e-3, 1.0},
                 {"affjord", "augmented", 1e-3, 1.05},
                 {"affjord_fast", "augmented", 3e-3, 1.08},
                 {"affjord_slow", "augmented", 3e-4, 0.5}}; /* which fails */
    FILE *script = script_open();
    add_experiment(script, 1, "toy_rates");
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
        for (int seed = 0; seed < 5; seed++) {
            add_loss(script, 1, "ty", rates[i].model, seed, rates[i].loss + 0.001 * ((seed * (i < 3 ? 2 : 3)) % 5));
            add_metric(script, runs, "entropy_floor", 0.684);
            fprintf(
                script,
                "INSERT INTO setting VALUES (%d, 'model', 'context', '%s'), (%d, 'train', 'learning_rate', '%g');\n",
                runs, rates[i].context, runs, rates[i].rate);
        }
    run_compared(script);
    cr_expect_eq(number("SELECT count(*) FROM toy_rates"), 3, "two common rates, and the best of each");
    cr_expect_eq(number("SELECT rate = 0.001 AND other_rate = 0.003 FROM toy_rates WHERE best"), 1);
    cr_expect_float_eq(number("SELECT difference FROM toy_rates WHERE best"), -0.05, 1e-9);
    cr_expect_float_eq(number("SELECT difference FROM toy_rates WHERE rate = 0.001 AND NOT best"), 0.05, 1e-9);
}

/* The contribution of a seed's validation points is equal for both models, so it is not noise. */
Test(claims, the_best_measured_loss_of_the_most_seeds_is_judged) {
    FILE *script = script_open();
    add_experiment(script, 1, "fig6");
    for (int i = 0; i < 8; i++) {
        const double shared = 0.1 * (i % 2 ? 1 : -1), own = 0.01 * (i % 4);
        add_loss(script, 1, "ty", "affjord", i, 0.95 + shared + own);
        add_metric(script, runs, "validation_offset", shared);
        add_loss(script, 1, "ty", "ffjord", i, 1 + shared + 0.01 * (i % 3));
        add_metric(script, runs, "validation_offset", shared);
        if (i < 2) add_metric(script, runs, "final_loss", 5); /* of too few runs to be preferred */
    }
    run_compared(script);
    cr_expect_eq(number("SELECT count(*) FROM toy_tests WHERE quantity = 'offset' AND model = 'affjord'"), 1);
    /* FFJORD's deviation is 0.0083 without the shared part, 0.11 with it. */
    cr_expect_float_eq(number("SELECT measured FROM claims WHERE id = 'toy_loss_ty'"), 5.2427, 0.001);
    expect_verdict("toy_loss_ty", "supported");
}

/* A failure has an effect: 'left out' removes its pair, 'last' includes it. */
Test(claims, failures_are_treated_in_both_ways) {
    FILE *script = script_open();
    add_experiment(script, 1, "fig6");
    for (int i = 0; i < 7; i++) {
        add_loss(script, 1, "ty", "affjord", i, i < 2 ? -0.7 : 0.9 + 0.01 * i);
        add_metric(script, runs, "entropy_floor", 0.684);
        add_loss(script, 1, "ty", "ffjord", i, 1 + 0.011 * i);
        add_metric(script, runs, "entropy_floor", 0.684);
    }
    run_compared(script);
    const char *where = "FROM toy_tests WHERE model = 'affjord'";
    cr_expect_eq(number("SELECT n %s", where), 5);
    cr_expect_eq(number("SELECT failed %s", where), 2);
    cr_expect_eq(number("SELECT n_last %s", where), 7);
    cr_expect_float_eq(number("SELECT wilcoxon_p %s", where), 0.0625, 1e-12); /* 5 of 5: 2 / 2^5 */
    cr_expect_gt(number("SELECT p_last %s", where), 0.5);
    cr_expect_eq(number("SELECT left_out FROM claims WHERE id = 'toy_loss_ty'"), 2);

    /* A finer solve decides if there is one: a loss that it does not change is possible. */
    script = script_open();
    for (int run = 1; run <= runs; run++) {
        add_metric(script, run, "solver_error", run <= 2 ? 1.4 : 1e-4);
        add_metric(script, run, "solver_error_error", 1e-5);
    }
    run_compared(script);
    cr_expect_eq(number("SELECT sum(impossible) FROM final_losses"), 2);
}

/* Losses that no density has, because steps are too long, do not count; small deviations by chance do. */
Test(claims, numbers_of_no_density_are_left_out) {
    const double a[] = {1.02, 1.06, 1.04}, b[] = {0.93, 1.10, 1.08, 1.12};
    FILE *script = script_open();
    add_experiment(script, 1, "fig6");
    for (int i = 0; i < 3; i++) add_loss(script, 1, "ty", "affjord", i, a[i]);
    for (int i = 0; i < 4; i++) add_loss(script, 1, "ty", "ffjord", i, b[i]);
    for (int i = 1; i <= runs; i++) add_metric(script, i, "entropy_floor", 1);
    run_compared(script);
    cr_expect_eq(number("SELECT sum(impossible) FROM final_losses"), 0, "chance: within 5 / sqrt(4096)");

    script = script_open();
    add_loss(script, 1, "ty", "ffjord", 4, -0.7);
    add_metric(script, runs, "entropy_floor", 1);
    add_loss(script, 1, "ty", "ffjord", 5, 0.9);
    add_metric(script, runs, "entropy_floor", 1);
    fprintf(script, "INSERT INTO setting VALUES (%d, 'train', 'validation', '100');\n", runs); /* 5 / 10 are possible */
    add_loss(script, 1, "ty", "ffjord", 6, 1.1);
    add_metric(script, runs, "density_mass", 1.3); /* the integral of a density over a part of the plane is smaller */
    run_compared(script);
    cr_expect_eq(number("SELECT impossible FROM toy_losses WHERE model = 'ffjord'"), 2);
    cr_expect_eq(number("SELECT n FROM toy_losses WHERE model = 'ffjord'"), 5);
    cr_expect_float_eq(number("SELECT mean FROM toy_losses WHERE model = 'ffjord'"),
                       (0.93 + 1.10 + 1.08 + 1.12 + 0.9) / 5, 1e-12);
    cr_expect_eq(number("SELECT n FROM toy_tests WHERE model = 'affjord'"), 3, "the seeds of both");
    cr_expect_eq(number("SELECT n FROM claims WHERE id = 'toy_loss_ty'"), 3);
}

Test(claims, a_verdict_needs_an_interval_on_one_side_and_a_small_p) {
    FILE *script = script_open();
    add_experiment(script, 1, "toy_controls");
    for (int i = 0; i < 10; i++) {
        add_loss(script, 1, "ty", "affjord", i, 0.70 + 0.01 * i);
        add_loss(script, 1, "ty", "ffjord_matched", i, 0.70 + 0.01 * i + (i % 2 ? 0.01 : -0.009));
        add_loss(script, 1, "ty", "random_curve", i, 0.80 + 0.01 * i + 0.001 * (i % 3));
        add_loss(script, 1, "hash_gaussian", "affjord", i, 0.9 + 0.01 * i);
        add_loss(script, 1, "hash_gaussian", "random_curve", i, 0.8 + 0.011 * i);
        /* One seed far out: every resample has a positive mean, but the t test does not exclude zero. */
        add_loss(script, 1, "hash_gaussian", "ffjord_matched", i,
                 0.9 + 0.01 * i + (i == 3 ? 1.0 : 0.004 + 0.001 * (i % 3)));
    }
    run_compared(script);
    expect_verdict("control_size_ty", "undecided");
    expect_verdict("control_size_hash_gaussian", "undecided");
    cr_expect_gt(number("SELECT low FROM claims WHERE id = 'control_size_hash_gaussian'"), 0);
    cr_expect_gt(number("SELECT p FROM claims WHERE id = 'control_size_hash_gaussian'"), 0.05);
    expect_verdict("control_motion_ty", "supported");
    expect_verdict("control_motion_hash_gaussian", "not supported");
    expect_verdict("toy_loss_ty", "not run");
    cr_expect_lt(number("SELECT low FROM claims WHERE id = 'control_size_ty'"), 0);
    cr_expect_gt(number("SELECT high FROM claims WHERE id = 'control_size_ty'"), 0);
    /* Four claims have a p; the smallest is multiplied by four. */
    cr_expect_float_eq(number("SELECT min(p_holm) / min(p) FROM claims"), 4, 1e-9);
}

/* --- Images --- */

static const char *steps_by = "state"; /* solver.error_norm */

static int add_image_run(FILE *script, const char *dataset, const char *model, const char *context, const char *layer,
                         int seed, const double best_last_chosen[3], double evaluations) {
    static const char *const metrics[] = {"best_bits_per_dim", "final_validation_loss", "chosen_test_loss"};
    add_metric(script, runs + 1, "best_validation_loss", best_last_chosen[0]);
    add_run(script, ++runs, 1, dataset, model, seed);
    add_metric(script, runs, "data_dimension", 784);
    for (int i = 0; i < 3; i++) add_metric(script, runs, metrics[i], best_last_chosen[i]);
    add_epoch(script, runs, 1, "training", 3, 1000); /* not the last */
    add_epoch(script, runs, 2, "training", 2, evaluations);
    fprintf(script,
            "INSERT INTO setting VALUES (%d, 'model', 'context', '%s'), (%d, 'image', 'layer', '%s'), "
            "(%d, 'solver', 'error_norm', '%s');\n",
            runs, context, runs, layer, runs, steps_by);
    return runs;
}

Test(claims, images_are_judged_by_three_rules) {
    FILE *script = script_open();
    add_experiment(script, 1, "table1_mnist");
    for (int seed = 0; seed < 6; seed++) {
        const double d = 0.001 * seed, e = seed % 2 ? 0.002 : -0.002;
        /* AFFJORD is lower at its best epoch, and higher by the other rules. */
        add_image_run(script, "mnist", "ffjord", "clock", "concat", seed, (double[]){0.956 + d, 0.97 + d, 0.98 + d},
                      100 + d);
        add_image_run(script, "mnist", "affjord", "augmented", "hyper", seed,
                      (double[]){0.94 + d + e, 0.99, 0.981 + d + e}, 150);
        add_image_run(script, "mnist", "affjord_concat", "augmented", "concat", seed, (double[]){1, 1, 1}, 60 + d);
    }
    add_image_run(script, "cifar10", "ffjord", "clock", "concat", 0, (double[]){3, 3, 3}, 100); /* one seed */
    run_compared(script);
    expect_verdict("bits_mnist", "supported");
    expect_verdict("bits_mnist_last", "not supported");
    expect_verdict("bits_mnist_chosen", "undecided");
    cr_expect_float_eq(number("SELECT measured FROM claims WHERE id = 'bits_mnist'"), 0.016, 1e-12);
    expect_verdict("bits_ffjord_mnist", "supported"); /* 0.9585 is 0.96 to its digits */
    expect_verdict("bits_cifar10", "not run");
    expect_verdict("larger_gains", "not run");
    expect_verdict("time_hyper_cifar10", "not run");
    expect_verdict("nfe_concat_mnist", "supported");
    expect_verdict("nfe_hyper_mnist", "supported");
    cr_expect_float_eq(number("SELECT measured FROM claims WHERE id = 'nfe_hyper_mnist'"), 1.5, 1e-4);
    cr_expect_float_eq(number("SELECT measured FROM claims WHERE id = 'nfe_concat_mnist'"), 0.6, 1e-4);
    /* All data sets of the paper have rows, each claim once; another data set has rows once it was run. */
    cr_expect_eq(number("SELECT count(*) - count(DISTINCT id) FROM claims"), 0);
    cr_expect_eq(number("SELECT count(*) FROM claims WHERE id LIKE 'nfe_concat%%'"), 3);
}

Test(claims, other_sizes_have_rows_of_their_own) {
    FILE *script = script_open();
    add_experiment(script, 1, "table1_small");
    for (int seed = 0; seed < 5; seed++) {
        const double d = 0.01 * seed;
        add_image_run(script, "mnist_14x14", "ffjord", "clock", "concat", seed, (double[]){2.2 + d, 2.2 + d, 2.2},
                      70 + d);
        add_image_run(script, "mnist_14x14", "affjord", "augmented", "concat", seed, (double[]){2.5, 2.5, 2.5}, 86 - d);
    }
    run_compared(script);
    expect_verdict("bits_mnist_14x14", "not supported");
    expect_verdict("nfe_concat_mnist_14x14", "not supported");
    expect_verdict("bits_mnist", "not run");
}

/* Figure 9 uses the authors' rule, without the error of z*. */
Test(claims, evaluations_by_another_rule_decide_nothing) {
    FILE *script = script_open();
    add_experiment(script, 1, "fig9");
    steps_by = "state_and_context";
    for (int seed = 0; seed < 6; seed++) {
        const double d = 0.01 * seed;
        add_image_run(script, "mnist", "ffjord", "clock", "concat", seed, (double[]){1, 1, 1}, 70 + d);
        add_image_run(script, "mnist", "affjord_concat", "augmented", "concat", seed, (double[]){1, 1, 1}, 90 - d);
        add_metric(script, runs, "evaluations_by_state", 60 + d);
        add_metric(script, runs, "evaluations_by_state_and_context", 90 + d);
        add_metric(script, runs, "error_by_state", 0.002);
        add_metric(script, runs, "error_by_state_and_context", 0.001);
    }
    steps_by = "state";
    run_compared(script);
    expect_verdict("nfe_concat_mnist", "not run");
    cr_expect_float_eq(number("SELECT evaluations FROM image_solves WHERE error_norm = 'state'"), 60.025, 1e-9);
    cr_expect_float_eq(number("SELECT loss_error FROM image_solves WHERE error_norm = 'state'"), 0.002, 1e-12);
    cr_expect_eq(number("SELECT n FROM image_solves WHERE error_norm = 'state' AND trained_by = 'state_and_context'"),
                 6);
}

/* Fixed steps of a training say nothing about a model; the validation's solves choose theirs. */
Test(claims, evaluations_with_fixed_steps_are_those_of_the_validation) {
    FILE *script = script_open();
    add_experiment(script, 1, "table1_cpu");
    for (int seed = 0; seed < 6; seed++) {
        const double evaluations[] = {100 + 0.1 * seed, 120};
        for (int i = 0; i < 2; i++) {
            add_image_run(script, "mnist", i ? "affjord" : "ffjord", i ? "augmented" : "clock", i ? "hyper" : "concat",
                          seed, (double[]){1, 1, 1}, 40);
            add_epoch(script, runs, 1, "validation", 3, 500);
            add_epoch(script, runs, 2, "validation", 2, evaluations[i]);
            fprintf(script,
                    "INSERT INTO setting VALUES (%d, 'solver', 'method', 'rk4'), "
                    "(%d, 'solver', 'evaluation_tolerance', '1e-05'), (%d, 'solver', 'atol', '0.1');\n",
                    runs, runs, runs);
        }
    }
    run_compared(script);
    cr_expect_float_eq(number("SELECT measured FROM claims WHERE id = 'nfe_hyper_mnist'"), 120 / 100.25, 1e-4);
    expect_verdict("nfe_hyper_mnist", "supported");
    cr_expect_eq(number("SELECT mean FROM image_nfe WHERE layer = 'hyper'"), 120);
    cr_expect_float_eq(number("SELECT tolerance FROM table1 WHERE dataset = 'mnist' AND model = 'AFFJORD'"), 1e-5,
                       1e-12);
    cr_assert_eq(figures("fig9 --experiment table1_cpu"), 0, "%s", output);

    /* With adaptive steps, they are those of training. */
    script = script_open();
    fprintf(script, "UPDATE setting SET value = 'dopri5' WHERE key = 'method';\n");
    run_compared(script);
    cr_expect_eq(number("SELECT mean FROM image_nfe WHERE layer = 'hyper'"), 40);
}

/* One seed has a difference, which decides nothing. */
Test(claims, one_seed_is_undecided) {
    FILE *script = script_open();
    add_experiment(script, 1, "table1_cpu");
    add_image_run(script, "mnist", "ffjord", "clock", "concat", 0, (double[]){1.2, 1.2, 1.2}, 70);
    add_image_run(script, "mnist", "affjord", "augmented", "hyper", 0, (double[]){1.1, 1.1, 1.1}, 80);
    add_metric(script, runs, "test_loss_1_probe", 1.11);
    add_metric(script, runs, "test_loss_8_probes", 1.12);
    run_compared(script);
    expect_verdict("bits_mnist", "undecided");
    cr_expect_float_eq(number("SELECT measured FROM claims WHERE id = 'bits_mnist'"), 0.1, 1e-12);
    cr_expect_eq(number("SELECT n FROM claims WHERE id = 'bits_mnist'"), 1);
    cr_expect_eq(number("SELECT low IS NULL AND high IS NULL FROM claims WHERE id = 'bits_mnist'"), 1);
    expect_verdict("nfe_hyper_mnist", "undecided");
    expect_verdict("bits_ffjord_mnist", "undecided");
    expect_verdict("larger_gains", "not run");
    expect_verdict("toy_loss_ty", "not run");
    cr_expect_float_eq(number("SELECT mean FROM image_losses WHERE rule = 'test'"), 1.11, 1e-12);
    cr_expect_float_eq(number("SELECT mean FROM image_losses WHERE rule = 'test_8'"), 1.12, 1e-12);
}

/* Two to four seeds have means but no interval. */
Test(claims, few_seeds_decide_nothing) {
    FILE *script = script_open();
    add_experiment(script, 1, "table1_small");
    for (int seed = 0; seed < 4; seed++) {
        add_image_run(script, "mnist_14x14", "ffjord", "clock", "concat", seed, (double[]){2.2, 2.2, 2.2}, 70);
        add_image_run(script, "mnist_14x14", "affjord", "augmented", "concat", seed, (double[]){2.5, 2.5, 2.5}, 86);
    }
    run_compared(script);
    expect_verdict("bits_mnist_14x14", "undecided");
    expect_verdict("nfe_concat_mnist_14x14", "undecided");
}

/* --- Numbers of parameters, the mathematics, the field --- */

Test(claims, counts_and_mathematics) {
    static const char *const data[] = {"mnist", "cifar10", "celeba"};
    FILE *script = script_open();
    add_experiment(script, 1, "table2");
    add_experiment(script, 2, "theory");
    add_experiment(script, 3, "fig1");
    for (int d = 0; d < 3; d++)
        for (int m = 0; m < 2; m++)
            for (int layer = 0; layer < 2; layer++) {
                add_run(script, ++runs, 1, data[d], m ? "affjord" : "ffjord", 0);
                fprintf(script,
                        "INSERT INTO setting VALUES (%d, 'model', 'context', '%s'), (%d, 'image', 'layer', '%s');"
                        "INSERT INTO metric SELECT %d, 'parameters_declared', value, NULL FROM reported WHERE "
                        "item = 'table2' AND dataset = '%s' AND model = '%s' AND architecture = '%s';\n",
                        runs, m ? "augmented" : "clock", runs, layer ? "hyper" : "concat", runs, data[d],
                        m ? "AFFJORD" : "FFJORD", layer ? "hyper" : "concat");
                add_metric(script, runs, "parameters_effective", m && layer ? 2e6 : 4e5);
            }
    add_run(script, ++runs, 2, "ty", "affjord", 0);
    fprintf(
        script,
        "INSERT INTO theory VALUES (%d, 'blocks', 'drawn', 'largest entry of dz*(T)/dz(0)', 0, 0, NULL, '<=', 0, 1),"
        "(%d, 'cable', 'drawn', 'an error', 0, 1, NULL, '<=', 0.5, 0);\n",
        runs, runs);
    for (int seed = 0; seed < 5; seed++)
        for (int m = 0; m < 2; m++) {
            add_run(script, ++runs, 3, "ty", m ? "affjord" : "ffjord", seed);
            add_metric(script, runs, "final_validation_loss", 1);
            add_metric(script, runs, "field_change", m ? 3 + 0.25 * seed : 1);
        }
    run_compared(script);
    expect_verdict("parameters", "supported");
    expect_verdict("parameters_contained", "not supported");
    cr_expect_float_eq(number("SELECT measured FROM claims WHERE id = 'parameters_contained'"), 5, 1e-12);
    expect_verdict("sampling", "supported");
    expect_verdict("mathematics", "not supported");
    cr_expect_float_eq(number("SELECT measured FROM claims WHERE id = 'mathematics'"), 0.5, 1e-12);
    expect_verdict("field_change_ty", "supported");
    expect_verdict("field_change_hash_gaussian", "not run");
    cr_expect_float_eq(number("SELECT measured FROM claims WHERE id = 'field_change_ty'"), 3.5, 1e-12);

    /* One wrong count changes the verdict. */
    cr_assert_eq(
        shell("sqlite3 %s/r.db \"UPDATE metric SET value = value + 1 WHERE run_id = 1 AND name LIKE '%%declared'\"",
              folder),
        0);
    expect_verdict("parameters", "not supported");
    cr_expect_float_eq(number("SELECT measured FROM claims WHERE id = 'parameters'"), 11, 1e-12);
}

Test(claims, are_set_as_tables) {
    FILE *script = script_open();
    add_experiment(script, 1, "fig6");
    for (int i = 0; i < 6; i++) {
        add_loss(script, 1, "ty", "affjord", i, 1 + 0.001 * (i % 2));
        add_loss(script, 1, "ty", "ffjord", i, 2 + 0.01 * i);
    }
    run_compared(script);
    cr_assert_eq(figures("claims toy_tests"), 0, "%s", output);
    read_text("out/claims.md");
    expect_output("| supported |");
    expect_output("| not run |");
    expect_output("54.7"); /* one nat in deviations of 0.0187 */
    expect_output(" to ");
    read_text("out/toy_tests.md");
    expect_output("AFFJORD");
    expect_output("0.031"); /* Wilcoxon's least p of six */
}
