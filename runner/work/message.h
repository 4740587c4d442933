/* message.h - what a worker tells the process that records, over a pipe. */
#ifndef AFFJORD_RUNNER_MESSAGE_H
#define AFFJORD_RUNNER_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "record/results_db.h"

typedef enum message_kind {
    MESSAGE_STARTED, /* started, iteration */
    MESSAGE_PLANS, /* iteration; how convolutions are computed behind, in the words of device_table.h */
    MESSAGE_NOTE, /* a sentence for the user behind */
    MESSAGE_PROGRESS, /* iteration, loss */
    MESSAGE_EPOCH, /* iteration; a db_epoch of each split behind */
    MESSAGE_METRIC, /* name, value */
    MESSAGE_THEORY, /* theory */
    MESSAGE_BLOB, /* blob, its numbers behind */
    MESSAGE_CHECKPOINT, /* iteration, file; its path relative to the database behind */
    MESSAGE_DONE, /* iteration */
    MESSAGE_INTERRUPTED, /* iteration */
    MESSAGE_FAILED /* iteration, the reason behind */
} message_kind;

typedef struct message {
    message_kind kind;
    uint64_t iteration; /* reached */
    union {
        struct {
            uint64_t parameters;
            uint64_t predicted_bytes; /* that it may come to hold, at most */
            uint64_t kept_bytes; /* of these, touched only as far as solves have steps */
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
            bool moving; /* at a moment of the flow's time */
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

/* Messages on their way, of which small ones may be held back, so that the reader is not woken for each. Start with {0}. */
typedef struct message_writer {
    double sent; /* when one that might have waited was sent last, in seconds */
    size_t buffered;
    unsigned char bytes[16384];
} message_writer;

/* Write what is held back, a message, and the `size` bytes that follow it. False if nobody reads. */
bool message_send(message_writer *writer, int descriptor, const message *one, const void *bytes);

/* The same, but held back until a later call where the last one sent by this function was less than a tenth of a second
 * ago. */
bool message_send_later(message_writer *writer, int descriptor, const message *one, const void *bytes);

/* What has arrived, and how far it was looked at, taken, and is kept no longer. Start with {0}. */
typedef struct message_reader {
    unsigned char *bytes; /* kept <= taken, seen <= used <= capacity */
    size_t kept, taken, seen, used, capacity;
} message_reader;

/* Read what there is; *open <- false at the end. Errors: STATUS_IO, STATUS_MEMORY. */
status message_receive(message_reader *reader, int descriptor, bool *open);

/* The next whole message, and the bytes behind it with a 0 after them, valid
 * until the next message_receive; false if none is whole yet. */
bool message_next(message_reader *reader, message *one, const void **bytes);

/* The same of messages as they arrive, whether those before them were taken or not. */
bool message_see(message_reader *reader, message *one, const void **bytes);

/* Whether message_next has one. */
bool message_waits(const message_reader *reader);

/* What was taken is kept until it is forgotten. */
void message_forget_taken(message_reader *reader);

void message_release(message_reader *reader);

#endif
