/* images_plans.cu - the list of kinds and their plans, and its text format:
 *
 *   KIND <tab> WAY <tab> PLAN <newline>, three lines for each kind
 */
#include "backend/cuda/images_plans.cuh"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cuda/images.cuh"

static const char own_kernels[] = "own kernels";
static const char *const ways[WAYS] = {"forward", "data", "weight"};
static const char *const maths[CONV_MATHS] = {"fp32", "tf32", "bf16"};

plan_kind *plan_book_find_named(plan_cache *self, const char *convolution) {
    plan_kind **at = &self->first;
    while (*at && strcmp((*at)->convolution, convolution) != 0) at = &(*at)->next;
    if (*at) return *at;
    *at = (plan_kind *)calloc(1, sizeof **at);
    if (*at) snprintf((*at)->convolution, sizeof(*at)->convolution, "%s", convolution);
    return *at;
}

plan_kind *plan_book_find(plan_cache *self, const conv_shape &s, conv_math math) {
    char convolution[sizeof self->first->convolution];
    snprintf(convolution, sizeof convolution, "%zu to %zu channels, %zu images of %zu x %zu, %s", s.in, s.out, s.images,
             s.height, s.width, maths[math]);
    return plan_book_find_named(self, convolution);
}

bool plan_kind_began_own(const plan_kind *self) {
    return self->recalled && strcmp(self->plans[WAY_FORWARD], own_kernels) == 0;
}

void plan_kind_use(plan_kind *self, const char *plan) {
    self->used = true;
    for (unsigned i = 0; i < WAYS; i++) snprintf(self->plans[i], sizeof self->plans[i], "%s", plan);
}

void plan_kind_use_own(plan_kind *self) {
    plan_kind_use(self, own_kernels);
}

void plan_book_release(plan_cache *self) {
    while (self->first) {
        plan_kind *one = self->first;
        self->first = one->next;
        free(one);
    }
    free(self->text);
    self->text = NULL;
}

/* Read one line of three words; ignore a line in another format or too long for a plan. */
static status recall_line(plan_cache *self, char *line) {
    char *rest = NULL;
    const char *convolution = strtok_r(line, "\t", &rest), *way = strtok_r(NULL, "\t", &rest);
    const char *plan = strtok_r(NULL, "\t", &rest);
    if (!plan || strlen(plan) >= PLAN_TEXT || strlen(convolution) >= sizeof self->first->convolution) return STATUS_OK;
    plan_kind *kind = plan_book_find_named(self, convolution);
    if (!kind) return STATUS_MEMORY;
    kind->recalled = true;
    for (unsigned i = 0; i < WAYS; i++)
        if (strcmp(way, ways[i]) == 0) memcpy(kind->plans[i], plan, strlen(plan) + 1);
    return STATUS_OK;
}

status images_recall(const backend_ops *backend, const char *plans, error_info *err) {
    char *copy = strdup(plans), *rest = NULL;
    status outcome = copy ? STATUS_OK : STATUS_MEMORY;
    for (char *line = copy ? strtok_r(copy, "\n", &rest) : NULL; line && outcome == STATUS_OK;
         line = strtok_r(NULL, "\n", &rest))
        outcome = recall_line(&images_device(backend)->plans, line);
    free(copy);
    return outcome == STATUS_OK ? STATUS_OK : error_set(err, outcome, "out of memory for plans of convolutions");
}

const char *images_plans(const backend_ops *backend) {
    plan_cache *self = &images_device(backend)->plans;
    size_t used = 0, room = 1;
    for (const plan_kind *one = self->first; one; one = one->next)
        room += WAYS * (sizeof one->convolution + sizeof one->plans[0] + sizeof "weight");
    free(self->text);
    self->text = (char *)calloc(room, 1);
    if (!self->text) return NULL;
    for (const plan_kind *one = self->first; one; one = one->next)
        for (unsigned i = 0; one->used && i < WAYS; i++)
            used += (size_t)snprintf(self->text + used, room - used, "%s\t%s\t%s\n", one->convolution, ways[i],
                                     one->plans[i]);
    return self->text;
}
