/* message.h - messages from a worker to the recording process, over a pipe. */
#ifndef AFFJORD_RUNNER_MESSAGE_H
#define AFFJORD_RUNNER_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "record/results_db.h"

typedef enum message_kind {
    MESSAGE_STARTED, /* started, iteration */
    MESSAGE_PLANS, /* iteration; followed by how convolutions are computed, in the words of device_table.h */
    MESSAGE_NOTE, /* followed by a sentence for the user */
    MESSAGE_PROGRESS, /* iteration, loss */
    MESSAGE_EPOCH, /* iteration; followed by a db_epoch of each split */
    MESSAGE_METRIC, /* name, value */
    MESSAGE_THEORY, /* theory */
    MESSAGE_BLOB, /* blob; followed by its numbers */
    MESSAGE_CHECKPOINT, /* iteration, file; followed by its path relative to the database */
    MESSAGE_DONE, /* iteration */
    MESSAGE_INTERRUPTED, /* iteration */
    MESSAGE_FAILED /* iteration; followed by the reason */
} message_kind;

typedef struct message {
    message_kind kind;
    uint64_t iteration; /* reached */
    union {
        struct {
            uint64_t parameters;
            uint64_t predicted_bytes; /* upper bound of its memory */
            uint64_t kept_bytes; /* the part of it for stored steps, touched as they are used */
        } started;
        double loss;
        struct {
            char name[64];
            double value;
        } metric;
        struct {
            char item[16], subject[48], quantity[80], relation[4]; /* relation "": no bound */
            double x, value, bound;
            bool holds;
        } theory;
        struct {
            bool target; /* of the data itself, not of the run's model */
            bool moving; /* at a time of the flow */
            uint64_t moment;
            double time;
            char kind[16];
            uint64_t rows, columns;
            double window[4];
        } blob;
        struct {
            char sha256[65];
            uint64_t bytes;
        } file;
    };
    uint64_t size; /* bytes behind it */
} message;

/* Messages to send. Small ones may wait, to wake the reader less often. Initialise with {0}. */
typedef struct message_writer {
    double sent; /* time of the last message that might have waited, in seconds */
    size_t buffered;
    unsigned char bytes[16384];
} message_writer;

/* Write waiting messages, a message, and the `size` bytes that follow it. Return false if the reader is gone. */
bool message_send(message_writer *writer, int descriptor, const message *one, const void *bytes);

/* The same, but let the message wait for a later call if this function sent one less than a tenth of a second ago. */
bool message_send_later(message_writer *writer, int descriptor, const message *one, const void *bytes);

/* Received bytes: how many were seen, taken, and may be overwritten. Initialise with {0}. */
typedef struct message_reader {
    unsigned char *bytes; /* kept <= taken, seen <= used <= capacity */
    size_t kept, taken, seen, used, capacity;
} message_reader;

/* Read the available bytes; *open <- false at the end. Errors: STATUS_IO, STATUS_MEMORY. */
status message_receive(message_reader *reader, int descriptor, bool *open);

/* *one <- the next complete message, *bytes <- the bytes that follow it, with a 0 behind them, valid until the next
 * message_receive. Return false if none is complete. */
bool message_next(message_reader *reader, message *one, const void **bytes);

/* The same for messages in order of arrival, whether or not message_next has returned them. */
bool message_see(message_reader *reader, message *one, const void **bytes);

/* Return whether message_next has a message. */
bool message_waits(const message_reader *reader);

/* Release the bytes of messages that message_next returned. */
void message_forget_taken(message_reader *reader);

void message_release(message_reader *reader);

#endif
