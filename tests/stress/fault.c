/* fault.c - a library between a program and the C library, which makes selected calls fail and can log calls.
 *
 * LD_PRELOAD=build/fault.so, and in the environment
 *
 *   FAULT_CALL   the calls that fail: write, read, sync, rename, unlink, open, fork, memory or clock
 *   FAULT_WHAT   the failure: the name of an error (ENOSPC, EIO, EINTR, EMFILE, EAGAIN, ENOMEM), short (half of the
 *                bytes are transferred), kill (SIGKILL before the call), jump (a clock differs by 100 s forward or
 *                backward)
 *   FAULT_PATH   only files whose path matches this pattern (fnmatch; a pipe's is pipe:[NUMBER]); default: all
 *   FAULT_IN     parent or worker, a process that a parent forked; default: both
 *   FAULT_AT     the first call that fails, from 1, counted in each process; default: 1
 *   FAULT_ONCE   if set, only that call fails; otherwise all later ones too. With EINTR and short, every second call
 *                fails, because the program retries them
 *   FAULT_SEEN   a file of places. A place is the program's functions on the stack and the last four of libraries. The
 *                first failing call is the first one from a place that is not in the file; the place is then added.
 *                Repeat until there are no new places
 *   FAULT_LOG    a file that gets a line for each failed call
 *   FAULT_TRACE  a file that gets a line for each call on a file that matches FAULT_PATH, whether or not it fails
 *
 * Calls before main, by the loader and constructors of libraries, do not fail. */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* This file replaces functions whose declarations vary between headers; it is not part of the program. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#define EXPORTED __attribute__((visibility("default")))

enum { PATH_BYTES = 4200, FRAMES = 256, LIBRARY_FRAMES = 4, PLACES = 1 << 16 /* a power of two */ };

static const struct {
    const char *name;
    int number;
} errors[] = {{"ENOSPC", ENOSPC}, {"EIO", EIO},       {"EINTR", EINTR},
              {"EMFILE", EMFILE}, {"EAGAIN", EAGAIN}, {"ENOMEM", ENOMEM}};

/* The state is global, because the replaced functions have no argument for it. */
static struct {
    bool active;
    bool worker;
    const char *call, *what, *path, *in, *log, *trace, *seen;
    uint64_t places[PLACES]; /* hashes of the file's places, by open addressing; 0: free */
    uintptr_t file, program; /* addresses of this library and of the program */
    bool once;
    long at, count; /* calls so far */
} layer;

/* The failure of a call. */
typedef enum fate { PASSES, FAILS, SHORT, JUMPS } fate;

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* --- Logging, by system calls, because functions of the C library may be replaced ones --- */

static void put_line(const char *file, const char *call, const char *path) {
    char line[PATH_BYTES + 100];
    const int length = snprintf(line, sizeof line, "%s %s %ld %s\n", layer.worker ? "worker" : "parent", call,
                                layer.count, path ? path : "-");
    const long descriptor = syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (descriptor < 0 || length < 0) return;
    syscall(SYS_write, descriptor, line, (size_t)length < sizeof line ? (size_t)length : sizeof line);
    syscall(SYS_close, descriptor);
}

static bool path_of(int descriptor, char path[PATH_BYTES]) {
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", descriptor);
    const long length = syscall(SYS_readlinkat, AT_FDCWD, name, path, PATH_BYTES - 1);
    path[length > 0 ? length : 0] = '\0';
    return length > 0;
}

/* --- Places --- */

/* Return the slot of a place in the table, or the free slot for it. */
static uint64_t *slot_of(uint64_t place) {
    uint64_t at = place % PLACES;
    while (layer.places[at] != 0 && layer.places[at] != place) at = (at + 1) % PLACES;
    return &layer.places[at];
}

