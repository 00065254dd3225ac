/* PixelRNN's layers: LSTMs that walk over an image, row after row or diagonal after diagonal. What comes from the
 * input is one convolution of all the image; a step adds what comes from the state of the step before, for a whole row
 * or diagonal. */
#include <math.h>

#include "nn/pixel.h"
#include "nn/types.h"

/* ---- the walk ---- */

/* Maps are steps x N x D 4h x L: L places with D directions, of h channels each. Gates come in the order of the
 * paper's equation 3: output, forget, input, content. */
typedef struct walk {
    gan_tape *tape;
    gan_tensor *weight, *bias; /* of the state's part: D 4h x h x 1 x K */
    gan_conv_options options;
    int64_t directions, channels, length;
    int32_t above;        /* 1: place i sees i - 1 and i of the step before, else those around it */
    gan_tensor *h, *c;    /* N x D x h x L, or 1 in the place of N */
    gan_tensor **results; /* h of each step */
    int64_t count;
} walk;

/* A value of the walk's own that no rule wants is given back now: there are many. */
static void spent(gan_tape *tape, gan_tensor *tensor) {
    if (!gani_failed(tape) && !tensor->recorded) gani_tape_drop(tape, tensor);
}

/* y = f(x) in x's place, if that can be */
static gan_tensor *over(gan_tape *tape, gan_tensor *(*f)(gan_tape *tape, gan_tensor *x), gan_tensor *x) {
    if (!gani_failed(tape)) x->spare = 1;
    return f(tape, x);
}

static gan_tensor *part(const walk *w, gan_tensor *x, int64_t first, int64_t count) {
    return gani_slice(w->tape, x, 2, first * w->channels, count * w->channels);
}

/* [o, f, i] = sigmoid(gates), g = tanh(gates); c = f c + i g, h = o tanh c */
static void cell(walk *w, gan_tensor *gates) {
    gan_tape *tape = w->tape;
    gan_tensor *all =
        gani_reshape(tape, gates, gan_shape_4d(gates->shape.size[0], w->directions, 4 * w->channels, w->length));
    gan_tensor *ofi = over(tape, gani_sigmoid, part(w, all, 0, 3)), *g = over(tape, gani_tanh, part(w, all, 3, 1));
    gan_tensor *o = part(w, ofi, 0, 1), *f = part(w, ofi, 1, 1), *i = part(w, ofi, 2, 1);
    gan_tensor *kept = gani_mul(tape, f, w->c), *fresh = gani_mul(tape, i, g), *c = gani_add(tape, kept, fresh);
    gan_tensor *bounded = gani_tanh(tape, c), *h = gani_mul(tape, o, bounded);
    gan_tensor *const used[] = {gates, all, ofi, g, o, f, i, kept, fresh, bounded, w->c, w->h};
    for (size_t k = 0; k < sizeof used / sizeof used[0]; k++) spent(tape, used[k]);
    w->c = c;
    w->h = h;
}

static void step(walk *w, gan_tensor *map) {
    gan_tape *tape = w->tape;
    int64_t items = map->shape.size[1], rows = w->directions * w->channels;
    gan_tensor *x = gani_reshape(tape, map, gan_shape_4d(items, 4 * rows, 1, w->length));
    gan_tensor *h = gani_reshape(tape, w->h, gan_shape_4d(w->h->shape.size[0], rows, 1, w->length));
    if (w->above) h = gani_pad(tape, h, 3, 1, 0, GAN_PAD_ZERO);
    gan_tensor *state = gani_conv2d(tape, h, w->weight, w->bias, 1, 0, &w->options);
    if (!gani_failed(tape)) state->spare = 1;
    cell(w, gani_add_over(tape, state, x));
    spent(tape, state);
    spent(tape, x);
    if (gani_failed(tape)) return;
    w->results[w->count++] = gani_reshape(tape, w->h, gan_shape_4d(1, w->h->shape.size[0], rows, w->length));
}

static void steps(walk *w, gan_tensor *maps) {
    for (int64_t i = 0; i < maps->shape.size[0] && !gani_failed(w->tape); i++) {
        gan_tensor *map = gani_slice(w->tape, maps, 0, i, 1);
        step(w, map);
        spent(w->tape, map);
    }
}

