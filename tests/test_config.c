/* test_config.c - experiment files: every error's message, precedence, includes. */
#include "settings_support.h"

/* Load x.ini and check that it fails with exactly this message. */
static void expect_failure(const char *label, size_t set_count, const char *const *set, const char *message) {
    experiment_config *config = NULL;
    error_info err = {""};
    const status loaded = config_load("x.ini", set_count, set, &config, &err);
    cr_expect_neq(loaded, STATUS_OK, "%s: was accepted", label);
    cr_expect_null(config, "%s: out was touched", label);
    cr_expect_str_eq(err.text, message, "%s:\n found    %s\n expected %s", label, err.text, message);
    config_destroy(&config);
}

typedef struct wrong_file {
    const char *added; /* to GOOD */
    const char *message; /* after "x.ini:" */
} wrong_file;

Test(config, every_wrong_line_has_its_message) {
    static const wrong_file CASES[] = {
        {"[solvr]\n", "7: unknown section [solvr]; the nearest is [solver]"},
        {"[]\n", "7: unknown section []; the nearest is [flow]"},
        {"[solver]\nstpes = 3\n", "8: unknown setting solver.stpes; the nearest is solver.steps"},
        {"[solver]\nbatch = 3\n", "8: unknown setting solver.batch; the nearest is train.batch"},
        {"[solver]\nsteps = 3\nsteps = 4\n", "9: solver.steps is already set on line 8"},
        {"[solver]\nsteps = 3\n[train]\n[solver]\nsteps = 3\n", "11: solver.steps is already set on line 8"},
        {"[model m]\nwidth = 3\nmodel.width = 3\n", "9: model.width is already set on line 8"},
        {"[solver]\nsteps = 0\n", "8: solver.steps = 0: expected an integer from 1 to 100000"},
        {"[solver]\nsteps = 100001\n", "8: solver.steps = 100001: expected an integer from 1 to 100000"},
        {"[solver]\nsteps = -1\n", "8: solver.steps = -1: expected an integer from 1 to 100000"},
        {"[solver]\nsteps = 4.0\n", "8: solver.steps = 4.0: expected an integer from 1 to 100000"},
        {"[solver]\nsteps = 12x\n", "8: solver.steps = 12x: expected an integer from 1 to 100000"},
        {"[solver]\nsteps = 18446744073709551617\n",
         "8: solver.steps = 18446744073709551617: expected an integer from 1 to 100000"},
        {"[solver]\nsteps =\n", "8: solver.steps: the value is empty"},
        {"[solver]\nsteps = ; many\n", "8: solver.steps: the value is empty"},
        {"[train]\nlearning_rate = fast\n", "8: train.learning_rate = fast: expected a number from 1e-12 to 10"},
        {"[train]\nlearning_rate = 1e-3x\n", "8: train.learning_rate = 1e-3x: expected a number from 1e-12 to 10"},
        {"[train]\nlearning_rate = 0\n", "8: train.learning_rate = 0: expected a number from 1e-12 to 10"},
        {"[train]\nlearning_rate = 10.5\n", "8: train.learning_rate = 10.5: expected a number from 1e-12 to 10"},
        {"[train]\nlearning_rate = nan\n", "8: train.learning_rate = nan: expected a number from 1e-12 to 10"},
        {"[train]\nlearning_rate = inf\n", "8: train.learning_rate = inf: expected a number from 1e-12 to 10"},
        {"[train]\nlearning_rate = 0x1p-3\n", "8: train.learning_rate = 0x1p-3: expected a number from 1e-12 to 10"},
        {"[train]\nstop_loss = 1e999\n", "8: train.stop_loss = 1e999: expected a number or -inf"},
        {"[train]\nstop_loss = nan\n", "8: train.stop_loss = nan: expected a number or -inf"},
        {"[model]\nconcat = true\n", "8: model.concat = true: expected yes or no"},
        {"[solver]\nmethod = rk5\n",
         "8: solver.method = rk5: expected euler, midpoint, rk4, rk4_38, heun2, bosh3, dopri5, "
         "tsit5 or dopri8; the nearest is rk4"},
        {"[model]\ncontext = Time\n",
         "8: model.context = Time: expected time, augmented, general or lifted; the nearest is time"},
        {"[train]\nbatch 5\n", "8: expected \"key = value\""},
        {"[train]\nbatch: 5\n", "8: expected \"key = value\""},
        {"[train]\n= 5\n", "8: expected \"key = value\""},
        /* inih continues after an invalid line, but the first one is reported. */
        {"[train]\nbatch 5\nbatsch = 5\n", "8: expected \"key = value\""},
        {"[train\nbatch = 5\n", "7: the section has no ]"},
        {"[train] batch = 5\n", "7: unexpected text after the section's ]"},
        {" [train]\nbatch = 5\n", "7: a section must start in the first column"},
        {"[train]\nbatch = 5\n  iterations = 5\n",
         "9: an indented line continues the list above, and there is none; a setting must start in the first column"},
        {"[model a.b]\n", "7: [model a.b]: expected only letters, digits, _ and - in the name"},
        {"[modle m]\n", "7: unknown section [modle m]; the nearest is [model]"},
        {"[data ty]\nexperiment.seeds = 3\n",
         "8: experiment.seeds cannot differ between data sets or models; set it in [experiment]"},
        {"[data ty]\nbatch = 3\n", "8: unknown setting model.batch; the nearest is train.batch"},
        {"[data ty]\ntrian.batch = 3\n", "8: unknown section [trian]; the nearest is [train]"},
        {"[data ty]\ntrain.batch = 0\n", "8: train.batch = 0: expected an integer from 1 to 1000000"},
        {"[data tty]\ntrain.batch = 3\n",
         "7: [data tty]: experiment.data lists only ty, points.npy; the nearest is ty"},
        {"[model mm]\n", "7: [model mm]: experiment.models lists only m, n; the nearest is m"},
        {"[train]\ninclude = other.ini\n", "8: include must stand above the first section"},
        {"[experiment]\nseeds = 3-1\n",
         "8: experiment.seeds = 3-1: \"3-1\" is not a seed nor a range of seeds such as 0-29"},
        {"[experiment]\nseeds = 1;2\n",
         "8: experiment.seeds = 1;2: \"1;2\" is not a seed nor a range of seeds such as 0-29"},
        {"[experiment]\nseeds = 1, , 2\n",
         "8: experiment.seeds = 1, , 2: \"\" is not a seed nor a range of seeds such as 0-29"},
        {"[experiment]\nseeds = -1\n",
         "8: experiment.seeds = -1: \"-1\" is not a seed nor a range of seeds such as 0-29"},
        {"[experiment]\nseeds = 1-\n",
         "8: experiment.seeds = 1-: \"1-\" is not a seed nor a range of seeds such as 0-29"},
        {"[experiment]\nseeds = 9223372036854775808\n",
         "8: experiment.seeds = 9223372036854775808: \"9223372036854775808\" is not a seed nor a range "
         "of seeds such as 0-29"},
        {"[experiment]\nseeds = 0-4, 3\n", "8: experiment.seeds = 0-4, 3: seed 3 is listed twice"},
        {"[experiment]\nseeds = 0-100000\n", "8: experiment.seeds = 0-100000: more than 100000 seeds"},
        {"[experiment]\nfigures = a, b c\n",
         "8: experiment.figures = a, b c: \"b c\" has something else than letters, digits, _ and -"},
        {"[experiment]\nfigures = a,, b\n", "8: experiment.figures = a,, b: an item is empty"},
        {"[experiment]\nfigures = a, b, a\n", "8: experiment.figures = a, b, a: a is listed twice"},
        {"[experiment]\nseeds = 0,\n  0\n", "9: experiment.seeds = 0, 0: seed 0 is listed twice"},
    };
    enter_folder();
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char content[4096], message[1200];
        snprintf(content, sizeof content, "%s%s", GOOD, CASES[i].added);
        write_text("x.ini", content);
        snprintf(message, sizeof message, "x.ini:%s", CASES[i].message);
        expect_failure(CASES[i].added, 0, NULL, message);
    }
    leave_folder();
}

