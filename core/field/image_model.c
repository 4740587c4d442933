/* image_model.c - scales, flows, layers and their parameters, counted from shapes.
 *
 * Whether a parameter can change the output is decided for single numbers of a convolution: a weight (output, input,
 * tap) needs an output that is kept and an input that is not zero at some pixel which the tap reads from inside the
 * image. */
#include "field/image_model.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { TAPS = 9, ENTRIES_MAX = 128 };

static const char dropped[] = "outputs for z* are computed and dropped";
static const char zeros[] = "channels joined for z* are zero";
static const char zeros_dropped[] = "channels joined for z* are zero, and its outputs are dropped";
static const char unreached[] = "z* is zero but for its first entries, which these weights do not reach";
static const char overlap[] = "the bias is read from the first numbers of the weight, its own are not read";
static const char overlap_zeros[] = "zero or dropped channels of z*, and the bias is read from the weight's numbers";
static const char unseen[] = "z* enters neither a layer's weights nor its input";
static const char unused[] = "declared, never called";

/* Entries of z* that may differ from zero, as (channel, row, column) of the present flow. */
typedef struct entry {
    size_t channel, row, column;
} entry;

typedef struct expansion {
    const image_spec *spec;
    image_flow *flow;
    size_t number; /* of the flow */
    entry live[ENTRIES_MAX];
    size_t live_count;
} expansion;

/* One convolution. Inputs are numbered as in its weight (outputs, inputs, 3, 3). */
typedef struct shape {
    size_t inputs, outputs; /* declared */
    size_t joined; /* first input that is a channel of z*; `inputs` where there is none */
    size_t kept; /* outputs that are not dropped */
} shape;

