/* fault.c - a library between a program and the C library that lets chosen calls fail, for tests:
 *
 *   LD_PRELOAD=build/fault.so FAULT=enospc FAULT_AT=7 FAULT_PATH=r.db FAULT_COUNTER=/tmp/count program
 *
 *   FAULT          what fails, and how:
 *                    enospc, eio    writing, and for eio also reading, a file or pipe
 *                    sync           fsync, fdatasync (EIO)
 *                    rename         rename (EACCES)
 *                    create         opening to write or create, mkdir (EACCES)
 *                    memory         malloc, calloc, realloc, posix_memalign, aligned_alloc
 *                    short          a write or read of more than a byte does half
 *                    interrupted    a write or read returns EINTR (every third: a loop that repeats would not end else)
 *                    clock          every clock jumps to and fro, by hours
 *                    network        nothing fails: every file is on NFS, says statfs
 *                    none           nothing; calls are counted
 *   FAULT_AT       the k-th of the calls that could fail does, k = 1, 2 ...; 0 or none: every one
 *   FAULT_LAST     until this one; none: it alone. With FAULT_LAST=0 all from the k-th on.
 *   FAULT_PATH     only files whose path has this in it (memory and clocks have no path)
 *   FAULT_COUNTER  a file of 8 bytes: how many calls could have failed, of all processes of the program together
 *   FAULT_LOG      a file, to which a line is added for each call on a file: what, path
 *
 * Calls count from the beginning of main on. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#define SHOWN __attribute__((visibility("default")))

typedef enum kind { NONE, ENOSPC_, EIO_, SYNC, RENAME, CREATE, MEMORY, SHORT, INTERRUPTED, CLOCK, NETWORK } kind;
static const char *const names[] = {"none",   "enospc", "eio",         "sync",  "rename", "create",
                                    "memory", "short",  "interrupted", "clock", "network"};

static kind what;
static uint64_t first, last;
static const char *part; /* of a path */
static int logged = -1;
static bool begun;
static _Atomic uint64_t here, *count = &here;

static uint64_t number(const char *name, uint64_t otherwise) {
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

/* The C library's own of that name. */
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void begin(void) {
    const char *kind_name = getenv("FAULT"), *counter = getenv("FAULT_COUNTER"), *log = getenv("FAULT_LOG");
    for (size_t i = 0; kind_name && i < sizeof names / sizeof *names; i++)
        if (strcmp(kind_name, names[i]) == 0) what = (kind)i;
    first = number("FAULT_AT", 0);
    last = number("FAULT_LAST", first);
    if (first == 0 || last == 0) last = UINT64_MAX;
    part = getenv("FAULT_PATH");
    if (log) logged = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    const int file = counter ? (int)syscall(SYS_openat, AT_FDCWD, counter, O_RDWR | O_CREAT | O_CLOEXEC, 0666) : -1;
    if (file >= 0 && syscall(SYS_ftruncate, file, 8) == 0) {
        void *shared = mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (shared != MAP_FAILED) count = shared;
        syscall(SYS_close, file);
    }
    begun = true;
}

/* --- Which calls fail --- */

/* One more call of this kind; whether it is one of the chosen. */
static bool strikes(void) {
    const uint64_t number_of_it = atomic_fetch_add(count, 1) + 1;
    return number_of_it >= first && number_of_it <= last;
}

static void note(const char *call, const char *path) {
    char line[512];
    const int length = logged >= 0 ? snprintf(line, sizeof line, "%s %s\n", call, path) : 0;
    if (length > 0) syscall(SYS_write, logged, line, (size_t)length);
}

/* The path of a descriptor: "pipe:[...]" and the like for what is no file. */
static void path_of(int descriptor, char out[512]) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    const ssize_t length = readlink(link, out, 511);
    out[length > 0 ? length : 0] = '\0';
}

static bool chosen(const char *path) {
    return !part || strstr(path, part);
}

static bool fails_on(int descriptor, const char *call, bool could) {
    if (!begun || (!could && logged < 0)) return false;
    char path[512];
    path_of(descriptor, path);
    if (strncmp(path, "/dev/", 5) == 0) return false;
    note(call, path);
    return could && chosen(path) && strikes();
}

static bool fails_at(const char *path, const char *call, bool could) {
    if (!begun) return false;
    note(call, path);
    return could && chosen(path) && strikes();
}

/* --- Reading and writing --- */

/* How much of `size` is to be done; -1, with errno set: none. */
static ssize_t transfer(int descriptor, const char *call, bool writing, size_t size) {
    const bool could = what == NONE || what == EIO_ || what == INTERRUPTED || (what == SHORT && size > 1) ||
                       (what == ENOSPC_ && writing);
    if (!fails_on(descriptor, call, could) || what == NONE) return (ssize_t)size;
    if (what == SHORT) return (ssize_t)(size / 2);
    if (what == INTERRUPTED) {
        if (atomic_load(count) % 3 != 0) return (ssize_t)size;
        errno = EINTR;
    } else {
        errno = what == ENOSPC_ ? ENOSPC : EIO;
    }
    return -1;
}

