/* settings.c - experiment files with any content. */
#include "fuzz.h"
#include "settings/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    char path[FUZZ_PATH_MAX];
    experiment_config *config = NULL;
    error_info err = {""};
    fuzz_file("any.ini", bytes, size, path);
    const status outcome = config_load(path, 0, NULL, &config, &err);
    fuzz_expect_reason(outcome, &err);
    if (outcome != STATUS_OK) return 0;
    settings values;
    char origin[PATH_MAX], item[SETTINGS_TEXT_MAX], source[PATH_MAX];
    const char *cursor = config_settings(config)->experiment_data;
    while (settings_list_next(&cursor, item)) {
        (void)config_data_source(config, item, source, &err);
        config_resolve(config, item, "affjord", &values);
    }
    for (size_t i = 0; i < settings_count(); i++) config_origin(config, settings_option(i)->name, origin);
    config_destroy(&config);
    return 0;
}
