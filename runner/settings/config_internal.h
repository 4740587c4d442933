/* config_internal.h - shared by config.c (reading files) and config_resolve.c (precedence and checks of names). */
#ifndef AFFJORD_RUNNER_CONFIG_INTERNAL_H
#define AFFJORD_RUNNER_CONFIG_INTERNAL_H

#include "settings/config.h"

/* The scope of a section or assignment, in the order of precedence. */
typedef enum config_scope { SCOPE_ALL, SCOPE_DATA, SCOPE_MODEL, SCOPE_COUNT } config_scope;

/* One "key = value". */
typedef struct config_assignment {
    config_scope scope;
    const char *name; /* of the data set or model; "" for all */
    const setting_option *option;
    const char *value;
    const char *path; /* of the file; NULL for --set */
    size_t line;
    const char *renamed; /* message if the file has older names: "old = value is now called new = value"; else NULL */
} config_assignment;

/* One section [data NAME] or [model NAME]. */
typedef struct config_section {
    config_scope scope;
    const char *name;
    const char *path;
    size_t line;
    bool included; /* it is in an included file */
} config_section;

/* All strings are in `texts`, in the order of their addition. */
struct experiment_config {
    const char *path;
    settings base; /* without those of single data sets and models */
    sweep swept;
    size_t assignment_count, section_count, text_count;
    config_assignment *assignments;
    config_section *sections;
    char **texts;
};

/* A copy of `text` that lives as long as the configuration. */
status config_keep(experiment_config *config, const char *text, const char **out, error_info *err);

/* Set assignment->renamed; `key` as the user wrote it, with a section or without. The value was checked. */
status config_note_renamed(experiment_config *config, const char *key, config_assignment *assignment, error_info *err);

/* Append one assignment whose value was checked. */
status config_assign(experiment_config *config, const config_assignment *assignment, error_info *err);

/* "model" or "data". */
const char *config_scope_name(config_scope scope);

/* Split and look up the left side of --set or of a line of [sweep], "section.key" or "model NAME.key", in place: the
 * data set or model, and the setting, which *key points at. */
status config_parse_target(char *target, config_assignment *out, char **name, char **key, error_info *err);

/* Append the assignment of one --set. */
status config_assign_text(experiment_config *config, const char *text, error_info *err);

/* Compute config->base; `with_set`: including the --set for all. */
void config_resolve_base(experiment_config *config, bool with_set);

/* Check that sections [data NAME] and [model NAME] of the experiment file itself name listed items; included presets
 * may have more. */
status config_check_sections(const experiment_config *config, error_info *err);

/* Check that nothing required is missing, each listed model has a section, and each scoped --set names a listed
 * item. */
status config_check_whole(const experiment_config *config, error_info *err);

#endif
