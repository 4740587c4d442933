/* machine.c - the origin of a number besides its settings: program, machine, libraries. */
#include "record/machine.h"

#include <sched.h>
#include <string.h>
#include <unistd.h>

#include <gnu/libc-version.h>
#include <jansson.h>
#include <sleef.h>

#include "backend/cpu/cpu.h"
#include "base/real.h"
#include "provenance.h" /* made by the build */
#include "system/paths.h"

/* Get the processor's name from the kernel, or "unknown". */
static void read_cpu(char *text, size_t size) {
    static const char key[] = "model name";
    char line[1024];
    snprintf(text, size, "unknown");
    FILE *file = fopen("/proc/cpuinfo", "r");
    if (!file) return;
    while (fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, key, strlen(key)) != 0 || !colon) continue;
        colon += 1 + strspn(colon + 1, " \t");
        snprintf(text, size, "%.*s", (int)strcspn(colon, "\n"), colon);
        break;
    }
    fclose(file);
}

/* Append a word with the quotes that a shell needs. */
static size_t append_word(char *text, size_t size, size_t used, const char *word) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=:,+@%";
    const char *quote = *word && strspn(word, plain) == strlen(word) ? "" : "'";
    const int length = snprintf(text + used, size - used, "%s%s%s%s", used ? " " : "", quote, word, quote);
    return used + (size_t)length < size ? used + (size_t)length : size - 1;
}

static void list_libraries(char *text, size_t size) {
    snprintf(text, size, "SLEEF %d.%d.%d, SQLite %s, jansson %s, glibc %s", SLEEF_VERSION_MAJOR, SLEEF_VERSION_MINOR,
             SLEEF_VERSION_PATCHLEVEL, db_library_version(), jansson_version_str(), gnu_get_libc_version());
}

void machine_describe(machine *out, int count, char **arguments) {
    size_t used = 0;
    out->command_line[0] = '\0';
    /* The command as a user types it; no number depends on where the program is installed. */
    for (int i = 0; i < count; i++)
        used = append_word(out->command_line, sizeof out->command_line, used, i == 0 ? command_name() : arguments[i]);
    if (gethostname(out->host, sizeof out->host) != 0) snprintf(out->host, sizeof out->host, "unknown");
    out->host[sizeof out->host - 1] = '\0';
    read_cpu(out->cpu, sizeof out->cpu);
    list_libraries(out->libraries, sizeof out->libraries);
    out->session = (db_session){.host = out->host,
                                .cpu = out->cpu,
                                .simd = cpu_level_name(cpu_level_best()),
                                .git_commit = AFFJORD_GIT_COMMIT,
                                .git_dirty = AFFJORD_GIT_DIRTY,
                                .compiler = AFFJORD_COMPILER,
                                .compiler_flags = AFFJORD_CFLAGS,
                                .libraries = out->libraries,
                                .command_line = out->command_line};
}

size_t machine_jobs(size_t threads) {
    cpu_set_t set;
    const int cores = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return threads > 0 && (size_t)cores > threads ? (size_t)cores / threads : 1;
}

void machine_name_program(size_t size, char *out) {
    snprintf(out, size, "affjord %s, commit %s%s", AFFJORD_VERSION, AFFJORD_GIT_COMMIT,
             AFFJORD_GIT_DIRTY ? " with changes" : "");
}

void machine_write_version(FILE *stream) {
    char program[128];
    machine_name_program(sizeof program, program);
    fprintf(stream, "%s\n", program);
    fprintf(stream, "numbers %s, kernels %s, database schema %d\n", REAL_NAME, cpu_level_name(cpu_level_best()),
            DB_SCHEMA_VERSION);
    char libraries[256];
    list_libraries(libraries, sizeof libraries);
    fprintf(stream, "%s\n", libraries);
    fprintf(stream, "compiled by %s\nwith %s\n", AFFJORD_COMPILER, AFFJORD_CFLAGS);
}
