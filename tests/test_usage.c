/* test_usage.c - the tables of the commands, and the printed help. */
#include "commands/commands.h"
#include "run_support.h"

TestSuite(usage, .timeout = 60);

/* The help of a command, for free(). */
static char *help_of(const command *self) {
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    cr_assert(stream);
    command_write_help(self, stream);
    cr_assert_eq(fclose(stream), 0);
    return text;
}

static size_t check_command(const command *self) {
    char *help = help_of(self), term[256];
    size_t options = 0;
    cr_expect_eq(strncmp(help, "usage: ", 7), 0, "%s", help);
    for (const char *line = help; *line; line += strcspn(line, "\n") + 1)
        cr_expect_leq(strcspn(line, "\n"), 100, "%s: %.*s", self->name, (int)strcspn(line, "\n"), line);
    for (size_t i = 0; i < self->option_count; i++) {
        const argument_option *option = &self->options[i];
        cr_expect_gt(strlen(option->help), 5, "%s %s", self->name, option->name);
        if (!option->name) continue;
        options++;
        cr_expect_eq(option->value == NULL, option->type == ARGUMENT_FLAG, "%s %s", self->name, option->name);
        snprintf(term, sizeof term, "\n  %s%s%s", option->name, option->value ? " " : "",
                 option->value ? option->value : "");
        cr_expect(strstr(help, term), "%s: no%s", self->name, term);
        for (size_t j = 0; j < i; j++) {
            const argument_option *other = &self->options[j];
            if (!other->name) continue;
            cr_expect_str_neq(option->name, other->name, "%s", self->name);
            cr_expect_neq(option->offset, other->offset, "%s: %s and %s", self->name, option->name, other->name);
        }
    }
    free(help);
    return options;
}

Test(usage, every_option_is_in_the_help) {
    size_t options = check_command(&command_experiment);
    for (size_t i = 0; i < commands_count(); i++) options += check_command(commands_at(i));
    cr_expect_gt(options, 50, "%zu options", options);
}

Test(usage, unknown_options_name_the_known_ones) {
    setenv("AFFJORD", binary, 1);
    EXPECT(2, "$AFFJORD experiments/fig6.ini --thread 3");
    EXPECT_SAYS("--thread: unknown option; the nearest is --threads; expected one of --set, --seeds");
    EXPECT(2, "$AFFJORD merge --thread");
    EXPECT_SAYS("expected one of --db, --shards, --remove, --quiet\nSee ./run merge --help\n");
    EXPECT(2, "$AFFJORD list --db");
    EXPECT_SAYS("--db: the value is missing; expected --db PATH");
    EXPECT(2, "$AFFJORD merge --quiet=yes");
    EXPECT_SAYS("--quiet: expected no value");
    EXPECT(2, "$AFFJORD list runs all");
    EXPECT_SAYS("\"all\": unexpected argument");
    EXPECT(2, "$AFFJORD eval --replay a.safetensors --n 3");
    EXPECT_SAYS("--replay: expected no other options than --set and --threads");
    EXPECT(2, "$AFFJORD eval 1 --input x.csv --set train.batch=3");
    EXPECT_SAYS("--set train.batch=3: expected a setting of [solver], found one of [train]");
}

Test(usage, joined_commands_keep_their_older_names) {
    setenv("AFFJORD", binary, 1);
    EXPECT(1, "$AFFJORD replay none.safetensors --threads 2");
    EXPECT_SAYS("Note: \"replay\" is now called \"eval --replay\"; the old name still works\n");
    EXPECT_SAYS("none.safetensors");
    EXPECT(2, "$AFFJORD archive");
    EXPECT_SAYS("Note: \"archive\" is now called \"export --archive\"; the old name still works\n");
    EXPECT_SAYS("export: the name is missing; expected the file of the archive");
    EXPECT(0, "$AFFJORD archive --help");
    EXPECT_SAYS("usage: ./run export RUN|FILE.safetensors");
}
