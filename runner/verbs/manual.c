/* manual.c - affjord(1), made from the verbs' help. */
#include "verbs/manual.h"

#include <stdbool.h>

#include "system/roff.h"
#include "verbs/usage.h"
#include "verbs/verbs.h"

/* The forms of a usage, one below the other. */
static void write_forms(FILE *stream, const char *usage) {
    usage_part part;
    bool later = false;
    while (usage_next(&usage, &part)) {
        if (part.kind != USAGE_FORM) continue;
        fprintf(stream, "%s.B affjord\n", later ? ".br\n" : "");
        roff_write_text(stream, part.text);
        later = true;
    }
}

/* Everything else in it. A section's heading has the space that a first paragraph would make. */
static void write_body(FILE *stream, const char *usage, bool after_heading) {
    usage_part part;
    while (usage_next(&usage, &part)) {
        if (part.kind == USAGE_FORM) continue;
        if (part.kind == USAGE_ITEM) {
            fputs(".TP\n.B ", stream);
            roff_write_text(stream, part.term);
        } else if (!after_heading) {
            fputs(".PP\n", stream);
        }
        roff_write_text(stream, part.text);
        after_heading = false;
    }
}

void manual_write_program(FILE *stream) {
    roff_write_head(stream, "affjord", "1", "continuous normalizing flows with augmented dimensions");
    fputs(".SH SYNOPSIS\n", stream);
    write_forms(stream, verb_experiment.usage);
    fputs(".SH DESCRIPTION\n", stream);
    write_body(stream, verb_experiment.usage, true);
    fputs(".SH VERBS\n", stream);
    for (size_t i = 0; i < verbs_count(); i++) {
        const verb *one = verbs_at(i);
        fprintf(stream, ".SS %s: ", one->name);
        roff_write_text(stream, one->summary);
        write_forms(stream, one->usage);
        write_body(stream, one->usage, false);
    }
    fputs(".SH FILES\n"
          ".TP\n.I ./results/results.db\nThe results, where \\-\\-db names no other database.\n"
          ".TP\n.I share/affjord/experiments, share/affjord/configs\n"
          "One experiment for each figure and table of the paper, and the presets that they include.\n"
          ".TP\n.I share/affjord/paper_figures.sh\n"
          "Draws every figure and table that a database has rows for; \\-\\-help tells more.\n"
          ".TP\n.I share/doc/affjord/examples\nPrograms that use the library, and scripts that read results.\n"
          ".SH ENVIRONMENT\n"
          ".TP\n.B AFFJORD_CUDNN\nThe file of cuDNN 9 for images on a CUDA device, instead of libcudnn.so.9, or none.\n"
          ".TP\n.B AFFJORD_DATA\nFolder of the sets of images, where the setting data.dir is not given.\n"
          ".TP\n.B AFFJORD_GRAPHS\nHow a CUDA device repeats the steps of a solve on images: while, by itself (the "
          "default); step, by a launch for each; or none, by a launch for each kernel.\n"
          ".TP\n.B AFFJORD_ROOT\nFolder to take instead of share/affjord.\n"
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