static void read_places(const char *file) {
    const long descriptor = syscall(SYS_openat, AT_FDCWD, file, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return; /* no places yet */
    uint64_t place;
    for (int count = 0; syscall(SYS_read, descriptor, &place, sizeof place) == sizeof place; count++) {
        if (count == PLACES / 2) abort();
        *slot_of(place) = place;
    }
    syscall(SYS_close, descriptor);
}

static void add_place(const char *file, uint64_t place) {
    const long descriptor = syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (descriptor < 0 || syscall(SYS_write, descriptor, &place, sizeof place) != sizeof place) abort();
    syscall(SYS_close, descriptor);
}

/* Return the first address of the file that contains this code, or 0. */
static uintptr_t file_of(const void *code) {
    struct dl_find_object found;
    return _dl_find_object((void *)code, &found) == 0 ? (uintptr_t)found.dlfo_map_start : 0;
}

/* Return the hash (FNV-1a) of a call's place: return addresses as offsets in their files, which are equal in every
 * process. */
static uint64_t this_place(void) {
    void *frames[FRAMES];
    const int count = backtrace(frames, FRAMES);
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (int i = 0, others = 0; i < count; i++) {
        const uintptr_t file = file_of(frames[i]);
        if (file == layer.file || (file != layer.program && others++ >= LIBRARY_FRAMES)) continue;
        hash = (hash ^ ((uintptr_t)frames[i] - file)) * UINT64_C(0x100000001b3);
    }
    return hash ? hash : 1;
}

/* --- The decision --- */

static bool is_ours(void) {
    return layer.active && (!layer.in || (strcmp(layer.in, "worker") == 0) == layer.worker);
}

static fate carry_out(const char *call, const char *path) {
    if (layer.log) put_line(layer.log, call, path);
    if (strcmp(layer.what, "kill") == 0) syscall(SYS_kill, getpid(), SIGKILL);
    if (strcmp(layer.what, "short") == 0) return SHORT;
    if (strcmp(layer.what, "jump") == 0) return JUMPS;
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (strcmp(layer.what, errors[i].name) == 0) errno = errors[i].number;
    return FAILS;
}

/* Decide whether this call fails; `path` may be NULL. */
static fate decide(const char *call, const char *path) {
    if (!is_ours()) return PASSES;
    if (layer.path && (!path || fnmatch(layer.path, path, 0) != 0)) return PASSES;
    if (layer.trace) put_line(layer.trace, call, path);
    if (!layer.call || strcmp(layer.call, call) != 0) return PASSES;
    const bool looks = layer.seen && __atomic_load_n(&layer.count, __ATOMIC_RELAXED) == 0;
    const uint64_t place = looks ? this_place() : 0;
    if (looks && *slot_of(place) == place) return PASSES;
    const long count = __atomic_add_fetch(&layer.count, 1, __ATOMIC_RELAXED);
    if (looks && count == 1) add_place(layer.seen, place);
    if (count < layer.at || (layer.once && count > layer.at)) return PASSES;
    const bool lets_through = strcmp(layer.what, "short") == 0 || strcmp(layer.what, "EINTR") == 0;
    if (lets_through && (count - layer.at) % 2 != 0) return PASSES;
    return carry_out(call, path);
}

static fate decide_descriptor(const char *call, int descriptor) {
    char path[PATH_BYTES];
    if (!is_ours() || (!layer.path && !layer.trace && (!layer.call || strcmp(layer.call, call) != 0))) return PASSES;
    return decide(call, path_of(descriptor, path) ? path : NULL);
}

/* --- Start --- */

static int (*main_of_program)(int, char **, char **);

static int begin(int count, char **words, char **environment) {
    const char *at = getenv("FAULT_AT");
    layer.call = getenv("FAULT_CALL");
    layer.what = getenv("FAULT_WHAT");
    layer.path = getenv("FAULT_PATH");
    layer.in = getenv("FAULT_IN");
    layer.log = getenv("FAULT_LOG");
    layer.trace = getenv("FAULT_TRACE");
    layer.seen = getenv("FAULT_SEEN");
    layer.once = getenv("FAULT_ONCE") != NULL;
    layer.at = at ? atol(at) : 1;
    if (!layer.what) layer.call = NULL;
    if (layer.seen) {
        void *frame;
        backtrace(&frame, 1); /* its first call allocates memory */
        read_places(layer.seen);
        layer.file = file_of((const void *)begin);
        layer.program = file_of((const void *)main_of_program);
    }
    unsetenv("LD_PRELOAD"); /* do not affect other programs that this one starts */
    layer.active = layer.call || layer.trace;
    return main_of_program(count, words, environment);
}

/* NOLINTBEGIN(bugprone-reserved-identifier): the C library's names */
EXPORTED int __libc_start_main(int (*program)(int, char **, char **), int count, char **words, void (*init)(void),
                               void (*fini)(void), void (*loader)(void), void *stack_end);
EXPORTED int __libc_start_main(int (*program)(int, char **, char **), int count, char **words, void (*init)(void),
                               void (*fini)(void), void (*loader)(void), void *stack_end) {
    main_of_program = program;
    return NEXT(__libc_start_main)(begin, count, words, init, fini, loader, stack_end);
}

EXPORTED pid_t fork(void) {
    if (decide("fork", NULL) == FAILS) return -1;
    const pid_t process = NEXT(fork)();
    if (process == 0) {
        layer.worker = true;
        layer.count = 0;
    }
    return process;
}

/* --- Files --- */

/* A call that transfers `size` bytes. */
#define MOVE(call, descriptor, size, ...)                                                                              \
    do {                                                                                                               \
        const fate decided = decide_descriptor(call, descriptor);                                                      \
        if (decided == FAILS) return -1;                                                                               \
        if (decided == SHORT && size > 1) size /= 2;                                                                   \
        return __VA_ARGS__;                                                                                            \
    } while (0)

EXPORTED ssize_t write(int file, const void *bytes, size_t size) {
    MOVE("write", file, size, syscall(SYS_write, file, bytes, size));
}
EXPORTED ssize_t pwrite(int file, const void *bytes, size_t size, off_t at) {
    MOVE("write", file, size, syscall(SYS_pwrite64, file, bytes, size, at));
}
EXPORTED ssize_t pwrite64(int file, const void *bytes, size_t size, off_t at) {
    MOVE("write", file, size, syscall(SYS_pwrite64, file, bytes, size, at));
}
EXPORTED ssize_t writev(int file, const struct iovec *parts, int count) {
    const fate decided = decide_descriptor("write", file);
    if (decided == FAILS) return -1;
    for (; count > 1 && parts->iov_len == 0; parts++) count--;
    if (decided == SHORT && parts->iov_len > 1) return syscall(SYS_write, file, parts->iov_base, parts->iov_len / 2);
    return syscall(SYS_writev, file, parts, count);
}
EXPORTED ssize_t read(int file, void *bytes, size_t size) {
    MOVE("read", file, size, syscall(SYS_read, file, bytes, size));
}
EXPORTED ssize_t __read_chk(int file, void *bytes, size_t size, size_t room) {
    if (size > room) abort();
    MOVE("read", file, size, syscall(SYS_read, file, bytes, size));
}
EXPORTED ssize_t pread(int file, void *bytes, size_t size, off_t at) {
    MOVE("read", file, size, syscall(SYS_pread64, file, bytes, size, at));
}
EXPORTED ssize_t pread64(int file, void *bytes, size_t size, off_t at) {
    MOVE("read", file, size, syscall(SYS_pread64, file, bytes, size, at));
}
EXPORTED int fsync(int file) {
    return decide_descriptor("sync", file) == FAILS ? -1 : (int)syscall(SYS_fsync, file);
}
EXPORTED int fdatasync(int file) {
    return decide_descriptor("sync", file) == FAILS ? -1 : (int)syscall(SYS_fdatasync, file);
}
EXPORTED int rename(const char *from, const char *to) {
    return decide("rename", to) == FAILS ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}
EXPORTED int unlink(const char *path) {
    return decide("unlink", path) == FAILS ? -1 : (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

static int open_file(const char *path, int flags, unsigned mode) {
    return decide("open", path) == FAILS ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}
#define OPEN(name)                                                                                                     \
    EXPORTED int name(const char *path, int flags, ...) {                                                              \
        va_list more;                                                                                                  \
        va_start(more, flags);                                                                                         \
        const unsigned mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, unsigned) : 0;                              \
        va_end(more);                                                                                                  \
        return open_file(path, flags, mode);                                                                           \
    }
OPEN(open)
OPEN(open64)

/* --- Memory: glibc's functions under their internal names, because dlsym needs memory --- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

EXPORTED void *malloc(size_t size) {
    return decide("memory", NULL) == FAILS ? NULL : __libc_malloc(size);
}
EXPORTED void *calloc(size_t count, size_t size) {
    return decide("memory", NULL) == FAILS ? NULL : __libc_calloc(count, size);
}
EXPORTED void *realloc(void *old, size_t size) {
    return decide("memory", NULL) == FAILS ? NULL : __libc_realloc(old, size);
}

/* --- Clocks: every third reading 100 s late, every third 100 s early --- */

static time_t jump(void) {
    enum { SECONDS = 100 };
    if (decide("clock", NULL) != JUMPS) return 0;
    return layer.count % 3 == 0 ? SECONDS : layer.count % 3 == 1 ? -SECONDS : 0;
}

EXPORTED int clock_gettime(clockid_t clock, struct timespec *out) {
    const int outcome = (int)syscall(SYS_clock_gettime, clock, out);
    if (outcome == 0) out->tv_sec += jump();
    return outcome;
}
EXPORTED int gettimeofday(struct timeval *out, void *zone) {
    const int outcome = (int)syscall(SYS_gettimeofday, out, zone);
    if (outcome == 0) out->tv_sec += jump();
    return outcome;
}
EXPORTED time_t time(time_t *out) {
    struct timespec now;
    syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
    now.tv_sec += jump();
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}
/* NOLINTEND(bugprone-reserved-identifier) */
