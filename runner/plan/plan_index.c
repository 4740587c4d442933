/* plan_index.c - the variants of a plan by the key of a run: a sorted list for each requested seed. */
#include "plan/plan_index.h"

#include <stdlib.h>
#include <string.h>

typedef struct entry {
    char key[PLAN_KEY_SIZE];
    const plan_variant *variant;
} entry;

typedef struct seed_keys {
    uint64_t seed;
    entry *entries; /* (variant_count), by key */
} seed_keys;

struct plan_index {
    const plan *runs;
    size_t seed_count;
    seed_keys *seeds;
};

static int by_key(const void *a, const void *b) {
    return strcmp(((const entry *)a)->key, ((const entry *)b)->key);
}

status plan_index_create(const plan *runs, plan_index **out, error_info *err) {
    plan_index *made = calloc(1, sizeof *made);
    if (!made) return error_set(err, STATUS_MEMORY, "out of memory");
    made->runs = runs;
    *out = made;
    return STATUS_OK;
}

void plan_index_destroy(plan_index **index) {
    if (!*index) return;
    for (size_t i = 0; i < (*index)->seed_count; i++) free((*index)->seeds[i].entries);
    free((*index)->seeds);
    free(*index);
    *index = NULL;
}

static status add_seed(plan_index *index, uint64_t seed, error_info *err) {
    const size_t count = index->runs->variant_count;
    seed_keys *longer = realloc(index->seeds, (index->seed_count + 1) * sizeof *longer);
    if (longer) index->seeds = longer;
    entry *entries = longer ? calloc(count + 1, sizeof *entries) : NULL;
    if (!entries) return error_set(err, STATUS_MEMORY, "out of memory");
    settings values;
    for (size_t i = 0; i < count; i++) {
        const plan_variant *one = index->runs->variants[i];
        entries[i].variant = one;
        plan_variant_settings(one, &values);
        plan_run_key(&values, one->dataset->checksum, seed, entries[i].key);
    }
    qsort(entries, count, sizeof *entries, by_key);
    longer[index->seed_count++] = (seed_keys){.seed = seed, .entries = entries};
    return STATUS_OK;
}

status plan_index_find(plan_index *index, const char *key, uint64_t seed, const plan_variant **out, error_info *err) {
    size_t s = 0;
    entry wanted;
    while (s < index->seed_count && index->seeds[s].seed != seed) s++;
    if (s == index->seed_count) TRY(add_seed(index, seed, err));
    snprintf(wanted.key, sizeof wanted.key, "%s", key);
    const entry *found = bsearch(&wanted, index->seeds[s].entries, index->runs->variant_count, sizeof wanted, by_key);
    *out = found ? found->variant : NULL;
    return STATUS_OK;
}
