/* test_image_model.c - Table 2 to the last parameter, from the shapes of layers. */
#include <criterion/criterion.h>
#include <string.h>

#include "field/image_model.h"

static image_spec base_spec(size_t channels, size_t side, image_architecture architecture, image_layer layer,
                            image_variant variant) {
    return (image_spec){.channels = channels,
                        .height = side,
                        .width = side,
                        .architecture = architecture,
                        .layer = layer,
                        .variant = variant,
                        .hidden_layers = 3,
                        .hidden = {64, 64, 64},
                        .moving = 20,
                        .fed = 10};
}

static image_model model; /* too large for the stack */

static const image_model *expand(image_spec spec) {
    error_info err = {""};
    cr_assert_eq(image_model_expand(&spec, &model, &err), STATUS_OK, "%s", err.text);
    return &model;
}

/* One flow with c channels, as the paper's table has it. */
static size_t table_formula(image_architecture architecture, image_layer layer, size_t c) {
    if (architecture == IMAGE_FFJORD) return layer == IMAGE_CONCAT ? 75648 + 1162 * c + 1 : 2 * (73920 + 1153 * c) + 1;
    return layer == IMAGE_CONCAT ? 73920 + 1153 * 2 * c + 840 + 2 + 1 : 11 * (73920 + 1153 * 2 * c) + 840 + 2 + 880 + 1;
}

Test(image_model, declares_the_twelve_totals_of_table_2) {
    static const struct {
        size_t channels, side;
        size_t totals[2][2]; /* FFJORD concat, hyper; AFFJORD concat, hyper */
    } sets[] = {{1, 28, {{400323, 783019}, {417629, 4556169}}},
                {3, 32, {{679441, 1332361}, {820815, 8976115}}},
                {3, 32, {{679441, 1332361}, {820815, 8976115}}}}; /* MNIST, CIFAR-10, CelebA */
    for (size_t s = 0; s < 3; s++)
        for (image_variant variant = IMAGE_PAPER; variant <= IMAGE_RELEASE; variant++)
            for (image_architecture a = IMAGE_FFJORD; a <= IMAGE_AFFJORD; a++)
                for (image_layer layer = IMAGE_CONCAT; layer <= IMAGE_HYPER; layer++) {
                    const image_model *m = expand(base_spec(sets[s].channels, sets[s].side, a, layer, variant));
                    cr_assert_eq(m->declared, sets[s].totals[a][layer - IMAGE_CONCAT], "%zu", m->declared);
                    for (size_t f = 0; f < m->flow_count; f++)
                        cr_assert_eq(m->flows[f].declared, table_formula(a, layer, m->flows[f].channels));
                }
}

Test(image_model, has_the_flows_of_the_multiscale_architecture) {
    static const size_t mnist[][4] = {{0, 1, 28, 28}, {0, 4, 14, 14}, {1, 2, 14, 14}, {1, 8, 7, 7}, {2, 4, 7, 7}};
    static const size_t cifar[][4] = {{0, 3, 32, 32}, {0, 12, 16, 16}, {1, 6, 16, 16}, {1, 24, 8, 8},
                                      {2, 12, 8, 8},  {2, 48, 4, 4},   {3, 24, 4, 4}};
    const image_model *m = expand(base_spec(1, 28, IMAGE_FFJORD, IMAGE_CONCAT, IMAGE_PAPER));
    cr_assert_eq(m->flow_count, 5);
    cr_assert_eq(m->scales, 3);
    for (size_t f = 0; f < 5; f++) {
        const image_flow *flow = &m->flows[f];
        const size_t found[4] = {flow->scale, flow->channels, flow->height, flow->width};
        cr_assert_arr_eq(found, mnist[f], sizeof found);
    }
    m = expand(base_spec(3, 32, IMAGE_AFFJORD, IMAGE_HYPER, IMAGE_RELEASE));
    cr_assert_eq(m->flow_count, 7);
    cr_assert_eq(m->scales, 4);
    for (size_t f = 0; f < 7; f++) {
        const image_flow *flow = &m->flows[f];
        const size_t found[4] = {flow->scale, flow->channels, flow->height, flow->width};
        cr_assert_arr_eq(found, cifar[f], sizeof found);
    }
    cr_assert_eq(expand(base_spec(1, 14, IMAGE_FFJORD, IMAGE_CONCAT, IMAGE_PAPER))->flow_count, 3);
}

Test(image_model, groups_add_up_and_every_difference_has_a_reason) {
    for (image_variant variant = IMAGE_PAPER; variant <= IMAGE_RELEASE; variant++)
        for (image_architecture a = IMAGE_FFJORD; a <= IMAGE_AFFJORD; a++)
            for (image_layer layer = IMAGE_IGNORE; layer < IMAGE_LAYER_COUNT; layer++) {
                const image_model *m = expand(base_spec(3, 32, a, layer, variant));
                size_t declared = 0, effective = 0;
                for (size_t f = 0; f < m->flow_count; f++)
                    for (size_t g = 0; g < m->flows[f].group_count; g++) {
                        const image_group *group = &m->flows[f].groups[g];
                        cr_assert_leq(group->effective, group->declared);
                        cr_assert_eq(group->reason != NULL, group->effective < group->declared, "%s", group->name);
                        declared += group->declared;
                        effective += group->effective;
                    }
                cr_assert_eq(declared, m->declared);
                cr_assert_eq(effective, m->effective);
            }
}

