/* signals.c - requests to stop, read as events instead of interrupting. */
#include "system/signals.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <unistd.h>

static const int watched[] = {SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGALRM, SIGCHLD};

status signals_open(signals *out, error_info *err) {
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++) sigaddset(&set, watched[i]);
    sigprocmask(SIG_BLOCK, &set, &out->before);
    out->descriptor = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (out->descriptor >= 0) return STATUS_OK;
    const int error = errno;
    sigprocmask(SIG_SETMASK, &out->before, NULL);
    return error_set(err, STATUS_IO, "cannot watch for signals: %s", strerror(error));
}

void signals_read_after(double seconds) {
    const struct itimerval once = {
        .it_value = {.tv_sec = (time_t)seconds, .tv_usec = (suseconds_t)(1e6 * (seconds - floor(seconds)))}};
    setitimer(ITIMER_REAL, &once, NULL);
}

void signals_close(signals *events) {
    setitimer(ITIMER_REAL, &(struct itimerval){.it_value = {.tv_sec = 0}}, NULL);
    close(events->descriptor);
    sigprocmask(SIG_SETMASK, &events->before, NULL);
}

int signals_read(const signals *events) {
    struct signalfd_siginfo information;
    ssize_t got;
    /* The end of a child only wakes waiting callers; it is not a request to stop. */
    do got = read(events->descriptor, &information, sizeof information);
    while ((got < 0 && errno == EINTR) || (got > 0 && information.ssi_signo == SIGCHLD));
    return got == (ssize_t)sizeof information ? (int)information.ssi_signo : 0;
}

void signals_wait(const signals *events, int milliseconds) {
    struct pollfd one = {.fd = events->descriptor, .events = POLLIN};
    poll(&one, 1, milliseconds);
}