Test(config, wrong_files_as_a_whole) {
    static const wrong_file CASES[] = {
        {"", "x.ini: experiment.name is missing"},
        {"[experiment]\nname = a\nmodels = m\n[model m]\n", "x.ini: experiment.data is missing"},
        {"[experiment]\nname = a\ndata = ty\n", "x.ini: experiment.models is missing"},
        {"[experiment]\nname = a b\n", "x.ini:2: experiment.name = a b: expected only letters, digits, _ and -"},
        {"[experiment]\nname = ../a\n", "x.ini:2: experiment.name = ../a: expected only letters, digits, _ and -"},
        {"[experiment]\nname = \xc3\xa4\n",
         "x.ini:2: experiment.name = \xc3\xa4: expected only letters, digits, _ and -"},
        {"[experiment]\nname = a\ndata = ty\nmodels = m, afjord\n[model m]\n[model affjord]\n",
         "x.ini:6: [model affjord]: experiment.models lists only m, afjord; the nearest is afjord"},
        {"[experiment]\nname = a\ndata = ty\nmodels = m, o\n[model m]\n",
         "x.ini:4: experiment.models lists o, but there is no section [model o]; the nearest is [model m]"},
        {"[experiment]\nname = a\ndata = ty\nmodels = m\n",
         "x.ini:4: experiment.models lists m, but there is no section [model m]"},
        {"name = a\n[experiment]\n", "x.ini:1: name stands above the first section"},
        {"include =\n", "x.ini:1: include: the value is empty"},
        {"\n; a preset\ninclude = none.ini\n", "x.ini:3: include: none.ini: No such file or directory"},
        {"include = folder\n", "x.ini:1: include: folder: is a folder, expected an experiment file"},
        {"include = x.ini\n", "x.ini:1: include: x.ini: the file includes itself"},
        {"include = folder/a.ini\n", "folder/a.ini:2: include: folder/../x.ini: the file includes itself"},
        {"include = folder/b.ini\n", "folder/b.ini:3: unknown setting train.bach; the nearest is train.batch"},
    };
    enter_folder();
    cr_assert_eq(mkdir("folder", 0700), 0);
    write_text("folder/a.ini", "; comes back\ninclude = ../x.ini\n");
    write_text("folder/b.ini", "[train]\n# none\nbach = 5\n");
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        write_text("x.ini", CASES[i].added);
        expect_failure(CASES[i].added, 0, NULL, CASES[i].message);
    }
    write_bytes("x.ini", "[train]\nbatch = 5\0\n", 19);
    expect_failure("NUL", 0, NULL, "x.ini:2: a NUL byte; expected text");
    cr_assert_eq(unlink("x.ini"), 0);
    expect_failure("missing", 0, NULL, "x.ini: No such file or directory");
    cr_assert_eq(mkfifo("x.ini", 0600), 0);
    expect_failure("fifo", 0, NULL, "x.ini: is no file of at most 1048576 bytes, expected an experiment file");
    cr_assert_eq(unlink("x.ini"), 0);
    cr_assert_eq(mkdir("x.ini", 0700), 0);
    expect_failure("folder", 0, NULL, "x.ini: is a folder, expected an experiment file");
    leave_folder();
}

