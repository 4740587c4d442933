/* exit_hooks.c - run an instrument's exit code also in processes that end without exit().
 *
 * exit() runs the leak check and writes coverage counts. Workers, and children whose exec failed, correctly end with
 * _exit(), which does neither; a process that calls exec loses its counts. Builds with an instrument are linked with
 * --wrap for these functions. */
#include <unistd.h>

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker's names */
_Noreturn void __real__exit(int code);
_Noreturn void __wrap__exit(int code);
int __real_execv(const char *path, char *const words[]);
int __wrap_execv(const char *path, char *const words[]);
int __real_execvp(const char *file, char *const words[]);
int __wrap_execvp(const char *file, char *const words[]);
/* NOLINTEND(bugprone-reserved-identifier) */

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>

enum { FOUND = 99 }; /* an exit status that the program does not have */

static int look(int code) {
    return __lsan_do_recoverable_leak_check() ? FOUND : code;
}

static void write_counts(void) {}
#elif defined(AFFJORD_COVERAGE)
#include <gcov.h>

/* Reset the counts, so that they can be written again if exec fails. */
static void write_counts(void) {
    __gcov_dump();
    __gcov_reset();
}

static int look(int code) {
    write_counts();
    return code;
}
#else
static int look(int code) {
    return code;
}

static void write_counts(void) {}
#endif

void __wrap__exit(int code) {
    __real__exit(look(code));
}

int __wrap_execv(const char *path, char *const words[]) {
    write_counts();
    return __real_execv(path, words);
}

int __wrap_execvp(const char *file, char *const words[]) {
    write_counts();
    return __real_execvp(file, words);
}
