/* figures_support.h - shared by tests of paper_figures.sh: small databases made with the sqlite3 program, and reading
 * pictures. */
#ifndef AFFJORD_TESTS_FIGURES_SUPPORT_H
#define AFFJORD_TESTS_FIGURES_SUPPORT_H

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "picture_support.h"
#include "scratch.h"

enum { FIGURES_OUTPUT_MAX = 16384 };

static char folder[64];
static char output[FIGURES_OUTPUT_MAX]; /* of the last command, both streams */

static inline void setup(void) {
    scratch_create(folder);
}

static inline void teardown(void) {
    scratch_remove(folder);
}

/* Run a shell command, its output in `output`; its exit status. */
__attribute__((format(printf, 1, 2))) static inline int shell(const char *format, ...) {
    char command[1024];
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(command, sizeof command - 8, format, arguments);
    va_end(arguments);
    cr_assert_lt(length, (int)sizeof command - 8);
    strcat(command, " 2>&1");
    FILE *pipe = popen(command, "r");
    cr_assert_not_null(pipe);
    const size_t size = fread(output, 1, sizeof output - 1, pipe);
    output[size] = '\0';
    const int ended = pclose(pipe);
    cr_assert(WIFEXITED(ended), "%s", command);
    return WEXITSTATUS(ended);
}

/* paper_figures.sh with r.db and out/ of the scratch folder. */
static inline int figures(const char *arguments) {
    return shell("./paper_figures.sh --db %s/r.db --out %s/out %s", folder, folder, arguments);
}

/* Run the sqlite3 program on r.db. */
static inline int select_rows(const char *mode, const char *commands) {
    return shell("sqlite3 -batch -init /dev/null -readonly %s %s/r.db %s", mode, folder, commands);
}

static inline void expect_output(const char *part) {
    cr_expect_not_null(strstr(output, part), "no \"%s\" in:\n%s", part, output);
}

static inline bool exists(const char *name) {
    char path[128];
    scratch_path(folder, name, path);
    return access(path, F_OK) == 0;
}

/* The text of a file in the scratch folder, in `output`. */
static inline void read_text(const char *name) {
    char path[128];
    scratch_path(folder, name, path);
    size_t size;
    unsigned char *bytes = scratch_read(path, &size);
    cr_assert_lt(size, sizeof output);
    memcpy(output, bytes, size);
    output[size] = '\0';
    free(bytes);
}

/* --- Making a database ----------------------------------------------------------------------------------------- */

static inline FILE *script_open(void) {
    char path[128];
    scratch_path(folder, "in.sql", path);
    FILE *script = fopen(path, "w");
    cr_assert_not_null(script);
    fputs(".read runner/record/schema.sql\n.read runner/record/views.sql\n.read runner/record/views_regularized.sql\n"
          ".read runner/record/claims.sql\nBEGIN;\n",
          script);
    return script;
}

static inline void script_run(FILE *script) {
    fputs("COMMIT;\n", script);
    cr_assert_eq(fclose(script), 0);
    cr_assert_eq(shell("sqlite3 -batch -bail %s/r.db <%s/in.sql", folder, folder), 0, "%s", output);
}

static inline void add_experiment(FILE *script, int id, const char *name) {
    fprintf(script, "INSERT INTO experiment VALUES (%d, '%s', '%s', 'experiments/%s.ini', '2025-01-0%d');\n", id, name,
            name, name, id);
}

static inline void add_run(FILE *script, int id, int experiment, const char *dataset, const char *model, int seed) {
    fprintf(script,
            "INSERT INTO run (run_id, key, dataset, data_checksum, model, seed, iterations, status, iteration, created)"
            " VALUES (%d, '%032d', '%s', '%s-data', '%s', %d, 800, 'done', 800, '2025-01-01');\n"
            "INSERT INTO experiment_run VALUES (%d, %d);\n",
            id, id, dataset, dataset, model, seed, experiment, id);
}

static inline void add_epoch(FILE *script, int run, int epoch, const char *split, double loss, double evaluations) {
    fprintf(script, "INSERT INTO epoch VALUES (%d, %d, %d, '%s', %.17g, NULL, %.17g, 160, 1, 1, NULL);\n", run, epoch,
            100 * epoch, split, loss, evaluations);
}