static const image_group *group_of(const image_model *m, const char *name) {
    for (size_t f = 0; f < m->flow_count; f++)
        for (size_t g = 0; g < m->flows[f].group_count; g++)
            if (strcmp(m->flows[f].groups[g].name, name) == 0) return &m->flows[f].groups[g];
    cr_assert_fail("no group %s", name);
    return NULL;
}

Test(image_model, ffjord_concat_has_no_idle_parameter) {
    const image_model *m = expand(base_spec(1, 28, IMAGE_FFJORD, IMAGE_CONCAT, IMAGE_RELEASE));
    cr_assert_eq(m->effective, m->declared);
}

/* The release's z* enters nothing but the hypernets: a concat model is an autonomous field on z alone. */
Test(image_model, release_concat_is_effective_without_z_star) {
    const image_model *m = expand(base_spec(3, 32, IMAGE_AFFJORD, IMAGE_CONCAT, IMAGE_RELEASE));
    for (size_t f = 0; f < m->flow_count; f++)
        cr_assert_eq(m->flows[f].effective, 73920 + 1153 * m->flows[f].channels + 1);
}

/* The bias is read from the weight's first 64 numbers: numbers of both input channels of the first seven outputs. Of
 * those, 9 x 3 + 1 - 0 belong to the concatenated zeros and have an effect only as biases. */
Test(image_model, release_hyper_counts_the_overlap) {
    const image_model *m = expand(base_spec(1, 28, IMAGE_AFFJORD, IMAGE_HYPER, IMAGE_RELEASE));
    const size_t zeros_as_biases = 9 * 3 + 1; /* numbers 9..17, 27..35, 45..53, 63 */
    cr_assert_eq(group_of(m, "flow.0.field.0.hyper.bias")->effective, 64 * 9 + zeros_as_biases);
    cr_assert_eq(group_of(m, "flow.0.field.0.hyper.weight")->effective, 10 * (64 * 9 + zeros_as_biases));
    cr_assert_eq(group_of(m, "flow.0.field.1.hyper.bias")->effective, 64 * 64 * 9);
    cr_assert_eq(group_of(m, "flow.0.field.3.hyper.bias")->effective, 64 * 9);
    cr_assert_eq(group_of(m, "flow.0.context.0.weight")->effective, 400);
    cr_assert_eq(group_of(m, "flow.0.context.convolution")->effective, 0);
}

/* In the first flow z* is the first 20 pixels of the first row. An output reads row 0 from row 0 (the three middle
 * taps) or from row 1 (the three upper taps); nothing reads it from above. */
Test(image_model, paper_counts_the_weights_that_reach_z_star) {
    const image_model *m = expand(base_spec(1, 28, IMAGE_AFFJORD, IMAGE_CONCAT, IMAGE_PAPER));
    cr_assert_eq(group_of(m, "flow.0.field.0.weight")->effective, 64 * (9 + 6));
    cr_assert_eq(group_of(m, "flow.0.field.3.weight")->effective, 64 * 9);
    cr_assert_eq(group_of(m, "flow.0.context.1.weight")->effective, 400);
    /* Squeezed, the 20 pixels are 10 of rows 0 in channels 0 and 1; 20 more of channel 0, rows 0 and 1, now have a
     * derivative. */
    cr_assert_eq(group_of(m, "flow.1.field.0.weight")->effective, 64 * (4 * 9 + 9 + 6));
}

Test(image_model, rejects_invalid_specifications) {
    error_info err;
    image_spec spec = base_spec(1, 18, IMAGE_FFJORD, IMAGE_CONCAT, IMAGE_PAPER); /* 18, 9, 4: 9 cannot be squeezed */
    cr_assert_eq(image_model_expand(&spec, &model, &err), STATUS_INVALID);
    cr_assert_not_null(strstr(err.text, "odd"));
    spec = base_spec(1, 28, IMAGE_AFFJORD, IMAGE_HYPER, IMAGE_PAPER);
    spec.fed = 21;
    cr_assert_eq(image_model_expand(&spec, &model, &err), STATUS_INVALID);
    spec.fed = 10;
    spec.hidden[1] = 0;
    cr_assert_eq(image_model_expand(&spec, &model, &err), STATUS_INVALID);
    spec = base_spec(0, 28, IMAGE_FFJORD, IMAGE_CONCAT, IMAGE_PAPER);
    cr_assert_eq(image_model_expand(&spec, &model, &err), STATUS_INVALID);
    spec = base_spec(1, 3, IMAGE_FFJORD, IMAGE_CONCAT, IMAGE_PAPER);
    cr_assert_eq(image_model_expand(&spec, &model, &err), STATUS_INVALID);
}