static void add_group(expansion *x, size_t declared, size_t effective, const char *reason, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

static void add_group(expansion *x, size_t declared, size_t effective, const char *reason, const char *format, ...) {
    image_group *group = &x->flow->groups[x->flow->group_count++];
    const int used = snprintf(group->name, sizeof group->name, "flow.%zu.", x->number);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(group->name + used, sizeof group->name - (size_t)used, format, arguments);
    va_end(arguments);
    group->declared = declared;
    group->effective = effective;
    group->reason = effective < declared ? reason : NULL;
    x->flow->declared += declared;
    x->flow->effective += effective;
}

/* Whether a pixel at (row, column) is read through a tap by some output inside the image. */
static bool reached(const image_flow *flow, size_t row, size_t column, size_t tap) {
    const size_t down = tap / 3, right = tap % 3; /* the output is at row + 1 - down, column + 1 - right */
    return row + 1 >= down && row + 1 - down < flow->height && column + 1 >= right && column + 1 - right < flow->width;
}

static bool input_matters(const expansion *x, const shape *s, size_t input, size_t tap) {
    if (input < s->joined) /* data, or the time: nonzero everywhere */
        return (tap / 3 == 1 || x->flow->height > 1) && (tap % 3 == 1 || x->flow->width > 1);
    if (x->spec->variant == IMAGE_RELEASE) return false;
    for (size_t i = 0; i < x->live_count; i++) {
        const entry *e = &x->live[i];
        if (e->channel == input - s->joined && reached(x->flow, e->row, e->column, tap)) return true;
    }
    return false;
}

/* Numbers of the weight that matter. With `bias_inside`, its first `outputs` numbers are biases too. */
static size_t weights_that_matter(const expansion *x, const shape *s, bool bias_inside) {
    size_t count = 0, index = 0;
    for (size_t o = 0; o < s->outputs; o++)
        for (size_t i = 0; i < s->inputs; i++)
            for (size_t tap = 0; tap < TAPS; tap++, index++)
                count += (o < s->kept && input_matters(x, s, i, tap)) || (bias_inside && index < s->kept);
    return count;
}

static const char *weight_reason(const expansion *x, const shape *s) {
    const bool drops = s->kept < s->outputs;
    if (s->joined == s->inputs) return dropped;
    if (x->spec->variant == IMAGE_PAPER) return unreached;
    return drops ? zeros_dropped : zeros;
}

/* Return the number of context entries that a layer reads: one, the time, or z*'s first. */
static size_t context_entries(const image_spec *spec) {
    return spec->architecture == IMAGE_FFJORD ? 1 : spec->fed;
}

static void add_layer(expansion *x, size_t l, const shape *s) {
    const image_spec *spec = x->spec;
    const size_t weights = s->outputs * s->inputs * TAPS, C = context_entries(spec);
    if (spec->layer == IMAGE_HYPER) {
        const bool inside = spec->variant == IMAGE_RELEASE;
        const size_t declared = weights + s->outputs;
        const size_t effective = weights_that_matter(x, s, inside) + (inside ? 0 : s->kept);
        const char *reason = !inside                                         ? weight_reason(x, s)
                             : s->joined < s->inputs || s->kept < s->outputs ? overlap_zeros
                                                                             : overlap;
        add_group(x, declared * C, effective * C, reason, "field.%zu.hyper.weight", l);
        add_group(x, declared, effective, reason, "field.%zu.hyper.bias", l);
        return;
    }
    add_group(x, weights, weights_that_matter(x, s, false), weight_reason(x, s), "field.%zu.weight", l);
    add_group(x, s->outputs, s->kept, dropped, "field.%zu.bias", l);
    if (spec->layer == IMAGE_CONCATSQUASH) {
        add_group(x, s->outputs * C, s->kept * C, dropped, "field.%zu.gate.weight", l);
        add_group(x, s->outputs, s->kept, dropped, "field.%zu.gate.bias", l);
        add_group(x, s->outputs * C, s->kept * C, dropped, "field.%zu.shift.weight", l);
    }
}

/* g = Linear(M, M), tanh, Linear(M, M) on the moving entries; and the parameters that the release declares besides the
 * field. */
static void add_context(expansion *x) {
    const image_spec *spec = x->spec;
    const bool seen = image_sees_context(spec);
    const size_t M = spec->moving;
    for (size_t l = 0; l < 2; l++) {
        add_group(x, M * M, seen ? M * M : 0, unseen, "context.%zu.weight", l);
        add_group(x, M, seen ? M : 0, unseen, "context.%zu.bias", l);
    }
    const bool starts = x->number == 0 || x->flow[-1].scale != x->flow->scale;
    if (spec->learn_start && starts) add_group(x, M, seen ? M : 0, unseen, "context.start");
    add_group(x, 2, 0, unused, "context.convolution"); /* 1 x 1, one channel to one, and its bias */
    if (spec->layer == IMAGE_HYPER)
        for (size_t l = 0; l <= spec->hidden_layers; l++)
            add_group(x, 2 * (spec->fed * spec->fed + spec->fed), 0, unused, "field.%zu.hyper.linears", l);
}

static void add_flow(expansion *x, image_model *model, size_t scale, size_t c, size_t h, size_t w) {
    const image_spec *spec = x->spec;
    const bool augmented = spec->architecture == IMAGE_AFFJORD;
    x->number = model->flow_count;
    x->flow = &model->flows[model->flow_count++];
    *x->flow = (image_flow){.scale = scale, .channels = c, .height = h, .width = w};
    if (augmented)
        for (size_t i = 0; i < spec->moving && i < c * h * w && x->live_count < ENTRIES_MAX; i++)
            x->live[x->live_count++] = (entry){i / (h * w), i / w % h, i % w};

    const bool time = !augmented && spec->layer == IMAGE_CONCAT; /* joined to every layer's input */
    const size_t L = spec->hidden_layers;
    for (size_t l = 0; l <= L; l++) {
        shape s = {.inputs = l > 0       ? spec->hidden[l - 1]
                             : augmented ? 2 * c
                                         : c,
                   .outputs = l < L       ? spec->hidden[l]
                              : augmented ? 2 * c
                                          : c};
        s.inputs += time;
        s.joined = augmented && l == 0 ? c : s.inputs;
        s.kept = l < L ? s.outputs : c;
        add_layer(x, l, &s);
    }
    if (spec->attention_heads > 0) {
        const size_t weights = spec->attention_channels * spec->hidden[L - 1];
        add_group(x, 3 * weights, 3 * weights, NULL, "field.attention.in.weight");
        add_group(x, weights, weights, NULL, "field.attention.out.weight");
    }
    if (augmented) add_context(x);
    add_group(x, 1, 1, NULL, "end_time");
    model->declared += x->flow->declared;
    model->effective += x->flow->effective;
}

/* z* is squeezed as the data are: channel, row, column -> 4 channel + 2 (row mod 2) + column mod 2, ... */
static void squeeze_entries(expansion *x) {
    for (size_t i = 0; i < x->live_count; i++) {
        const entry e = x->live[i];
        x->live[i] = (entry){4 * e.channel + 2 * (e.row % 2) + e.column % 2, e.row / 2, e.column / 2};
    }
}

static status check(const image_spec *spec, error_info *err) {
    if (spec->channels < 1 || spec->channels > IMAGE_CHANNELS_MAX)
        return error_set(err, STATUS_INVALID, "images of %zu channels: expected 1 to %d", spec->channels,
                         IMAGE_CHANNELS_MAX);
    if (spec->height < 4 || spec->width < 4 || spec->height > IMAGE_SIDE_MAX || spec->width > IMAGE_SIDE_MAX)
        return error_set(err, STATUS_INVALID, "images of %zu x %zu pixels: expected sides of 4 to %d", spec->height,
                         spec->width, IMAGE_SIDE_MAX);
    if (spec->hidden_layers < 1 || spec->hidden_layers > IMAGE_HIDDEN_MAX)
        return error_set(err, STATUS_INVALID, "%zu hidden layers: expected 1 to %d", spec->hidden_layers,
                         IMAGE_HIDDEN_MAX);
    for (size_t l = 0; l < spec->hidden_layers; l++)
        if (spec->hidden[l] < 1 || spec->hidden[l] > IMAGE_CHANNELS_MAX)
            return error_set(err, STATUS_INVALID, "%zu hidden channels: expected 1 to %d", spec->hidden[l],
                             IMAGE_CHANNELS_MAX);
    if (spec->attention_heads > 0 &&
        (spec->attention_channels < 1 || spec->attention_channels % spec->attention_heads != 0))
        return error_set(err, STATUS_INVALID, "attention of %zu channels: expected a multiple of its %zu heads",
                         spec->attention_channels, spec->attention_heads);
    if (spec->architecture == IMAGE_AFFJORD && (spec->moving < 1 || spec->moving > ENTRIES_MAX / 2))
        return error_set(err, STATUS_INVALID, "%zu moving entries of z*: expected 1 to %d", spec->moving,
                         ENTRIES_MAX / 2);
    if (spec->architecture == IMAGE_AFFJORD && (spec->fed < 1 || spec->fed > spec->moving))
        return error_set(err, STATUS_INVALID, "%zu entries of z* for the layers: expected 1 to %zu, those that move",
                         spec->fed, spec->moving);
    return STATUS_OK;
}

/* Return the number of scales of images of this size; 0 if one of them is squeezed and has an odd side. */
static size_t count_scales(size_t height, size_t width) {
    size_t scales = 0;
    for (size_t h = height, w = width; h >= 4 && w >= 4; h /= 2, w /= 2, scales++)
        if (scales > 0 && (h << scales != height || w << scales != width)) return 0;
    return scales;
}

/* Name the nearest smaller size that has scales. */
static status fail_size(const image_spec *spec, error_info *err) {
    for (size_t less = 1;; less++) /* 4 x 4 has a scale */
        for (size_t lower = 0; lower <= less; lower++) {
            const size_t height = spec->height - lower, width = spec->width - (less - lower);
            if (lower + 4 > spec->height || less - lower + 4 > spec->width || count_scales(height, width) == 0)
                continue;
            return error_set(
                err, STATUS_INVALID,
                "images of %zu x %zu pixels (height x width): halved again and again down to below 4, a side is "
                "odd before; expected for example %zu x %zu",
                spec->height, spec->width, height, width);
        }
}

status image_model_expand(const image_spec *spec, image_model *out, error_info *err) {
    TRY(check(spec, err));
    const size_t scales = count_scales(spec->height, spec->width);
    if (scales == 0) return fail_size(spec, err);
    *out = (image_model){.spec = *spec, .scales = scales};
    expansion x = {.spec = &out->spec};
    size_t c = spec->channels, h = spec->height, w = spec->width;
    for (size_t scale = 0; scale < scales; scale++) {
        x.live_count = 0; /* z* starts at zero in each scale */
        add_flow(&x, out, scale, c, h, w);
        if (scale + 1 == scales) break;
        squeeze_entries(&x);
        add_flow(&x, out, scale, 4 * c, h / 2, w / 2);
        c *= 2;
        h /= 2;
        w /= 2;
    }
    return STATUS_OK;
}