Test(config, lines_and_section_names_are_never_cut) {
    char content[2048], name[200];
    enter_folder();
    memset(name, 'a', sizeof name);
    snprintf(content, sizeof content, "%s[experiment]\ntitle = %.189s\n", GOOD, name); /* 197 bytes */
    write_text("x.ini", content);
    experiment_config *config = load("x.ini", 0, NULL);
    cr_expect_eq(strlen(config_settings(config)->experiment_title), 189);
    config_destroy(&config);
    snprintf(content, sizeof content, "%s[experiment]\ntitle = %.189s\r\n", GOOD, name);
    write_text("x.ini", content);
    config = load("x.ini", 0, NULL);
    cr_expect_eq(strlen(config_settings(config)->experiment_title), 189);
    config_destroy(&config);
    snprintf(content, sizeof content, "%s[experiment]\ntitle = %.190s\n", GOOD, name); /* more than inih accepts */
    write_text("x.ini", content);
    config = load("x.ini", 0, NULL);
    cr_expect_eq(strlen(config_settings(config)->experiment_title), 190);
    config_destroy(&config);

    snprintf(content, sizeof content, "[experiment]\nname = a\ndata = ty\nmodels = %.43s\n[model %.43s]\nwidth = 5\n",
             name, name); /* 49 bytes */
    write_text("x.ini", content);
    config = load("x.ini", 0, NULL);
    settings values;
    snprintf(content, sizeof content, "%.43s", name);
    config_resolve(config, "ty", content, &values);
    cr_expect_eq(values.model_width, 5);
    config_destroy(&config);
    snprintf(content, sizeof content, "%s[model %.44s]\n", GOOD, name);
    write_text("x.ini", content);
    expect_failure("50 bytes", 0, NULL, "x.ini:7: the section's name has 50 bytes, expected at most 49");
    leave_folder();
}

typedef struct wrong_set {
    const char *set;
    const char *message;
} wrong_set;

