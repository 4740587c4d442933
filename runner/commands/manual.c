/* manual.c - affjord(1), from the tables of the commands. */
#include "commands/manual.h"

#include <stdbool.h>
#include <string.h>

#include "commands/commands.h"
#include "system/roff.h"

static void write_forms(FILE *stream, const command *self) {
    for (size_t i = 0; self->forms[i]; i++) {
        fprintf(stream, "%s.B affjord %s\n", i > 0 ? ".br\n" : "", self->name);
        roff_write_text(stream, self->forms[i]);
    }
}

/* The heading of a section has the space that a first paragraph would make. */
static void write_paragraphs(FILE *stream, const char *text, bool after_heading) {
    char paragraph[4096];
    while (*text) {
        const char *end = strstr(text, "\n\n");
        const size_t length = end ? (size_t)(end - text) : strlen(text);
        snprintf(paragraph, sizeof paragraph, "%.*s", (int)length, text);
        if (!after_heading) fputs(".PP\n", stream);
        roff_write_text(stream, paragraph);
        after_heading = false;
        text += length + (end ? 2 : 0);
    }
}

static void write_options(FILE *stream, const command *self) {
    char term[256];
    for (size_t i = 0; i < self->option_count; i++) {
        const argument_option *option = &self->options[i];
        if (!option->name) {
            write_paragraphs(stream, option->help, false);
            continue;
        }
        snprintf(term, sizeof term, "%s %s", option->name, option->value ? option->value : "");
        fputs(".TP\n.B ", stream);
        roff_write_text(stream, term);
        roff_write_text(stream, option->help);
    }
}

void manual_write_program(FILE *stream) {
    roff_write_head(stream, "affjord", "1", "continuous normalizing flows with augmented dimensions");
    fputs(".SH SYNOPSIS\n", stream);
    write_forms(stream, &command_experiment);
    fputs(".SH DESCRIPTION\n", stream);
    write_paragraphs(stream, command_experiment.text, true);
    write_options(stream, &command_experiment);
    fputs(".SH COMMANDS\n", stream);
    for (size_t i = 0; i < commands_count(); i++) {
        const command *one = commands_at(i);
        fprintf(stream, ".SS %s: ", one->name);
        roff_write_text(stream, one->summary);
        write_forms(stream, one);
        write_paragraphs(stream, one->text, false);
        write_options(stream, one);
    }
    fputs(".SH FILES\n"
          ".TP\n.I ./results/results.db\nThe results database, unless \\-\\-db names another.\n"
          ".TP\n.I share/affjord/experiments, share/affjord/configs\n"
          "One experiment for each figure and table of the paper, and the presets that they include.\n"
          ".TP\n.I share/affjord/paper_figures.sh\n"
          "Draws every figure and table that a database has rows for; see its \\-\\-help.\n"
          ".TP\n.I share/doc/affjord/examples\nPrograms that use the library, and scripts that read results.\n"
          ".SH ENVIRONMENT\n"
          ".TP\n.B AFFJORD_CUBLAS\nLibrary file of cuBLAS for images on a CUDA device, instead of libcublas.so.13; or "
          "none.\n"
          ".TP\n.B AFFJORD_CUDNN\nLibrary file of cuDNN 9 for images on a CUDA device, instead of libcudnn.so.9; or "
          "none.\n"
          ".TP\n.B AFFJORD_DATA\nFolder of the image data sets, unless the setting data.dir names one.\n"
          ".TP\n.B AFFJORD_GRAPHS\nHow a CUDA device repeats the steps of a solve on images: while, by itself (the "
          "default); step, by a launch for each; or none, by a launch for each kernel.\n"
          ".TP\n.B AFFJORD_ROOT\nFolder to use instead of share/affjord.\n"
          ".TP\n.B AFFJORD_SIMD\nBest vector instructions to use, portable, avx2 or avx512, where the processor has "
          "better ones.\n"
          ".SH EXIT STATUS\n"
          "0 done; 1 failed while running, or stopped; 2 wrong usage or settings.\n"
          ".SH EXAMPLES\n.nf\n"
          "affjord quickstart.ini\n"
          "affjord fig6.ini \\-\\-seeds 0\\-4 \\-\\-dry\\-run\n"
          "affjord mine.ini \\-\\-set train.iterations=500\n"
          ".fi\n"
          ".SH SEE ALSO\n.BR affjord.ini (5)\n",
          stream);
}
