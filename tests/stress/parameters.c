/* parameters.c - a short training with the library, which prints losses and parameters with all bits, to compare the
 * static and the shared library. */
#include <affjord/affjord.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static error_info err;

static void check(status outcome) {
    if (outcome == STATUS_OK) return;
    fprintf(stderr, "%s\n", err.text);
    exit(1);
}

int main(void) {
    dataset *data;
    check(dataset_open("ty", &data, &err));
    for (cnf_context context = CONTEXT_CLOCK; context <= CONTEXT_AUGMENTED; context++) {
        const cnf_spec flow = {.dimension = dataset_dimension(data),
                               .width = 16,
                               .context = context,
                               .join = context == CONTEXT_AUGMENTED,
                               .hypernet_layers = 2,
                               .hypernet_width = 32,
                               .augmented_dimension = 2,
                               .augmented_width = 3,
                               .end_time = 10,
                               .base_variance = 1,
                               .solver = TABLEAU_RK4,
                               .steps = 5};
        const objective_spec loss = {.flow = flow, .seed = 0, .batch = 64, .validation = 200};
        const trainer_spec by = {
            .iterations = 100, .epoch_iterations = 20, .learning_rate = 1e-3, .stop_loss = -INFINITY};
        objective *obj;
        trainer *adam;
        check(objective_create(&loss, (objective_data){.points = data}, NULL, &obj, &err));
        check(trainer_create(&by, &obj, &adam, &err));
        while (!trainer_finished(adam)) {
            bool done;
            trainer_epoch epoch;
            check(trainer_step(adam, NULL, &done, &epoch));
            if (done) printf("loss %a %a\n", epoch.training_loss, epoch.validation_loss);
        }
        const size_t P = objective_parameters(trainer_objective(adam))->total;
        for (size_t i = 0; i < P; i++) printf("%a\n", (double)trainer_parameters(adam)[i]);
        trainer_destroy(&adam);
    }
    dataset_close(&data);
    return 0;
}