Test(config, every_wrong_set_has_its_message) {
    static const wrong_set CASES[] = {
        {"train.batch", "--set train.batch: expected section.key=value"},
        {"batch=5", "--set batch=5: unknown setting batch; expected section.key"},
        {"train.bach=5", "--set train.bach=5: unknown setting train.bach; the nearest is train.batch"},
        {"trian.batch=5", "--set trian.batch=5: unknown section [trian]; the nearest is [train]"},
        {"train.batch=0", "--set train.batch=0: train.batch = 0: expected an integer from 1 to 1000000"},
        {"train.batch=", "--set train.batch=: train.batch: the value is empty"},
        {"model m=5", "--set model m=5: expected \"model NAME.key=value\""},
        {"model m.widht=5", "--set model m.widht=5: unknown setting model.widht; the nearest is model.width"},
        {"model o.width=5", "--set: [model o]: experiment.models lists only m, n; the nearest is m"},
        {"data tty.width=5", "--set: [data tty]: experiment.data lists only ty, points.npy; the nearest is ty"},
        {"data ty.experiment.name=b",
         "--set data ty.experiment.name=b: experiment.name cannot differ between data sets or models"},
        {"experiment.models=o",
         "--set: experiment.models lists o, but there is no section [model o]; the nearest is [model m]"},
    };
    enter_folder();
    write_text("x.ini", GOOD);
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++)
        expect_failure(CASES[i].set, 1, &CASES[i].set, CASES[i].message);
    leave_folder();
}

Test(config, later_settings_override_earlier_ones) {
    enter_folder();
    cr_assert_eq(mkdir("presets", 0700), 0);
    write_text("presets/inner.ini", "[train]\nbatch = 10\niterations = 10\nvalidation = 10\nepoch_iterations = 10\n"
                                    "checkpoint_epochs = 10\n[solver]\nsteps = 10\n[model]\nwidth = 10\n"
                                    "[model m]\ntrain.epoch_iterations = 15\n");
    write_text("presets/outer.ini", "include = inner.ini\n[train]\niterations = 20\n");
    write_text("presets/second.ini", "[train]\nvalidation = 30\n[model unlisted]\nwidth = 1\n");
    write_text("x.ini", "include = presets/outer.ini\n"
                        "include = presets/second.ini\n" GOOD "[train]\nepoch_iterations = 40\ncheckpoint_epochs = 40\n"
                        "[data ty]\ntrain.checkpoint_epochs = 50\nsolver.steps = 50\nwidth = 50\n"
                        "[data points]\nsolver.steps = 51\n"
                        "[model m]\nsolver.steps = 60\nwidth = 60\n");
    const char *const set[] = {"model.width = 70",
                               "model.width=71",
                               "data ty.model.hypernet_width=72",
                               "model n.hypernet_width=73",
                               "data points.npy.augmented_width=74",
                               "data points.npy.train.batch=75"};
    experiment_config *config = load("x.ini", 1, set);
    settings values;
    config_resolve(config, "ty", "m", &values);
    cr_expect_eq(values.train_batch, 10); /* the innermost file */
    cr_expect_eq(values.train_iterations, 20); /* the including one over the included */
    cr_expect_eq(values.train_validation, 30); /* the later include */
    cr_expect_eq(values.train_epoch_iterations, 15); /* [model m] of a preset over the plain section of the file */
    cr_expect_eq(values.train_checkpoint_epochs, 50); /* [data ty] over the file */
    cr_expect_eq(values.solver_steps, 60); /* [model m] over [data ty] */
    cr_expect_eq(values.model_width, 70); /* --set over all */
    cr_expect_eq(values.model_hypernet_width, 32); /* not set: the default */
    config_resolve(config, "ty", "n", &values);
    cr_expect_eq(values.train_epoch_iterations, 40);
    cr_expect_eq(values.solver_steps, 50);
    config_resolve(config, "points.npy", "n", &values); /* [data points] is for points.npy */
    cr_expect_eq(values.solver_steps, 51);
    cr_expect_eq(config_settings(config)->solver_steps, 10);
    cr_expect_eq(config_settings(config)->train_checkpoint_epochs, 40);
    config_destroy(&config);

    config = load("x.ini", sizeof set / sizeof *set, set);
    config_resolve(config, "ty", "m", &values);
    cr_expect_eq(values.model_width, 71); /* the later --set */
    cr_expect_eq(values.model_hypernet_width, 72);
    config_resolve(config, "ty", "n", &values);
    cr_expect_eq(values.model_hypernet_width, 73); /* --set for a model over --set for data */
    config_resolve(config, "points.npy", "n", &values);
    cr_expect_eq(values.model_augmented_width, 74);
    cr_expect_eq(values.train_batch, 75);
    config_destroy(&config);
    leave_folder();
}

