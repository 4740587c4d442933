/* test_views.c - the database's views mean the same to every build of SQLite. */
#include "results_db_support.h"

TestSuite(views, .init = begin, .fini = end);

/* Functions that every build of SQLite has. */
static int only_plain_functions(void *refused, int action, const char *first, const char *name, const char *database,
                                const char *view) {
    static const char *const plain[] = {"count",  "sum",      "avg",    "min",     "max",        "abs",
                                        "nullif", "coalesce", "substr", "replace", "row_number", "lag"};
    (void)first, (void)database, (void)view;
    if (action != SQLITE_FUNCTION) return SQLITE_OK;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (strcmp(name, plain[i]) == 0) return SQLITE_OK;
    snprintf(refused, 64, "%s", name);
    return SQLITE_DENY;
}

Test(views, call_functions_that_every_build_has) {
    close_db(open_db());
    char names[1024];
    snprintf(names, sizeof names, "%s", query("SELECT name FROM sqlite_schema WHERE type = 'view'"));
    cr_assert_not_null(strstr(names, "loss_curves;"));
    sqlite3 *db = NULL;
    char refused[64] = "", sql[128];
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_set_authorizer(db, only_plain_functions, refused);
    cr_expect_neq(sqlite3_exec(db, "SELECT sqrt(2.0)", NULL, NULL, NULL), SQLITE_OK);
    cr_expect_str_eq(refused, "sqrt");
    for (char *name = strtok(names, ";"); name; name = strtok(NULL, ";")) {
        snprintf(sql, sizeof sql, "SELECT * FROM %s", name);
        cr_expect_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s calls %s", name, refused);
    }
    sqlite3_close(db);
}

/* Add 30 seeds with the losses of `model`, from `first` on in steps of `step`, which is coprime with 30. */
static void put_seeds(results_db *db, int64_t experiment, const char *model, int first, int step) {
    for (int i = 0; i < 30; i++) {
        const int which = (first + i * step) % 30;
        char key[64];
        snprintf(key, sizeof key, "%s%d", model, i);
        put_finished(db, experiment, key, model, (uint64_t)i, 1.2 + 0.01 * which + 1e-9 * which * which);
    }
}

/* Sequential sums of these losses depend on their order in the last digits. They also differ between SQLite before 3.43
 * and later versions, which use compensated summation. */
Test(views, statistics_do_not_depend_on_the_order_of_sums) {
    static const char all[] = "SELECT n, printf('%%!.17g %%!.17g', mean, std) FROM %s";
    results_db *db = open_db();
    const int64_t experiment = put_experiment(db, "e");
    put_seeds(db, experiment, "up", 0, 1);
    put_seeds(db, experiment, "down", 29, 29);
    put_seeds(db, experiment, "mixed", 3, 7);
    close_db(db);
    static const char *const views[] = {
        "loss_curves WHERE split = 'validation' AND iteration = 200 AND model = ",
        "loss_curves WHERE split = 'training' AND iteration = 100 AND model = ", "toy_losses WHERE model = "};
    for (size_t i = 0; i < sizeof views / sizeof *views; i++) {
        char from[256], sql[512], first[256];
        for (int model = 0; model < 3; model++) {
            snprintf(from, sizeof from, "%s'%s'", views[i], (const char *[]){"up", "down", "mixed"}[model]);
            snprintf(sql, sizeof sql, all, from);
            if (model == 0) snprintf(first, sizeof first, "%s", query(sql));
            cr_expect_str_eq(query(sql), first, "%s", from);
        }
        cr_expect(strncmp(first, "30|1.", 5) == 0 || strncmp(first, "30|2.", 5) == 0, "%s", first);
    }
}

/* mean and std by their definitions, for very small to very large losses, and for equal losses. */
Test(views, statistics_are_those_of_their_definition) {
    static const struct {
        double a, b, mean, std;
    } cases[] = {{1, 3, 2, 1.4142135623730951},
                 {1e-6, 3e-6, 2e-6, 1.4142135623730951e-06},
                 {-1e6, 1e6, 0, 1414213.5623730950},
                 {1e12, 3e12, 2e12, 1414213562373.0950},
                 {1e150, 3e150, 2e150, 1.4142135623730951e150},
                 {0.1, 0.1, 0.1, 0},
                 {1e-20, 3e-20, 0, 0}};
    results_db *db = open_db();
    const int64_t experiment = put_experiment(db, "e");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char model[32], key[40];
        snprintf(model, sizeof model, "m%zu", i);
        for (int seed = 0; seed < 2; seed++) {
            snprintf(key, sizeof key, "%s-%d", model, seed);
            put_finished(db, experiment, key, model, (uint64_t)seed, seed == 0 ? cases[i].a : cases[i].b);
        }
    }
    close_db(db);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char sql[256];
        double mean, std;
        snprintf(sql, sizeof sql,
                 "SELECT printf('%%!.17g %%!.17g', mean, std) FROM loss_curves WHERE model = 'm%zu' AND split = "
                 "'validation' AND iteration = 200",
                 i);
        cr_assert_eq(sscanf(query(sql), "%lf %lf", &mean, &std), 2, "%s", query(sql));
        const double scale = cases[i].std > cases[i].mean ? cases[i].std : cases[i].mean;
        cr_expect_float_eq(mean, cases[i].mean, 2e-15 * scale + 1e-15, "%g: mean %.17g", cases[i].b, mean);
        cr_expect_float_eq(std, cases[i].std, 1e-9 * scale + 1e-8, "%g: std %.17g", cases[i].b, std);
    }
}
