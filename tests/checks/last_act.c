/* last_act.c - what an instrument does at the end of a process is done by processes that end by _exit() too.
 *
 * Leaks are looked for, and counts of coverage written, by exit(). Workers, and children whose exec failed, leave by
 * _exit(), which is right and would pass them over. Builds with an instrument are linked with --wrap=_exit. */
#include <unistd.h>

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker's names */
_Noreturn void __real__exit(int code);
_Noreturn void __wrap__exit(int code);
/* NOLINTEND(bugprone-reserved-identifier) */

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
static int look(int code) {
    return __lsan_do_recoverable_leak_check() ? 99 : code;
}
#elif defined(AFFJORD_COVERAGE)
#include <gcov.h>
static int look(int code) {
    __gcov_dump();
    return code;
}
#else
static int look(int code) {
    return code;
}
#endif

void __wrap__exit(int code) {
    __real__exit(look(code));
}