/* Joined along axis 0: at most GANI_MAX_STEPS. */
static gan_tensor *stack(gan_tape *tape, gan_tensor **xs, int64_t count) {
    while (count > 1) {
        int64_t joined = 0;
        for (int64_t first = 0; first < count; first += GANI_MAX_INPUTS) {
            int64_t some = count - first < GANI_MAX_INPUTS ? count - first : GANI_MAX_INPUTS;
            gan_tensor *whole = gani_concat(tape, xs + first, (int32_t)some, 0);
            for (int64_t i = 0; i < some; i++) spent(tape, xs[first + i]);
            xs[joined++] = whole;
        }
        count = joined;
    }
    return xs[0];
}

/* The initial state: the module's tensors, or zeros. */
static void begin(walk *w, const gani_module *module, int32_t at) {
    gan_shape shape = gan_shape_4d(1, w->directions, w->channels, w->length);
    gan_tensor *zero = module->config.learned_state ? NULL : gani_full(w->tape, w->weight->dtype, shape, 0);
    w->h = zero != NULL ? zero : gani_reshape(w->tape, module->tensors[at], shape);
    w->c = zero != NULL ? zero : gani_reshape(w->tape, module->tensors[at + 1], shape);
}

/* maps: steps x N x D 4h x L; gives steps x N x D h x L. */
static gan_tensor *run(walk *w, gan_tensor *maps) {
    if (gani_failed(w->tape)) return &w->tape->inert;
    w->results = gani_scratch(w->tape, (size_t)maps->shape.size[0] * sizeof *w->results);
    if (w->results == NULL) return &w->tape->inert;
    steps(w, maps);
    gan_tensor *all = gani_failed(w->tape) ? &w->tape->inert : stack(w->tape, w->results, w->count);
    gani_scratch_end(w->tape, w->results);
    return all;
}

/* ---- what both layers have ---- */

enum { WEIGHT_IH, WEIGHT_HH, BIAS };

/* Where h0 is among the tensors, c0 behind it. */
static int32_t state_at(const gani_config *config) { return config->bias ? BIAS + 1 : BIAS; }

static int32_t slots(const gani_config *config, gan_shape weight_ih, gan_shape weight_hh, gan_shape state,
                     gani_slot *out) {
    int32_t count = state_at(config);
    out[WEIGHT_IH] = (gani_slot){"weight_ih", weight_ih, 1};
    out[WEIGHT_HH] = (gani_slot){"weight_hh", weight_hh, 1};
    if (config->bias) out[BIAS] = (gani_slot){"bias", gan_shape_1d(weight_ih.size[0]), 1};
    if (!config->learned_state) return count;
    out[count] = (gani_slot){"h0", state, 1};
    out[count + 1] = (gani_slot){"c0", state, 1};
    return count + 2;
}

/* Weights as those of a convolution, each by its own fan in; the state begins with zeros. */
static gan_status reset(gani_module *module) {
    double bounds[2];
    for (int32_t i = WEIGHT_IH; i <= WEIGHT_HH; i++) {
        const int64_t *size = module->tensors[i]->shape.size;
        bounds[i] = 1 / sqrt((double)(size[1] * size[2] * size[3]));
        gani_init_uniform(module->tensors[i], -bounds[i], bounds[i]);
    }
    if (module->config.bias) gani_init_uniform(module->tensors[BIAS], -bounds[WEIGHT_IH], bounds[WEIGHT_IH]);
    for (int32_t i = state_at(&module->config); i < module->tensor_count; i++)
        gani_init_constant(module->tensors[i], 0);
    return GAN_OK;
}

