/* message.c - what a worker tells the process that records, over a pipe.
 *
 * Both ends are the same program, so a message is its bytes in memory, then
 * `size` bytes, then a 0. */
#include "work/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool write_all(int descriptor, const void *bytes, size_t size) {
    const unsigned char *next = bytes;
    while (size > 0) {
        const ssize_t part = write(descriptor, next, size);
        if (part < 0 && errno == EINTR) continue;
        if (part < 0) return false;
        next += part;
        size -= (size_t)part;
    }
    return true;
}

bool message_send(int descriptor, const message *one, const void *bytes) {
    return write_all(descriptor, one, sizeof *one) && write_all(descriptor, bytes, one->size) &&
           write_all(descriptor, "", 1);
}

/* Make room for `more` bytes behind what there is. */
static status reserve(message_reader *reader, size_t more) {
    if (reader->taken > 0) {
        memmove(reader->bytes, reader->bytes + reader->taken, reader->used - reader->taken);
        reader->used -= reader->taken;
        reader->taken = 0;
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

bool message_next(message_reader *reader, message *one, const void **bytes) {
    const size_t left = reader->used - reader->taken;
    if (left < sizeof *one) return false;
    memcpy(one, reader->bytes + reader->taken, sizeof *one);
    if (left - sizeof *one < one->size + 1) return false;
    *bytes = reader->bytes + reader->taken + sizeof *one;
    reader->taken += sizeof *one + one->size + 1;
    return true;
}

void message_release(message_reader *reader) {
    free(reader->bytes);
    *reader = (message_reader){0};
}