Test(config, files_are_read_as_written) {
    enter_folder();
    write_text("x.ini", "\xef\xbb\xbf; with a byte order mark\r\n[experiment]\r\nname = a-1_B\r\n"
                        "title = \xc3\x9c"
                        "ber z* = 0   ; a comment\r\ndata = ty,\r\n"
                        "   spirals ; more\r\n\r\n;\r\n   hash_gaussian\r\n"
                        "models = m\r\n# a comment\r\nseeds = 0-2, 40\r\n[model m]\r\n");
    experiment_config *config = load("x.ini", 0, NULL);
    const settings *base = config_settings(config);
    char text[PATH_MAX];
    cr_expect_str_eq(base->experiment_name, "a-1_B");
    cr_expect_str_eq(base->experiment_title, "\xc3\x9c"
                                             "ber z* = 0");
    cr_expect_str_eq(base->experiment_data, "ty, spirals, hash_gaussian");
    cr_expect_str_eq(base->experiment_figures, "");
    cr_expect_str_eq(config_path(config), "x.ini");
    config_origin(config, "experiment.seeds", text);
    cr_expect_str_eq(text, "x.ini:12");
    config_origin(config, "train.batch", text);
    cr_expect_str_eq(text, "x.ini");
    config_destroy(&config);

    const char *const set[] = {"experiment.seeds=5"};
    write_text("x.ini", GOOD);
    config = load("x.ini", 1, set);
    cr_expect_str_eq(config_settings(config)->experiment_title, "a"); /* the name */
    cr_expect_str_eq(config_settings(config)->experiment_seeds, "5");
    config_origin(config, "experiment.seeds", text);
    cr_expect_str_eq(text, "--set");
    config_destroy(&config);
    leave_folder();
}

Test(config, tables_are_beside_the_file_that_lists_them) {
    enter_folder();
    cr_assert_eq(mkdir("folder", 0700), 0);
    write_text("folder/x.ini", GOOD);
    experiment_config *config = load("folder/x.ini", 0, NULL);
    char path[PATH_MAX];
    cr_expect_eq(config_data_source(config, "ty", path, NULL), STATUS_OK);
    cr_expect_str_eq(path, "ty");
    cr_expect_eq(config_data_source(config, "points.npy", path, NULL), STATUS_OK);
    cr_expect_str_eq(path, "folder/points.npy");
    cr_expect_eq(config_data_source(config, "/a/points.csv", path, NULL), STATUS_OK);
    cr_expect_str_eq(path, "/a/points.csv");
    config_destroy(&config);
    const char *const set[] = {"experiment.data=b/c.csv"};
    config = load("folder/x.ini", 1, set);
    cr_expect_eq(config_data_source(config, "b/c.csv", path, NULL), STATUS_OK);
    cr_expect_str_eq(path, "b/c.csv");
    config_destroy(&config);
    leave_folder();
}

Test(config, older_names_are_noted_once_a_file) {
    enter_folder();
    write_text("preset.ini", "[image]\nmoving = 6\nfed = 3\n[model]\nconcat = no\n");
    write_text("x.ini", "include = preset.ini\n" GOOD "[data ty]\nmodel.context = clock\n[solver]\nsteps = 5\n");
    const char *const set[] = {"train.batch=9", "model m.start=learned", "solver.store=steps"};
    experiment_config *config = load("x.ini", sizeof set / sizeof *set, set);
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    cr_assert(stream);
    config_write_renamed(config, stream);
    cr_assert_eq(fclose(stream), 0);
    cr_expect_str_eq(text,
                     "Note: preset.ini:2: image.moving is now called image.augmented_dims; the old name still works "
                     "(and 1 more renamed setting)\n"
                     "Note: x.ini:9: model.context = clock is now called model.context = time; the old name still "
                     "works\n"
                     "Note: --set: model.start is now called model.initial_state; the old name still works\n");
    free(text);
    config_destroy(&config);
    leave_folder();
}

/* One setting under two names is set twice. */
Test(config, both_names_of_a_setting_are_refused) {
    enter_folder();
    write_text("x.ini", GOOD "[image]\nfed = 3\nhypernet_inputs = 4\n");
    experiment_config *config = NULL;
    error_info err = {""};
    cr_expect_eq(config_load("x.ini", 0, NULL, &config, &err), STATUS_INVALID);
    cr_expect_str_eq(err.text, "x.ini:9: image.hypernet_inputs is already set on line 8");
    leave_folder();
}