static gan_status infer(gani_site *site, const gani_config *config, const gan_shape *inputs, int64_t directions,
                        int64_t count, const char *of_what, gan_shape *output) {
    char text[GANI_SHAPE_TEXT];
    if (config->outputs < 1 || config->outputs > INT32_MAX)
        return gani_refuse(site, GAN_E_ARGUMENT, "%lld channels: 1 to %ld are possible", (long long)config->outputs,
                           (long)INT32_MAX);
    if (count > GANI_MAX_STEPS)
        return gani_refuse(site, GAN_E_LIMIT, "its input of shape %s has %lld %s; %d are the most",
                           gani_shape_text(inputs[0], text), (long long)count, of_what, GANI_MAX_STEPS);
    gani_mask mask = {GAN_MASK_B, config->colors, config->outputs};
    gan_status status = gani_mask_check(site, &mask, inputs[0].size[0]);
    if (status != GAN_OK) return status;
    *output = gan_shape_3d(config->outputs, inputs[0].size[1], inputs[0].size[2]);
    /* the convolution of the input, as the largest there is */
    gani_conv_shape s = {.kh = 1, .c = inputs[0].size[0], .h = output->size[1], .w = output->size[2]};
    gan_conv_options options = gani_conv_defaults();
    s.kw = directions == 1 ? config->kernel : 1;
    s.o = 4 * directions * config->outputs;
    options.padding_w = s.kw / 2;
    return gani_conv_infer(&s, 0, 1, 0, &options, site->message);
}

/* ---- by rows ---- */

static gan_status row_infer(gani_site *site, const gani_config *config, const gan_shape *inputs, gan_shape *output) {
    gan_status status = gani_check_image(site, inputs[0]);
    if (status != GAN_OK) return status;
    if (config->kernel < 1 || config->kernel > GANI_MAX_WINDOW || config->kernel % 2 == 0)
        return gani_refuse(site, GAN_E_ARGUMENT, "a kernel of %lld: it must be odd, and 1 to %d",
                           (long long)config->kernel, GANI_MAX_WINDOW - 1);
    return infer(site, config, inputs, 1, inputs[0].size[1], "rows", output);
}
static int32_t row_slots(const gani_config *config, const gan_shape *inputs, gani_slot *out) {
    int64_t h = config->outputs, k = config->kernel;
    return slots(config, gan_shape_4d(4 * h, inputs[0].size[0], 1, k), gan_shape_4d(4 * h, h, 1, k),
                 gan_shape_2d(h, inputs[0].size[2]), out);
}
static gan_tensor *row_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                               gan_tensor *const *inputs) {
    static const int32_t rows_first[4] = {2, 0, 1, 3}, rows_back[4] = {1, 2, 0, 3};
    (void)pass;
    const gani_config *config = &module->config;
    gani_mask mask = {GAN_MASK_B, config->colors, config->outputs};
    walk w = {.tape = tape, .weight = module->tensors[WEIGHT_HH], .options = gani_conv_defaults(), .directions = 1};
    w.bias = config->bias ? module->tensors[BIAS] : NULL;
    w.channels = config->outputs;
    w.length = inputs[0]->shape.size[3];
    w.options.padding_w = config->kernel / 2;
    begin(&w, module, state_at(config));
    gan_tensor *is = gani_masked_conv2d(tape, inputs[0], module->tensors[WEIGHT_IH], NULL, &mask);
    gan_tensor *maps = gani_permute(tape, is, rows_first);
    spent(tape, is);
    return gani_permute(tape, run(&w, maps), rows_back);
}
static const gani_field row_fields[] = {FIELD_INT(outputs), FIELD_INT(kernel),         FIELD_INT(colors),
                                        FIELD_FLAG(bias),   FIELD_FLAG(learned_state), FIELD_END};
const gani_module_type gani_type_row_lstm = {"row_lstm", 1, row_fields, row_infer, row_slots, row_forward, reset};

/* ---- by diagonals, from both sides ---- */

/* In memory a skewed map is the padded one with rows that are one shorter. */
gan_tensor *gani_skew(gan_tape *tape, gan_tensor *x) {
    if (gani_failed(tape)) return &tape->inert;
    int64_t n = x->shape.size[0], c = x->shape.size[1], h = x->shape.size[2], w = x->shape.size[3];
    gan_tensor *wide = gani_pad(tape, x, 3, 0, h, GAN_PAD_ZERO);
    gan_tensor *flat = gani_reshape(tape, wide, gan_shape_3d(n, c, h * (w + h)));
    gan_tensor *cut = gani_slice(tape, flat, 2, 0, h * (w + h - 1));
    return gani_reshape(tape, cut, gan_shape_4d(n, c, h, w + h - 1));
}
gan_tensor *gani_unskew(gan_tape *tape, gan_tensor *x) {
    if (gani_failed(tape)) return &tape->inert;
    int64_t n = x->shape.size[0], c = x->shape.size[1], h = x->shape.size[2], w = x->shape.size[3] - h + 1;
    gan_tensor *flat = gani_reshape(tape, x, gan_shape_3d(n, c, h * (w + h - 1)));
    gan_tensor *wide = gani_reshape(tape, gani_pad(tape, flat, 2, 0, h, GAN_PAD_ZERO), gan_shape_4d(n, c, h, w + h));
    return gani_slice(tape, wide, 3, 0, w);
}

