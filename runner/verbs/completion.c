/* completion.c - a script for bash, from the forms of the verbs and the table of settings.
 *
 * What stands for an option's value decides how it is completed: SECTION.KEY=VALUE by settings, DIR by folders, names
 * in small letters by themselves. Anything else, as PATH, is left to bash, which knows files. */
#include "verbs/completion.h"

#include <stdbool.h>
#include <string.h>

#include "model/settings.h"
#include "verbs/usage.h"
#include "verbs/verbs.h"

static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyz";

static bool is_name(const char *text) {
    text += strspn(text, "[");
    return text[0] >= 'a' && text[0] <= 'z';
}

/* The options of a verb, each once, and how their values are completed. */
typedef struct option_lists {
    char all[1024], plain[1024]; /* blanks between names; of the second | */
    char branches[2048]; /* lines of a case */
} option_lists;

static void add(char *list, size_t size, const char *text) {
    const size_t used = strlen(list);
    snprintf(list + used, size - used, "%s", text);
}

/* The names in small letters at the beginning of a value, a blank behind each: cpu and cuda of cpu|cuda[:N]. */
static void add_names(char *list, size_t size, const char *text) {
    char name[USAGE_TERM_MAX];
    text += strspn(text, "[");
    for (size_t length; (length = strspn(text, LETTERS)) > 0; text += length + (text[length] == '|')) {
        snprintf(name, sizeof name, "%s%.*s", *list && list[strlen(list) - 1] != '\'' ? " " : "", (int)length, text);
        add(list, size, name);
    }
}

static void add_value(option_lists *lists, const char *name, const char *value) {
    const size_t size = sizeof lists->branches;
    const bool setting = strstr(value, "KEY=VALUE"), folder = strcmp(value, "DIR") == 0;
    if (!setting && !folder && !is_name(value)) {
        if (*lists->plain) add(lists->plain, sizeof lists->plain, " | ");
        add(lists->plain, sizeof lists->plain, name);
        return;
    }
    add(lists->branches, size, "                ");
    add(lists->branches, size, name);
    if (setting) add(lists->branches, size, ") _affjord_settings \"$word\"");
    if (folder) add(lists->branches, size, ") _affjord_folders \"$word\"");
    if (!setting && !folder) {
        add(lists->branches, size, ") _affjord_words \"$word\" '");
        add_names(lists->branches, size, value);
        add(lists->branches, size, "'");
    }
    add(lists->branches, size, " ;;\n");
}

static void list_options(const char *usage, option_lists *lists) {
    usage_part part;
    char name[USAGE_TERM_MAX], value[USAGE_TERM_MAX], word[USAGE_TERM_MAX + 2];
    *lists = (option_lists){.all = " "};
    while (usage_next(&usage, &part)) {
        const char *at = usage_options(&part);
        while (usage_option(&at, name, value)) {
            snprintf(word, sizeof word, " %s ", name);
            if (strstr(lists->all, word)) continue;
            add(lists->all, sizeof lists->all, word + 1);
            if (*value) add_value(lists, name, value);
        }
    }
    if (!strstr(lists->all, " --help ")) add(lists->all, sizeof lists->all, "--help ");
}

/* The branch of one verb: its options, the words that may follow it, and values of options. */
static void write_verb(FILE *stream, const verb *self) {
    const char *usage = self->usage;
    char words[1024] = "";
    usage_part part;
    option_lists lists;
    list_options(usage, &lists);
    while (*self->name && usage_next(&usage, &part)) {
        const char *second = strchr(part.text, ' ');
        if (part.kind == USAGE_FORM && second && is_name(second + 1)) add_names(words, sizeof words, second + 1);
    }
    fprintf(stream, "        %s)\n            words='%s' options='%.*s'\n            case $before in\n%s",
            *self->name ? self->name : "*", words, (int)strlen(lists.all) - 2, lists.all + 1, lists.branches);
    if (*lists.plain) fprintf(stream, "                %s) ;;\n", lists.plain);
    fputs("                *) known= ;;\n            esac\n            ;;\n", stream);
}

