/* worker_plans.c - report the convolution plans of a training on a device, and store them in checkpoints.
 *
 * A checkpoint has the plans that computed its numbers, so a resumed training, on any machine, tries them first. The
 * rows in the database are for people. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "work/worker_internal.h"

static const char text_name[] = "convolutions";

static status keep_text(worker *self, const char *text, error_info *err) {
    char *copy = text ? strdup(text) : NULL;
    if (!copy) return error_set(err, STATUS_MEMORY, "out of memory for plans of convolutions");
    free(self->plans);
    self->plans = copy;
    return STATUS_OK;
}

/* The processor has no plans; keep those of the checkpoint. */
status worker_recall_plans(worker *self, const checkpoint *from, error_info *err) {
    const char *text = checkpoint_get_text(from, text_name);
    if (!text) return STATUS_OK; /* the checkpoint is older than plans, or was never on a device */
    TRY(keep_text(self, text, err));
    return self->device ? self->library->images_recall(self->device, text, err) : STATUS_OK;
}

status worker_keep_plans(const worker *self, checkpoint *into) {
    return self->plans ? checkpoint_put_text(into, text_name, self->plans) : STATUS_OK;
}

static size_t line_length(const char *text) {
    return strcspn(text, "\n");
}

/* Return the plan in a line "convolution, way, plan", after its second tab. */
static const char *plan_of(const char *line) {
    const char *way = strchr(line, '\t');
    return way ? strchr(way + 1, '\t') : NULL;
}

/* The line of `text` for the same convolution and way as `line`; NULL if there is none. */
static const char *find_same(const char *text, const char *line) {
    const char *behind = plan_of(line);
    if (!behind) return NULL;
    for (; *text; text += line_length(text), text += *text == '\n')
        if (strncmp(text, line, (size_t)(behind + 1 - line)) == 0) return text;
    return NULL;
}

/* Tell the user if plans differ from earlier ones; return false if they do. */
static bool describe_changes(const char *before, const char *now, uint64_t iteration, error_info *out) {
    unsigned changed = 0, all = 0;
    const char *first = NULL, *instead = NULL;
    for (const char *line = now; *line; line += line_length(line), line += *line == '\n', all++) {
        const char *same = find_same(before, line);
        if (!same || (line_length(same) == line_length(line) && strncmp(same, line, line_length(line)) == 0)) continue;
        if (changed++ > 0) continue;
        first = plan_of(line) + 1;
        instead = plan_of(same) + 1;
    }
    if (changed == 0) return false;
    error_describe(out,
                   "%u of %u plans of convolutions are not those that came before, as %.*s instead of %.*s: after "
                   "iteration %" PRIu64 " numbers may be others in their last places",
                   changed, all, (int)line_length(first), first, (int)line_length(instead), instead, iteration);
    return true;
}

status worker_send_plans(worker *self, error_info *err) {
    error_info text;
    if (!self->device) return STATUS_OK;
    const char *now = self->library->images_plans(self->device);
    if (!now) return error_set(err, STATUS_MEMORY, "out of memory for plans of convolutions");
    if (self->plans && describe_changes(self->plans, now, trainer_iteration(self->training), &text))
        TRY(worker_send_note(self, text.text, err));
    TRY(keep_text(self, now, err));
    return worker_send(self, (message){.kind = MESSAGE_PLANS, .size = strlen(now)}, now, err);
}