static gan_tensor *mirrored(gan_tape *tape, gan_tensor *x) {
    if (gani_failed(tape)) return &tape->inert;
    int64_t width = x->shape.size[3];
    gan_tensor *index = gani_result(tape, GAN_I32, gan_shape_1d(width));
    for (int64_t i = 0; i < width && !gani_failed(tape); i++) ((int32_t *)index->data)[i] = (int32_t)(width - 1 - i);
    return gani_take(tape, x, 3, index);
}

static gan_status diagonal_infer(gani_site *site, const gani_config *config, const gan_shape *inputs,
                                 gan_shape *output) {
    int64_t count;
    gan_status status = gani_check_image(site, inputs[0]);
    if (status != GAN_OK) return status;
    if (!gani_add_i64(inputs[0].size[1], inputs[0].size[2] - 1, &count)) count = INT64_MAX;
    return infer(site, config, inputs, 2, count, "diagonals", output);
}
static int32_t diagonal_slots(const gani_config *config, const gan_shape *inputs, gani_slot *out) {
    int64_t h = config->outputs;
    return slots(config, gan_shape_4d(8 * h, inputs[0].size[0], 1, 1), gan_shape_4d(8 * h, h, 2, 1),
                 gan_shape_3d(2, h, inputs[0].size[1]), out);
}
static gan_tensor *diagonal_forward(gan_tape *tape, const gani_pass *pass, const gani_module *module,
                                    gan_tensor *const *inputs) {
    static const int32_t columns_first[4] = {3, 0, 1, 2}, columns_back[4] = {1, 2, 3, 0};
    (void)pass;
    const gani_config *config = &module->config;
    int64_t h = config->outputs, height = inputs[0]->shape.size[2];
    gani_mask mask = {GAN_MASK_B, config->colors, h};
    walk w = {.tape = tape, .options = gani_conv_defaults(), .directions = 2, .channels = h, .above = 1};
    /* the column lies down, for the convolution's sake */
    w.weight = gani_reshape(tape, module->tensors[WEIGHT_HH], gan_shape_4d(8 * h, h, 1, 2));
    w.bias = config->bias ? module->tensors[BIAS] : NULL;
    w.length = height;
    w.options.groups = 2;
    begin(&w, module, state_at(config));
    gan_tensor *is = gani_masked_conv2d(tape, inputs[0], module->tensors[WEIGHT_IH], NULL, &mask), *sides[2];
    sides[0] = gani_slice(tape, is, 1, 0, 4 * h);
    sides[1] = mirrored(tape, gani_slice(tape, is, 1, 4 * h, 4 * h));
    gan_tensor *maps = gani_permute(tape, gani_skew(tape, gani_concat(tape, sides, 2, 1)), columns_first);
    gan_tensor *both = gani_unskew(tape, gani_permute(tape, run(&w, maps), columns_back));
    gan_tensor *left = gani_slice(tape, both, 1, 0, h), *right = mirrored(tape, gani_slice(tape, both, 1, h, h));
    /* a row down: what is to the right in the same row is not yet known */
    right = gani_pad(tape, gani_slice(tape, right, 2, 0, height - 1), 2, 1, 0, GAN_PAD_ZERO);
    return gani_add(tape, left, right);
}
static const gani_field diagonal_fields[] = {FIELD_INT(outputs), FIELD_INT(colors), FIELD_FLAG(bias),
                                             FIELD_FLAG(learned_state), FIELD_END};
const gani_module_type gani_type_diagonal_bilstm = {
    "diagonal_bilstm", 1, diagonal_fields, diagonal_infer, diagonal_slots, diagonal_forward, reset};