#define TRANSFER(result, name, parameters, arguments, writing)                                                         \
    SHOWN result name parameters {                                                                                     \
        const ssize_t allowed = transfer(descriptor, #name, writing, size);                                            \
        if (allowed < 0) return -1;                                                                                    \
        size = (size_t)allowed;                                                                                        \
        return REAL(name) arguments;                                                                                   \
    }
TRANSFER(ssize_t, write, (int descriptor, const void *bytes, size_t size), (descriptor, bytes, size), true)
TRANSFER(ssize_t, read, (int descriptor, void *bytes, size_t size), (descriptor, bytes, size), false)
TRANSFER(ssize_t, pwrite, (int descriptor, const void *bytes, size_t size, off_t at), (descriptor, bytes, size, at),
         true)
TRANSFER(ssize_t, pwrite64, (int descriptor, const void *bytes, size_t size, off64_t at), (descriptor, bytes, size, at),
         true)
TRANSFER(ssize_t, pread, (int descriptor, void *bytes, size_t size, off_t at), (descriptor, bytes, size, at), false)
TRANSFER(ssize_t, pread64, (int descriptor, void *bytes, size_t size, off64_t at), (descriptor, bytes, size, at), false)

/* --- Files --- */

static int synced(int descriptor, const char *call, int (*real)(int)) {
    if (!fails_on(descriptor, call, what == SYNC)) return real(descriptor);
    errno = EIO;
    return -1;
}
SHOWN int fsync(int descriptor) {
    return synced(descriptor, "fsync", REAL(fsync));
}
SHOWN int fdatasync(int descriptor) {
    return synced(descriptor, "fdatasync", REAL(fdatasync));
}

SHOWN int rename(const char *from, const char *to) {
    if (!fails_at(to, "rename", what == RENAME)) return REAL(rename)(from, to);
    errno = EACCES;
    return -1;
}

SHOWN int unlink(const char *path) {
    fails_at(path, "unlink", false);
    return REAL(unlink)(path);
}

SHOWN int statfs(const char *path, struct statfs *out) {
    enum { NFS = 0x6969 };
    const int outcome = REAL(statfs)(path, out);
    if (outcome == 0 && what == NETWORK) out->f_type = NFS;
    return outcome;
}

SHOWN int mkdir(const char *path, mode_t mode) {
    if (!fails_at(path, "mkdir", what == CREATE)) return REAL(mkdir)(path, mode);
    errno = EACCES;
    return -1;
}

static int opened(int folder, const char *path, int flags, mode_t mode) {
    const bool to_write = (flags & (O_CREAT | O_WRONLY | O_RDWR)) != 0 && strncmp(path, "/dev/", 5) != 0;
    if (to_write && fails_at(path, "open", what == CREATE)) {
        errno = EACCES;
        return -1;
    }
    return (int)syscall(SYS_openat, folder, path, flags, mode);
}
#define OPEN(name, parameters, folder)                                                                                 \
    SHOWN int name parameters {                                                                                        \
        mode_t mode = 0;                                                                                               \
        if (flags & (O_CREAT | O_TMPFILE)) {                                                                           \
            va_list more;                                                                                              \
            va_start(more, flags);                                                                                     \
            mode = va_arg(more, mode_t);                                                                               \
            va_end(more);                                                                                              \
        }                                                                                                              \
        return opened(folder, path, flags, mode);                                                                      \
    }
OPEN(open, (const char *path, int flags, ...), AT_FDCWD)
OPEN(open64, (const char *path, int flags, ...), AT_FDCWD)
OPEN(openat, (int at, const char *path, int flags, ...), at)
OPEN(openat64, (int at, const char *path, int flags, ...), at)

/* --- Memory. dlsym takes some itself, so the C library's own names are called. --- */

extern void *__libc_malloc(size_t size), *__libc_calloc(size_t members, size_t size);
extern void *__libc_realloc(void *old, size_t size), *__libc_memalign(size_t alignment, size_t size);

static bool no_memory(void) {
    if (!begun || what != MEMORY || !strikes()) return false;
    errno = ENOMEM;
    return true;
}
SHOWN void *malloc(size_t size) {
    return no_memory() ? NULL : __libc_malloc(size);
}
SHOWN void *calloc(size_t members, size_t size) {
    return no_memory() ? NULL : __libc_calloc(members, size);
}
SHOWN void *realloc(void *old, size_t size) {
    return no_memory() ? NULL : __libc_realloc(old, size);
}
SHOWN void *aligned_alloc(size_t alignment, size_t size) {
    return no_memory() ? NULL : __libc_memalign(alignment, size);
}
SHOWN int posix_memalign(void **out, size_t alignment, size_t size) {
    if (no_memory()) return ENOMEM;
    *out = __libc_memalign(alignment, size);
    return *out ? 0 : ENOMEM;
}

/* --- Time --- */

/* Seconds by which the clock is wrong at this call: to and fro, up to nine hours. */
static time_t jump(void) {
    if (!begun || what != CLOCK || !strikes()) return 0;
    return (time_t)(atomic_load(count) * 2654435761u % 65536) - 32768;
}
SHOWN int clock_gettime(clockid_t clock, struct timespec *out) {
    const int outcome = (int)syscall(SYS_clock_gettime, clock, out);
    if (outcome == 0) out->tv_sec += jump();
    if (out->tv_sec < 0) out->tv_sec = 0;
    return outcome;
}
SHOWN int gettimeofday(struct timeval *restrict out, void *restrict zone) {
    const int outcome = (int)syscall(SYS_gettimeofday, out, zone);
    if (outcome == 0) out->tv_sec += jump();
    return outcome;
}
SHOWN time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}

/* --- The beginning --- */

typedef int main_function(int, char **, char **);
static main_function *program;
static int begin_and_run(int count_of_words, char **words, char **environment) {
    begin();
    return program(count_of_words, words, environment);
}
SHOWN int __libc_start_main(main_function *start, int count_of_words, char **words, void (*before)(void),
                            void (*after)(void), void (*loader)(void), void *stack_end);
SHOWN int __libc_start_main(main_function *start, int count_of_words, char **words, void (*before)(void),
                            void (*after)(void), void (*loader)(void), void *stack_end) {
    program = start;
    return REAL(__libc_start_main)(begin_and_run, count_of_words, words, before, after, loader, stack_end);
}
