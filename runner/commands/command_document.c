/* command_document.c - ./run document PAGE: manual pages, completion and docs/reference/settings.md. */
#include "commands/command_document.h"

#include <stdio.h>
#include <string.h>

#include "commands/commands.h"
#include "commands/completion.h"
#include "commands/manual.h"
#include "settings/settings_help.h"

static const struct {
    const char *name;
    void (*write)(FILE *stream);
} PAGES[] = {
    {"affjord.1", manual_write_program},
    {"affjord.ini.5", settings_write_manual},
    {"completion", completion_write_bash},
    {"settings.md", settings_write_markdown},
};

int document_run(int count, char **words) {
    for (size_t i = 0; count == 1 && i < sizeof PAGES / sizeof *PAGES; i++) {
        if (strcmp(words[0], PAGES[i].name) != 0) continue;
        PAGES[i].write(stdout);
        return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_DONE
                                                      : command_failed("the page could not be written whole");
    }
    fprintf(stderr, "document: expected one page, affjord.1, affjord.ini.5, completion or settings.md\n");
    return EXIT_USAGE;
}
