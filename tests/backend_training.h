/* backend_training.h - tiny trainings of images on any backend, for tests that compare backends. */
#ifndef AFFJORD_TESTS_BACKEND_TRAINING_H
#define AFFJORD_TESTS_BACKEND_TRAINING_H

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "backend/cpu/cpu.h"
#include "backend/cpu/level.h"
#include "data/image.h"
#include "chain_support.h"
#include "train/trainer.h"

static inline image_set *blobs(const image_spec *shape) {
    enum { COUNT = 12, SIDE = 8 };
    static unsigned char pixels[COUNT * SIDE * SIDE];
    static char name[] = "blobs";
    static image_set set;
    set = (image_set){.name = name,
                      .count = COUNT,
                      .channels = 1,
                      .height = shape->height,
                      .width = shape->width,
                      .pixels = pixels,
                      .first = {0, 8, 8},
                      .size = {8, 0, 4}};
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (unsigned char)(i * 37 % 251);
    return &set;
}

static inline trainer *make(const backend_ops *backend, chain_spec model) {
    trainer *training = NULL;
    objective *obj = NULL;
    error_info err = {""};
    model.backend = backend;
    const objective_spec obj_spec = {.model = model, .seed = 4, .batch = 3, .test = 0};
    const trainer_spec spec = {.iterations = 3,
                               .epoch_iterations = 3,
                               .learning_rate = 1e-2,
                               .clip_norm = 0.1,
                               .average = 0.5,
                               .backend = backend};
    cr_assert_eq(objective_create(&obj_spec, (objective_data){.images = blobs(&model.model)}, NULL, &obj, &err),
                 STATUS_OK, "%s", err.text);
    cr_assert_eq(trainer_create(&spec, &obj, &training, &err), STATUS_OK, "%s", err.text);
    return training;
}

/* Train some iterations; save in between, and resume in another trainer. */
static inline double train(const backend_ops *backend, chain_spec model, real *params, size_t P) {
    trainer *first = make(backend, model), *second = make(backend, model);
    trainer_epoch epoch = {.validation_loss = NAN};
    checkpoint *file = NULL;
    error_info err = {""};
    bool done;
    cr_assert_eq(objective_parameters(trainer_objective(first))->total, P);
    cr_assert_eq(trainer_step(first, NULL, &done, &epoch), STATUS_OK);
    cr_assert_eq(checkpoint_create(&file), STATUS_OK);
    cr_assert_eq(trainer_save(first, file), STATUS_OK);
    cr_assert_eq(trainer_restore(second, file, &err), STATUS_OK, "%s", err.text);
    for (size_t i = 0; i < 2; i++) cr_assert_eq(trainer_step(second, NULL, &done, &epoch), STATUS_OK);
    cr_assert(done);
    memcpy(params, trainer_parameters(second), P * sizeof *params);
    checkpoint_destroy(&file);
    trainer_destroy(&first);
    trainer_destroy(&second);
    return epoch.validation_loss;
}

/* A host backend that processes all images of a batch at once, as the guarded one does, so that sums have the same
 * order. */
static inline size_t all_together(const backend_ops *self, size_t pixels, size_t batch) {
    (void)self, (void)pixels;
    return batch;
}
static inline const backend_ops *host_together(void) {
    static cpu_level_ops together;
    together = *(const cpu_level_ops *)cpu_backend(cpu_level_best());
    together.table.images_together = all_together;
    return &together.table;
}

static inline size_t parameters_of(chain_spec spec) {
    chain *model = NULL;
    error_info err = {""};
    cr_assert_eq(chain_create(&spec, 1, false, NULL, &model, &err), STATUS_OK, "%s", err.text);
    const size_t P = chain_parameters(model)->total;
    chain_destroy(&model);
    return P;
}

#endif