static void write_settings(FILE *stream) {
    fputs("# Settings, each with the = that its value follows.\n_affjord_settings() {\n    _affjord_words \"$1\" '",
          stream);
    for (size_t i = 0; i < settings_count(); i++) fprintf(stream, "%s= ", settings_option(i)->name);
    fputs("'\n    compopt -o nospace 2>/dev/null\n}\n\n"
          "# What a setting may be.\n_affjord_values() {\n    case $2 in\n",
          stream);
    for (size_t i = 0; i < settings_count(); i++) {
        const setting_option *option = settings_option(i);
        if (option->type != SETTING_CHOICE && option->type != SETTING_BOOLEAN) continue;
        fprintf(stream, "        %s) _affjord_words \"$1\" '", option->name);
        for (const char *at = option->type == SETTING_CHOICE ? option->choices : "yes|no"; *at; at++)
            fputc(*at == '|' ? ' ' : *at, stream);
        fputs("' ;;\n", stream);
    }
    fputs("    esac\n}\n\n", stream);
}

static const char BEGIN[] =
    "# affjord - completion for bash, generated by the program from its own help.\n"
    "\n"
    "_affjord_words() {\n"
    "    mapfile -t COMPREPLY < <(compgen -W \"$2\" -- \"$1\")\n"
    "}\n"
    "\n"
    "_affjord_folders() {\n"
    "    mapfile -t COMPREPLY < <(compgen -d -- \"$1\")\n"
    "    compopt -o filenames 2>/dev/null\n"
    "}\n"
    "\n"
    "# Verbs, experiment files and folders here, and the installed experiments by name.\n"
    "_affjord_first() {\n"
    "    local installed=${BASH_SOURCE[0]%/*}/../../affjord/experiments file names=\n"
    "    for file in \"$installed\"/*.ini; do [ ! -e \"$file\" ] || names+=\" ${file##*/}\"; done\n"
    "    mapfile -t COMPREPLY < <(\n"
    "        { compgen -W \"$2 --help --version$names\" -- \"$1\"\n"
    "          compgen -f -X '!*.ini' -- \"$1\"\n"
    "          compgen -d -S / -- \"$1\"; } | sort -u)\n"
    "    [[ ${COMPREPLY[*]} != */ ]] || compopt -o nospace 2>/dev/null\n"
    "}\n"
    "\n";

static const char COMPLETE_BEGIN[] =
    "_affjord() {\n"
    "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} known=1 key= options words\n"
    "    COMPREPLY=()\n"
    "    # bash takes = for a word of its own.\n"
    "    if [ \"$word\" = = ]; then\n"
    "        word= key=$before\n"
    "    elif [ \"$before\" = = ] && [ \"$COMP_CWORD\" -gt 2 ]; then\n"
    "        key=${COMP_WORDS[COMP_CWORD - 2]}\n"
    "    fi\n"
    "    case $key in\n"
    "        --*) before=$key ;;\n"
    "        ?*) _affjord_values \"$word\" \"$key\"; return ;;\n"
    "    esac\n";

static const char COMPLETE_END[] = "    esac\n"
                                   "    [ -z \"$known\" ] || return\n"
                                   "    case $word in\n"
                                   "        -*) _affjord_words \"$word\" \"$options\" ;;\n"
                                   "        *) _affjord_words \"$word\" \"$words\" ;;\n"
                                   "    esac\n"
                                   "}\n"
                                   "\n"
                                   "complete -o default -F _affjord affjord\n";

void completion_write_bash(FILE *stream) {
    fputs(BEGIN, stream);
    write_settings(stream);
    fputs(COMPLETE_BEGIN, stream);
    fputs("    if [ \"$COMP_CWORD\" = 1 ]; then\n        _affjord_first \"$word\" '", stream);
    for (size_t i = 0; i < verbs_count(); i++) fprintf(stream, "%s ", verbs_at(i)->name);
    fputs("'\n        return\n    fi\n    case ${COMP_WORDS[1]} in\n", stream);
    for (size_t i = 0; i < verbs_count(); i++) write_verb(stream, verbs_at(i));
    write_verb(stream, &verb_experiment);
    fputs(COMPLETE_END, stream);
}
