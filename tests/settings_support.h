/* settings_support.h - shared by tests of settings, files and plans. */
#ifndef AFFJORD_TESTS_SETTINGS_SUPPORT_H
#define AFFJORD_TESTS_SETTINGS_SUPPORT_H

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "settings/config.h"

/* Six lines of a valid file; the text of a case starts on line 7. */
#define GOOD "[experiment]\nname = a\ndata = ty, points.npy\nmodels = m, n\n[model m]\n[model n]\n"

/* Each test runs in a separate process, so each has its own folder. */
static inline void enter_folder(void) {
    char folder[] = "/tmp/test_settings.XXXXXX";
    cr_assert(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
}

static inline void leave_folder(void) {
    char folder[4096];
    cr_assert(getcwd(folder, sizeof folder));
    char command[5000];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    cr_assert_eq(chdir("/"), 0);
    cr_assert_eq(system(command), 0);
}

static inline void write_bytes(const char *path, const char *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    cr_assert(file);
    cr_assert_eq(fwrite(bytes, 1, size, file), size);
    cr_assert_eq(fclose(file), 0);
}

static inline void write_text(const char *path, const char *text) {
    write_bytes(path, text, strlen(text));
}

static inline experiment_config *load(const char *path, size_t set_count, const char *const *set) {
    experiment_config *config = NULL;
    error_info err = {""};
    const status loaded = config_load(path, set_count, set, &config, &err);
    cr_assert_eq(loaded, STATUS_OK, "%s", err.text);
    return config;
}

/* Return an allowed value other than the present one. */
static inline void change(settings *values, const setting_option *option) {
    void *at = (char *)values + option->offset;
    switch (option->type) {
    case SETTING_INTEGER: *(uint64_t *)at += 1; break;
    case SETTING_REAL: {
        double *value = at;
        *value = isinf(*value) ? 1.0 : *value == 0 ? 0.5 : nextafter(*value, 0);
        break;
    }
    case SETTING_BOOLEAN: *(bool *)at = !*(bool *)at; break;
    case SETTING_CHOICE: *(unsigned *)at = *(unsigned *)at == 0 ? 1 : 0; break;
    case SETTING_TEXT:
    case SETTING_LIST: strcpy(at, "changed"); break;
    }
}

#endif
