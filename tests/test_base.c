/* test_base.c - errors, suggestions, whole files, deterministic functions. */
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "base/detmath.h"
#include "base/edit_distance.h"
#include "base/file.h"
#include "base/status.h"
#include "scratch.h"

Test(status, error_set_writes_the_message_and_returns_the_code) {
    error_info err;
    cr_expect_eq(error_set(&err, STATUS_FORMAT, "%s:%d", "a.csv", 3), STATUS_FORMAT);
    cr_expect_str_eq(err.text, "a.csv:3");
    cr_expect_eq(error_set(NULL, STATUS_IO, "nobody reads this"), STATUS_IO);
}

Test(status, long_messages_are_cut) {
    error_info err;
    error_describe(&err, "%02000d", 7);
    cr_expect_eq(strlen(err.text), sizeof err.text - 1);
}

Test(edit_distance, distance_counts_edits) {
    cr_expect_eq(edit_distance("", ""), 0);
    cr_expect_eq(edit_distance("", "abc"), 3);
    cr_expect_eq(edit_distance("kitten", "sitting"), 3);
    cr_expect_eq(edit_distance("sitting", "kitten"), 3);
    cr_expect_eq(edit_distance("train", "trian"), 1); /* a swap is one slip */
    cr_expect_eq(edit_distance("ab", "ba"), 1);
}

Test(edit_distance, names) {
    const char *const names[] = {"batch", "iterations", "seed"};
    cr_expect_str_eq(suggest_name("bathc", 3, names), "batch");
    cr_expect_str_eq(suggest_name("iteration", 3, names), "iterations");
    cr_expect_str_eq(suggest_name("seeds", 3, names), "seed");
    cr_expect_null(suggest_name("seed", 0, names));
    char huge[1000];
    memset(huge, 'x', sizeof huge - 1);
    huge[sizeof huge - 1] = 0;
    cr_expect_not_null(suggest_name(huge, 3, names));
}

/* Distance of `value` from `exact` in units of the last place of `exact`. */
static double ulps(double value, long double exact) {
    double rounded = fabs((double)exact);
    return (double)fabsl(value - exact) / (nextafter(rounded, INFINITY) - rounded);
}

Test(detmath, within_an_ulp) {
    for (int i = 0; i < 2000; i++) {
        double x = -20 + 0.02003 * i, positive = 0.001 + 0.37 * i, sine, cosine;
        cr_expect_leq(ulps(det_exp(x), expl(x)), 1.0);
        cr_expect_leq(ulps(det_expm1(x), expm1l(x)), 1.0);
        cr_expect_leq(ulps(det_tanh(x), tanhl(x)), 1.0);
        cr_expect_leq(ulps(det_log(positive), logl(positive)), 1.0);
        cr_expect_leq(ulps(det_log1p(positive), log1pl(positive)), 1.0);
        cr_expect_leq(ulps(det_pow(0.999, positive), powl(0.999, positive)), 1.0);
        det_sincos(x, &sine, &cosine);
        cr_expect_leq(ulps(sine, sinl(x)), 1.0);
        cr_expect_leq(ulps(cosine, cosl(x)), 1.0);
    }
    double sine, cosine;
    det_sincospi(0.5, &sine, &cosine);
    cr_expect(sine == 1 && cosine == 0);
    det_sincospi(1, &sine, &cosine);
    cr_expect(sine == 0 && cosine == -1);
}

static char folder[64], path[128];

static void open_folder(void) {
    scratch_create(folder);
    scratch_path(folder, "file.bin", path);
}

static void remove_folder(void) {
    scratch_remove(folder);
}

TestSuite(file, .init = open_folder, .fini = remove_folder);

static void replace_with(const char *text) {
    file_replacement file;
    error_info err = {""};
    cr_assert_eq(file_replace_begin(path, &file, &err), STATUS_OK, "%s", err.text);
    cr_assert_eq(file_replace_write(&file, text, strlen(text), &err), STATUS_OK, "%s", err.text);
    cr_assert_eq(file_replace_commit(&file, &err), STATUS_OK, "%s", err.text);
}

static void expect_content(const char *text) {
    unsigned char *bytes;
    size_t size;
    cr_assert_eq(file_read(path, &bytes, &size, NULL), STATUS_OK);
    cr_expect_eq(size, strlen(text));
    cr_expect_str_eq((char *)bytes, text);
    free(bytes);
}

Test(error_info, a_long_sentence_keeps_both_ends) {
    error_info err;
    char name[3000];
    memset(name, 'n', sizeof name);
    error_describe(&err, "cannot read \"%.2999s\": No such file", name);
    cr_expect_eq(strlen(err.text), sizeof err.text - 1);
    cr_expect_eq(strncmp(err.text, "cannot read \"nnn", 15), 0);
    cr_expect_not_null(strstr(err.text, "nnn [...] nnn"));
    cr_expect_not_null(strstr(err.text, "nnn\": No such file"));
    error_describe(&err, "file: %s", err.text); /* of itself */
    cr_expect_eq(strncmp(err.text, "file: cannot read", 17), 0);
    cr_expect_not_null(strstr(err.text, "\": No such file"));
}