static inline void add_metric(FILE *script, int run, const char *name, double value) {
    fprintf(script, "INSERT INTO metric VALUES (%d, '%s', %.17g, NULL);\n", run, name, value);
}

/* The last columns of a row with an array: shape, window, numbers. */
static inline void add_array(FILE *script, int rows, int columns, const double window[4], const float *data) {
    fprintf(script, "%d, %d, %.17g, %.17g, %.17g, %.17g, x'", rows, columns, window[0], window[1], window[2],
            window[3]);
    for (int i = 0; i < rows * columns; i++) {
        unsigned bits;
        memcpy(&bits, &data[i], sizeof bits);
        for (int byte = 0; byte < 4; byte++) fprintf(script, "%02x", bits >> 8 * byte & 0xff);
    }
    fputs("');\n", script);
}

/* The window is x0, x1, y0, y1. */
static inline void add_blob(FILE *script, const char *subject, const char *kind, int rows, int columns,
                            const double window[4], const float *data) {
    fprintf(script, "INSERT INTO sample_blob VALUES ('%s', '%s', ", subject, kind);
    add_array(script, rows, columns, window, data);
}

static inline void add_moment(FILE *script, const char *subject, const char *kind, int moment, double time, int rows,
                              int columns, const double window[4], const float *data) {
    fprintf(script, "INSERT INTO moment VALUES ('%s', '%s', %d, %.17g, ", subject, kind, moment, time);
    add_array(script, rows, columns, window, data);
}

/* --- Looking at pictures ---------------------------------------------------------------------------------------- */

static inline picture read_picture(const char *name) {
    char path[128];
    scratch_path(folder, name, path);
    return picture_read(path);
}

/* Return whether each component of this pixel is within 24 of the colour. */
static inline bool has_colour(const picture *image, int x, int y, int red, int green, int blue) {
    const unsigned char *pixel = &image->rgb[3 * ((size_t)y * (size_t)image->width + (size_t)x)];
    return abs(pixel[0] - red) <= 24 && abs(pixel[1] - green) <= 24 && abs(pixel[2] - blue) <= 24;
}

/* Count the pixels with the colour, and their mean distance from the upper edge. */
static inline long count_colour(const picture *image, int red, int green, int blue, double *height) {
    long count = 0;
    double sum = 0;
    for (int y = 0; y < image->height; y++) {
        for (int x = 0; x < image->width; x++) {
            if (!has_colour(image, x, y, red, green, blue)) continue;
            count++;
            sum += y;
        }
    }
    if (count > 0) *height = sum / (double)count;
    return count;
}

/* The part of pixels that are not white. */
static inline double ink(const picture *image) {
    double unused;
    return 1 - (double)count_colour(image, 255, 255, 255, &unused) / ((double)image->width * image->height);
}

static inline void expect_drawn(const char *item) {
    char path[128], name[64];
    snprintf(name, sizeof name, "out/%s.pdf", item);
    scratch_path(folder, name, path);
    size_t size;
    unsigned char *pdf = scratch_read(path, &size);
    cr_expect_gt(size, 3000, "%s has %zu bytes", name, size);
    cr_expect_eq(memcmp(pdf, "%PDF-", 5), 0, "%s", name);
    cr_expect_not_null(memmem(pdf, size, "/FontFile", 9), "%s embeds no font", name);
    const char *box = memmem(pdf, size, "/MediaBox [ 0 0 ", 16);
    cr_assert_not_null(box, "%s has no size", name);
    const double inches = strtod(box + 16, NULL) / 72;
    free(pdf);

    snprintf(name, sizeof name, "out/%s.png", item);
    picture image = read_picture(name);
    cr_expect_geq(image.width, 200 * inches, "%s is %d pixels wide, %g inches", name, image.width, inches);
    cr_expect_gt(ink(&image), 0.02, "%s is empty", name);
    free(image.rgb);

    snprintf(name, sizeof name, "out/%s.txt", item);
    cr_expect(exists(name), "no %s", name);
    snprintf(name, sizeof name, "out/%s.tex", item);
    read_text(name);
    expect_output("\\includegraphics");
}

#endif
