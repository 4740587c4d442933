/* test_message.c - messages of workers over the pipe: complete, in order, and small ones combined. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "system/clock.h"
#include "work/message.h"

static int ends[2];
static message_writer *writer;
static message_reader reader;

static void open_pipe(void) {
    cr_assert_eq(pipe(ends), 0);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    writer = calloc(1, sizeof *writer);
    reader = (message_reader){0};
}

static void close_pipe(void) {
    close(ends[0]);
    close(ends[1]);
    free(writer);
    message_release(&reader);
}

TestSuite(message, .init = open_pipe, .fini = close_pipe, .timeout = 60);

static message numbered(uint64_t iteration, const char *text) {
    return (message){.kind = MESSAGE_NOTE, .iteration = iteration, .size = strlen(text)};
}

/* The iterations and texts of all messages that have arrived, as "1 a; 2 b; ". */
static const char *arrived(void) {
    static char all[4096];
    bool open;
    message one;
    const void *bytes;
    size_t used = 0;
    all[0] = 0;
    if (message_receive(&reader, ends[0], &open) != STATUS_OK) return all; /* no message yet */
    while (message_next(&reader, &one, &bytes))
        used += (size_t)sprintf(all + used, "%d %s; ", (int)one.iteration, (const char *)bytes);
    return all;
}

Test(message, arrives_with_its_bytes) {
    const message one = numbered(1, "a sentence"), two = numbered(2, "");
    cr_assert(message_send(writer, ends[1], &one, "a sentence"));
    cr_assert(message_send(writer, ends[1], &two, NULL));
    cr_expect_str_eq(arrived(), "1 a sentence; 2 ; ");
}

/* Set the time of the last message to now or long ago, so that the test does not depend on the machine's speed. */
static void sent_just_now(void) {
    writer->sent = clock_seconds() + 1000;
}
static void sent_long_ago(void) {
    writer->sent = 0;
}

Test(message, that_may_wait_goes_with_the_next_that_may_not) {
    const message first = numbered(1, "a"), second = numbered(2, "b"), third = numbered(3, "c");
    cr_assert(message_send_later(writer, ends[1], &first, "a"));
    cr_expect_str_eq(arrived(), "1 a; ", "nothing was sent before it, so it has no company to wait for");
    sent_just_now();
    cr_assert(message_send_later(writer, ends[1], &second, "b"));
    cr_expect_str_eq(arrived(), "");
    cr_assert(message_send(writer, ends[1], &third, "c"));
    cr_expect_str_eq(arrived(), "2 b; 3 c; ");
    cr_assert(message_send(writer, ends[1], &third, "c"));
    cr_expect_str_eq(arrived(), "3 c; ", "a delayed message is sent once");
}

Test(message, that_may_wait_does_not_wait_for_long) {
    const message first = numbered(1, "a"), second = numbered(2, "b");
    sent_just_now();
    cr_assert(message_send_later(writer, ends[1], &first, "a"));
    cr_expect_str_eq(arrived(), "");
    sent_long_ago();
    cr_assert(message_send_later(writer, ends[1], &second, "b"));
    cr_expect_str_eq(arrived(), "1 a; 2 b; ");
    cr_expect(clock_seconds() - writer->sent < 100, "and the next one waits again");
}

Test(message, larger_than_the_room_for_waiting_ones_is_sent_behind_them) {
    static char large[2 * sizeof writer->bytes];
    memset(large, 'x', sizeof large - 1);
    const message first = numbered(1, "a"), second = numbered(2, "b"), third = numbered(3, large);
    message got;
    const void *bytes;
    cr_assert(message_send_later(writer, ends[1], &first, "a"));
    sent_just_now();
    cr_assert(message_send_later(writer, ends[1], &second, "b"));
    cr_assert(message_send_later(writer, ends[1], &third, large));
    bool open;
    cr_assert_eq(message_receive(&reader, ends[0], &open), STATUS_OK);
    for (uint64_t i = 1; i <= 3; i++) {
        cr_assert(message_next(&reader, &got, &bytes), "message %d", (int)i);
        cr_expect_eq(got.iteration, i);
    }
    cr_expect_str_eq(bytes, large);
    cr_expect_not(message_next(&reader, &got, &bytes));
}

/* A pipe of one page accepts a part of a message, and more after a read. */
static void *read_slowly(void *unused) {
    bool open = true;
    (void)unused;
    fcntl(ends[0], F_SETFL, 0);
    while (open && message_receive(&reader, ends[0], &open) == STATUS_OK) usleep(200);
    return NULL;
}

Test(message, that_the_pipe_takes_in_parts_is_whole) {
    enum { COUNT = 60, SIZE = 1000 };
    static char text[SIZE];
    pthread_t thread;
    message got;
    const void *bytes;
    memset(text, 'y', sizeof text - 1);
    cr_assert_gt(fcntl(ends[1], F_SETPIPE_SZ, 4096), 0);
    /* All messages but the last may wait, so parts end at any byte. */
    cr_assert_eq(pthread_create(&thread, NULL, read_slowly, NULL), 0);
    for (uint64_t i = 0; i < COUNT; i++) {
        text[i % 7] = (char)('a' + i % 26);
        const message one = {.kind = MESSAGE_NOTE, .iteration = i, .size = SIZE};
        if (i % 8 < 7) sent_just_now();
        cr_assert((i % 8 < 7 ? message_send_later : message_send)(writer, ends[1], &one, text));
    }
    const message last = numbered(COUNT, "end");
    cr_assert(message_send(writer, ends[1], &last, "end"));
    close(ends[1]);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    memset(text, 'y', sizeof text - 1);
    for (uint64_t i = 0; i < COUNT; i++) {
        text[i % 7] = (char)('a' + i % 26);
        cr_assert(message_next(&reader, &got, &bytes), "message %d", (int)i);
        cr_expect_eq(got.iteration, i);
        cr_expect_eq(got.size, (uint64_t)SIZE);
        cr_expect_eq(memcmp(bytes, text, SIZE), 0, "message %d", (int)i);
    }
    cr_assert(message_next(&reader, &got, &bytes));
    cr_expect_str_eq(bytes, "end");
    ends[1] = dup(ends[0]);
}

Test(message, without_a_reader_fails) {
    const message one = numbered(1, "a");
    signal(SIGPIPE, SIG_IGN);
    close(ends[0]);
    cr_expect_not(message_send(writer, ends[1], &one, "a"));
}