Test(file, links_pipes_and_devices_are_written_through) {
    char link[128], pipe[128], bytes[8];
    file_replacement file;
    struct stat information;
    error_info err;
    scratch_path(folder, "link", link);
    scratch_path(folder, "pipe", pipe);
    cr_assert_eq(symlink("file.bin", link), 0);
    cr_assert_eq(file_write(link, "one", 3, &err), STATUS_OK, "%s", err.text); /* a link to nothing yet */
    expect_content("one");
    cr_assert_eq(file_write(link, "two", 3, &err), STATUS_OK, "%s", err.text);
    expect_content("two");
    cr_expect(lstat(link, &information) == 0 && S_ISLNK(information.st_mode));
    cr_assert_eq(mkfifo(pipe, 0600), 0);
    const int reader = open(pipe, O_RDONLY | O_NONBLOCK);
    cr_assert_geq(reader, 0);
    cr_assert_eq(file_write(pipe, "three", 5, &err), STATUS_OK, "%s", err.text);
    cr_expect_eq(read(reader, bytes, sizeof bytes), 5);
    close(reader);
    cr_expect(stat(pipe, &information) == 0 && S_ISFIFO(information.st_mode));
    cr_expect_eq(file_write("/dev/null", "four", 4, &err), STATUS_OK, "%s", err.text);
    cr_expect(stat("/dev/null", &information) == 0 && S_ISCHR(information.st_mode));
    cr_expect_eq(file_write("/dev/full", "four", 4, &err), STATUS_IO);
    cr_expect_not_null(strstr(err.text, "No space left"), "%s", err.text);
    /* A second cancel does nothing. */
    cr_assert_eq(file_replace_begin("/dev/null", &file, &err), STATUS_OK);
    file_replace_cancel(&file);
    cr_expect(stat("/dev/null", &information) == 0 && S_ISCHR(information.st_mode));
    /* A cycle of links. */
    cr_assert_eq(unlink(link), 0);
    cr_assert_eq(symlink("link", link), 0);
    cr_expect_eq(file_write(link, "five", 4, &err), STATUS_IO);
}

Test(file, rights_stay_and_names_may_be_as_long_as_names_are) {
    struct stat information;
    error_info err;
    replace_with("first");
    cr_assert_eq(chmod(path, 0640), 0);
    replace_with("second");
    cr_expect(stat(path, &information) == 0 && (information.st_mode & 0777) == 0640);
    char name[NAME_MAX + 1], whole[NAME_MAX + 128];
    memset(name, 'l', NAME_MAX);
    name[NAME_MAX] = '\0';
    snprintf(whole, sizeof whole, "%s/%s", folder, name);
    cr_expect_eq(file_write(whole, "x", 1, &err), STATUS_OK, "%s", err.text);
    cr_expect_eq(access(whole, F_OK), 0);
}

Test(file, replaces_as_a_whole) {
    replace_with("first");
    expect_content("first");
    file_replacement file;
    cr_assert_eq(file_replace_begin(path, &file, NULL), STATUS_OK);
    cr_assert_eq(file_replace_write(&file, "second", 6, NULL), STATUS_OK);
    expect_content("first");
    cr_assert_eq(file_replace_commit(&file, NULL), STATUS_OK);
    expect_content("second");
}

Test(file, cancel_leaves_the_old_file_and_nothing_else) {
    replace_with("first");
    file_replacement file;
    cr_assert_eq(file_replace_begin(path, &file, NULL), STATUS_OK);
    cr_assert_eq(file_replace_write(&file, "second", 6, NULL), STATUS_OK);
    file_replace_cancel(&file);
    expect_content("first");
    char temporary[128];
    scratch_path(folder, "file.bin.affjord.tmp", temporary);
    cr_expect_neq(access(temporary, F_OK), 0);
}

Test(file, temporary_of_a_killed_process_is_taken_over) {
    char temporary[128];
    scratch_path(folder, "file.bin.affjord.tmp", temporary);
    scratch_write(temporary, "what a killed process left, and long", 36);
    replace_with("new");
    expect_content("new");
    cr_expect_neq(access(temporary, F_OK), 0);
}

Test(file, errors_name_the_path) {
    error_info err;
    unsigned char *bytes;
    size_t size;
    file_replacement file;
    cr_expect_eq(file_read(path, &bytes, &size, &err), STATUS_IO);
    cr_expect_not_null(strstr(err.text, path));
    cr_expect_not_null(strstr(err.text, "No such file"));
    cr_expect_eq(file_read(folder, &bytes, &size, &err), STATUS_IO);
    cr_expect_not_null(strstr(err.text, "not a regular file"));
    char missing[128];
    scratch_path(folder, "no/such/folder", missing);
    cr_expect_eq(file_replace_begin(missing, &file, &err), STATUS_IO);
    cr_expect_not_null(strstr(err.text, missing));
}

Test(file, named_pipe_does_not_hang) {
    error_info err;
    unsigned char *bytes;
    size_t size;
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_expect_eq(file_read(path, &bytes, &size, &err), STATUS_IO);
}

Test(file, failed_commit_leaves_the_old_name) {
    /* The name is taken by a folder that rename cannot replace. */
    cr_assert_eq(mkdir(path, 0700), 0);
    file_replacement file;
    error_info err;
    cr_assert_eq(file_replace_begin(path, &file, NULL), STATUS_OK);
    cr_expect_eq(file_replace_commit(&file, &err), STATUS_IO);
    cr_expect_not_null(strstr(err.text, path));
    char temporary[128];
    scratch_path(folder, "file.bin.affjord.tmp", temporary);
    cr_expect_neq(access(temporary, F_OK), 0);
}

Test(file, a_full_device_is_an_error) {
    if (access("/dev/full", W_OK) != 0) cr_skip_test("no /dev/full here");
    file_replacement file;
    error_info err;
    cr_assert_eq(file_replace_begin(path, &file, NULL), STATUS_OK);
    FILE *full = fopen("/dev/full", "w");
    cr_assert_not_null(full);
    cr_assert_geq(dup2(fileno(full), file.descriptor), 0);
    fclose(full);
    cr_expect_eq(file_replace_write(&file, "x", 1, &err), STATUS_IO);
    cr_expect_not_null(strstr(err.text, "No space left"));
    file_replace_cancel(&file);
}
