/* test_data_check.c - the messages of ./run data check about good, bad and missing sets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/redirect.h>

#include "commands/commands.h"
#include "commands/commands.h"
#include "image_support.h"

static void redirect(void) {
    data_begin();
    unsetenv("AFFJORD_DATA");
    cr_redirect_stdout();
    cr_redirect_stderr();
}

TestSuite(data_check, .init = redirect, .fini = data_end);

/* Read the output so far, and restart the capture. */
static void read_printed(FILE *printed, char *text, size_t size) {
    fflush(NULL);
    const size_t got = fread(text, 1, size - 1, printed);
    text[got] = 0;
}

static void expect_says(const char *text, const char *words) {
    cr_expect_not_null(strstr(text, words), "no \"%s\" in: %s", words, text);
}

/* Run with these words, the output in `text`. */
static int check(int count, char **words, char *text, size_t size) {
    const int outcome = command_data.run(count, words, 0, NULL);
    fflush(NULL);
    read_printed(cr_get_redirected_stdout(), text, size);
    return outcome;
}

static void write_tiny(const char *set, unsigned char magic) {
    const char *const names[2] = {"train-images-idx3-ubyte", "t10k-images-idx3-ubyte"};
    for (size_t i = 0; i < 2; i++) {
        char name[128];
        size_t size;
        unsigned char *bytes = idx_bytes(3, (uint32_t[]){2, 1, 1}, (unsigned char[]){1, 2}, 2, &size);
        bytes[2] = magic;
        snprintf(name, sizeof name, "%s/%s", set, names[i]);
        data_write(name, bytes, size, false);
        free(bytes);
    }
}

Test(data_check, lists_missing_files_with_their_sources) {
    static char text[20000];
    char *words[] = {"check", "--dir", data_folder};
    cr_expect_eq(check(3, words, text, sizeof text), EXIT_DONE);
    expect_says(text, data_folder);
    expect_says(text, "mnist: not found\n    From the MNIST database page of Yann LeCun");
    expect_says(text, "cifar10: not found\n    From the CIFAR-10 page of Alex Krizhevsky, the binary version");
    expect_says(text, "celeba: not found\n    From the CelebA page of MMLAB, CUHK");
    expect_says(text, "train-images-idx3-ubyte.gz");
    expect_says(text, "list_eval_partition.txt");
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        cr_expect_leq(strcspn(line, "\n"), 100 + strlen(data_folder));
    }
}

Test(data_check, sound_sets_and_bad_ones) {
    static char text[20000];
    char *words[] = {"--dir", data_folder};
    write_tiny("mnist-b", 8);
    write_tiny("mnist-a", 8);
    data_write("notes/readme", "", 0, false);
    cr_expect_eq(command_data.run(2, words, 0, NULL), EXIT_DONE);
    write_tiny("mnist-a", 9);
    write_tiny("mnist", 8);
    cr_expect_eq(check(2, words, text, sizeof text), EXIT_FAILED);
    char *second = strstr(text + 1, "Images in ");
    cr_assert_not_null(second);
    *second++ = 0;
    expect_says(text, "mnist: not found");
    expect_says(text, "mnist-a: sound; 2 training + 2 test images of 1 x 1 x 1\n    another set in this layout");
    cr_expect_lt(strstr(text, "mnist-a: sound"), strstr(text, "mnist-b: sound"));
    cr_expect_null(strstr(text, "notes"));
    expect_says(second, "mnist-a: NOT SOUND\n");
    expect_says(second, "offset 0: expected");
    expect_says(second, "found 00 00");
    expect_says(second, "mnist-b: sound");
    expect_says(second, "mnist: NOT SOUND\n");
    expect_says(second, "offset 4: expected 60000");
    expect_says(second, "From the MNIST database page");
}

Test(data_check, searches_the_documented_folders) {
    static char text[20000];
    char *words[] = {"check"}, *missing[] = {"check", "--dir=/nowhere/at/all"};
    cr_assert_eq(chdir(data_folder), 0);
    cr_expect_eq(command_data.run(1, words, 0, NULL), EXIT_DONE); /* ./data, which is not there */
    write_tiny("data/mnist-c", 9);
    cr_expect_eq(command_data.run(1, words, 0, NULL), EXIT_FAILED);
    write_tiny("elsewhere/mnist-d", 8);
    cr_assert_eq(setenv("AFFJORD_DATA", "elsewhere", 1), 0);
    cr_expect_eq(command_data.run(1, words, 0, NULL), EXIT_DONE);
    cr_expect_eq(check(2, missing, text, sizeof text), EXIT_FAILED);
    expect_says(text, "Images in ./data, which does not exist\n");
    expect_says(text, "mnist-c: NOT SOUND");
    expect_says(text, "Images in elsewhere\n");
    expect_says(text, "mnist-d: sound");
    read_printed(cr_get_redirected_stderr(), text, sizeof text);
    expect_says(text, "/nowhere/at/all: cannot read the folder of the data: No such file");
}

Test(data_check, wrong_usage) {
    char text[2000], *wrong[] = {"chek"}, *option[] = {"check", "--dri", "x"};
    cr_expect_eq(command_data.run(1, wrong, 0, NULL), EXIT_USAGE);
    cr_expect_eq(command_data.run(3, option, 0, NULL), EXIT_USAGE);
    read_printed(cr_get_redirected_stderr(), text, sizeof text);
    expect_says(text, "data chek: unknown action; expected data check");
    expect_says(text, "--dri: unknown option; the nearest is --dir");
}
