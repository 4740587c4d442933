/* message.c - messages from a worker to the recording process, over a pipe.
 *
 * Both ends are the same program, so a message is its bytes in memory, then `size` bytes, then a 0. */
#include "work/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "system/clock.h"

#define BUFFERED_SECONDS 0.1

bool message_send(message_writer *writer, int descriptor, const message *one, const void *bytes) {
    struct iovec parts[] = {
        {writer->bytes, writer->buffered}, {(void *)one, sizeof *one}, {(void *)bytes, one->size}, {(char[]){0}, 1}};
    const int count = sizeof parts / sizeof *parts;
    writer->buffered = 0;
    for (int next = 0; next < count;) {
        const ssize_t written = writev(descriptor, parts + next, count - next);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        size_t left = (size_t)written;
        for (; next < count && left >= parts[next].iov_len; next++) left -= parts[next].iov_len;
        if (next == count) break;
        parts[next].iov_base = (char *)parts[next].iov_base + left;
        parts[next].iov_len -= left;
    }
    return true;
}

bool message_send_later(message_writer *writer, int descriptor, const message *one, const void *bytes) {
    const size_t size = sizeof *one + one->size + 1;
    const double now = clock_seconds();
    if (now - writer->sent >= BUFFERED_SECONDS || size > sizeof writer->bytes - writer->buffered) {
        writer->sent = now;
        return message_send(writer, descriptor, one, bytes);
    }
    unsigned char *place = writer->bytes + writer->buffered;
    memcpy(place, one, sizeof *one);
    if (one->size > 0) memcpy(place + sizeof *one, bytes, one->size);
    place[size - 1] = 0;
    writer->buffered += size;
    return true;
}

/* Make room for `more` bytes at the end. */
static status reserve(message_reader *reader, size_t more) {
    const size_t gone = reader->kept;
    if (gone > 0) {
        memmove(reader->bytes, reader->bytes + gone, reader->used - gone);
        reader->kept = 0;
        reader->taken -= gone;
        reader->seen -= gone;
        reader->used -= gone;
    }
    if (reader->capacity - reader->used >= more) return STATUS_OK;
    size_t capacity = 2 * reader->capacity;
    if (capacity < reader->used + more) capacity = reader->used + more;
    unsigned char *bytes = realloc(reader->bytes, capacity);
    if (!bytes) return STATUS_MEMORY;
    reader->bytes = bytes;
    reader->capacity = capacity;
    return STATUS_OK;
}

status message_receive(message_reader *reader, int descriptor, bool *open) {
    enum { PART = 65536 };
    TRY(reserve(reader, PART));
    ssize_t got;
    do got = read(descriptor, reader->bytes + reader->used, PART);
    while (got < 0 && errno == EINTR);
    if (got < 0) return STATUS_IO;
    *open = got > 0;
    reader->used += (size_t)got;
    return STATUS_OK;
}

/* The complete message at *at; *at <- its end. False if none is complete. */
static bool read_at(const message_reader *reader, size_t *at, message *one, const void **bytes) {
    const size_t left = reader->used - *at;
    if (left < sizeof *one) return false;
    memcpy(one, reader->bytes + *at, sizeof *one);
    if (left - sizeof *one < one->size + 1) return false;
    *bytes = reader->bytes + *at + sizeof *one;
    *at += sizeof *one + one->size + 1;
    return true;
}

bool message_next(message_reader *reader, message *one, const void **bytes) {
    return read_at(reader, &reader->taken, one, bytes);
}

bool message_see(message_reader *reader, message *one, const void **bytes) {
    return read_at(reader, &reader->seen, one, bytes);
}

bool message_waits(const message_reader *reader) {
    size_t at = reader->taken;
    message one;
    const void *bytes;
    return read_at(reader, &at, &one, &bytes);
}

void message_forget_taken(message_reader *reader) {
    reader->kept = reader->taken;
}

void message_release(message_reader *reader) {
    free(reader->bytes);
    *reader = (message_reader){0};
}
