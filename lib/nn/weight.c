/* Forms of weights. */
#include "nn/weight.h"

#include <math.h>
#include <string.h>

#include "nn/types.h"

enum { STORED, BIAS };
#define STARTING_ITERATIONS 15 /* sigma is known well before the first step */

int gani_has_weight(const gani_module *module) {
    return module->type->reset == gani_weight_reset; /* what makes them one kind */
}

static int has_as_weight(const gan_layer *network, const gan_tensor *tensor) {
    for (int32_t i = 0; i < network->module_count; i++)
        if (gani_has_weight(&network->modules[i]) && network->modules[i].tensors[STORED] == tensor) return 1;
    return 0;
}
int gani_is_weight(const gan_layer *layer, const gan_tensor *tensor) {
    int found = has_as_weight(layer, tensor);
    for (int32_t i = 0; i < layer->inner_count && !found; i++) found = has_as_weight(layer->inner[i].network, tensor);
    return found;
}

static int32_t has_bias(const gani_module *module) {
    return module->type != &gani_type_embedding && module->config.bias;
}
/* The axis of a weight that belongs to the outputs. */
int32_t gani_weight_axis(const gani_module *module) { return module->type == &gani_type_conv_transpose2d; }

const char *gani_weight_form(const gani_module *module) {
    static const char *const names[] = {NULL, "spectral norm", "spectral regularisation", "weight norm", "equalised"};
    return names[module->config.form];
}

/* What follows the bias: u, v, and the record; or g. */
static gan_tensor *state_of(const gani_module *module, int32_t index) {
    return module->tensors[1 + has_bias(module) + index];
}
static int32_t has_record(const gani_config *config) { return config->compensation == GAN_COMPENSATION_DYNAMIC; }
gan_tensor *gani_weight_record(const gani_module *module) {
    if (!has_record(&module->config)) return NULL;
    return state_of(module, module->config.form == GAN_WEIGHT_SPECTRAL_NORM ? 2 : 0);
}

/* ---- options ---- */

/* A parameter of another form is set: it would have no effect. */
static const char *stray_option(const gani_config *config) {
    const gani_config plain = gani_config_default();
    int64_t form = config->form;
    if (form != GAN_WEIGHT_SPECTRAL_NORM && config->power_iterations != plain.power_iterations)
        return "power_iterations is for the spectral norm";
    if (form != GAN_WEIGHT_SPECTRAL_NORM && config->weight_epsilon != plain.weight_epsilon)
        return "epsilon is for the spectral norm";
    if (form != GAN_WEIGHT_SPECTRAL_NORM && form != GAN_WEIGHT_SPECTRAL_REGULARIZATION && config->compensation != 0)
        return "a compensation is for the spectral norm and spectral regularisation";
    if (config->compensation != GAN_COMPENSATION_STATIC && config->compensated != plain.compensated)
        return "compensated is for the static compensation";
    if (form != GAN_WEIGHT_EQUALIZED && (config->gain != plain.gain || config->multiplier != plain.multiplier))
        return "gain and multiplier are for equalised weights";
    return NULL;
}

gan_status gani_weight_check(gani_site *site, const gani_config *config, gan_shape weight, int32_t axis) {
    if (config->form < GAN_WEIGHT_PLAIN || config->form > GAN_WEIGHT_EQUALIZED)
        return gani_refuse(site, GAN_E_ARGUMENT, "form %ld is none of GAN_WEIGHT_...", (long)config->form);
    if (config->compensation < GAN_COMPENSATION_NONE || config->compensation > GAN_COMPENSATION_DYNAMIC)
        return gani_refuse(site, GAN_E_ARGUMENT, "compensation %ld is none of GAN_COMPENSATION_...",
                           (long)config->compensation);
    const char *stray = stray_option(config);
    if (stray != NULL) return gani_refuse(site, GAN_E_ARGUMENT, "%s: set the form, or leave it out", stray);
    if (config->power_iterations < 1 || config->power_iterations > 1000)
        return gani_refuse(site, GAN_E_ARGUMENT, "%lld power iterations: 1 to 1000 are possible",
                           (long long)config->power_iterations);
    if (!(config->weight_epsilon > 0) || !isfinite(config->weight_epsilon))
        return gani_refuse_number(site, "epsilon", config->weight_epsilon, "above 0, and finite");
    if (!isfinite(config->gain) || !isfinite(config->multiplier) || !(config->gain > 0) || !(config->multiplier > 0))
        return gani_refuse(site, GAN_E_ARGUMENT, "gain %g and multiplier %g must be above 0 and finite", config->gain,
                           config->multiplier);
    if (config->form == GAN_WEIGHT_SPECTRAL_REGULARIZATION && config->compensation == GAN_COMPENSATION_NONE)
        return gani_refuse(site, GAN_E_ARGUMENT,
                           "spectral regularisation needs a compensation, static or dynamic; without one it is the "
                           "spectral norm");
    int64_t rank = config->compensated == -1 ? 0 : gani_weight_rank(weight, axis);
    if (config->compensated != -1 && (config->compensated < 1 || config->compensated > rank))
        return gani_refuse(site, GAN_E_ARGUMENT,
                           "%lld singular values cannot be compensated: its weight has %lld; give 1 to %lld, or -1 for "
                           "half of them",
                           (long long)config->compensated, (long long)rank, (long long)rank);
    if (config->form == GAN_WEIGHT_NORM && axis == 1 && config->groups > 1)
        return gani_refuse(site, GAN_E_ARGUMENT,
                           "weight normalisation of a transposed convolution in %lld groups: outputs of different "
                           "groups share a place in its weight; use 1 group",
                           (long long)config->groups);
    return GAN_OK;
}

/* Of the weight's rank, 1 but for the axis of the outputs, as PyTorch has it. */
static gan_shape scale_shape(gan_shape weight, int32_t axis) {
    for (int32_t i = 0; i < weight.rank; i++)
        if (i != axis) weight.size[i] = 1;
    return weight;
}

int32_t gani_weight_slots(const gani_config *config, gan_shape weight, int32_t axis, int32_t has_bias, gani_slot *out) {
    static const char *const names[] = {"weight", "weight_orig", "weight_orig", "weight_v", "weight"};
    int64_t rows = weight.size[axis], columns = gan_shape_count(weight) / rows;
    int32_t count = 0;
    out[count++] = (gani_slot){names[config->form], weight, 1};
    if (has_bias) out[count++] = (gani_slot){"bias", gan_shape_1d(config->outputs), 1};
    if (config->form == GAN_WEIGHT_NORM) out[count++] = (gani_slot){"weight_g", scale_shape(weight, axis), 1};
    if (config->form == GAN_WEIGHT_SPECTRAL_NORM) {
        out[count++] = (gani_slot){"weight_u", gan_shape_1d(rows), 0};
        out[count++] = (gani_slot){"weight_v", gan_shape_1d(columns), 0};
    }
    if (has_record(config))
        out[count++] = (gani_slot){"weight_gamma", gan_shape_1d(rows < columns ? rows : columns), 0};
    return count;
}

/* ---- the weight that is used ---- */

static double dot(gan_tape *tape, const gan_tensor *a, const gan_tensor *b) {
    return gani_failed(tape) ? 1 : gani_kernels_for(tape->context, a->dtype)->dot(gani_count(a), a->data, b->data);
}

/* x := x / max(|x|, epsilon); nobody else has seen x. Gives the product of what it was and what it is. */
static double make_unit(gan_tape *tape, gan_tensor *x, double epsilon) {
    double square = dot(tape, x, x), length = fmax(sqrt(square), epsilon);
    if (!gani_failed(tape))
        gani_kernels_for(tape->context, x->dtype)
            ->unary(GANI_UNARY_AFFINE, gani_count(x), x->data, x->data, 1 / length, 0);
    return square / length;
}

static double make_next(gan_tape *tape, gan_tensor **now, gan_tensor *w, gan_tensor *by, int32_t transposed,
                        double epsilon) {
    gan_tensor *fresh = gani_matrix_times(tape, w, by, transposed);
    gani_tape_drop(tape, *now);
    *now = fresh;
    return make_unit(tape, fresh, epsilon);
}

/* now: u and v, as columns. Gives u^T W v, which the last product of an iteration has in it. */
static double iterate(gan_tape *tape, gan_tensor *w, gan_tensor *now[2], int64_t count, double epsilon) {
    double sigma = 0;
    for (int64_t i = 0; i < count; i++) {
        make_next(tape, &now[1], w, now[0], 1, epsilon);
        sigma = make_next(tape, &now[0], w, now[1], 0, epsilon);
    }
    return count > 0 ? sigma : dot(tape, now[0], gani_matrix_times(tape, w, now[1], 0));
}

static void keep(gan_tape *tape, gan_tensor *buffer, const gan_tensor *value) {
    if (gani_failed(tape)) return;
    memcpy(buffer->data, value->data, (size_t)gani_count(buffer) * gan_dtype_size(buffer->dtype));
    gani_tensor_touch(buffer);
}

static gan_tensor *column(gan_tape *tape, const gan_tensor *buffer) {
    gan_tensor *values = gani_result(tape, buffer->dtype, gan_shape_2d(gani_count(buffer), 1));
    if (!gani_failed(tape))
        memcpy(values->data, buffer->data, (size_t)gani_count(buffer) * gan_dtype_size(buffer->dtype));
    return values;
}

/* W / sigma with sigma = u^T W v, u and v constant: copies, for the buffers will have moved on when gradients are
 * computed. */
static gan_tensor *normalised(gan_tape *tape, const gani_pass *pass, const gani_module *module, gan_tensor *w) {
    gan_tensor *buffers[2] = {state_of(module, 0), state_of(module, 1)};
    tape->operation = "spectral_norm";
    gan_tensor *now[2] = {column(tape, buffers[0]), column(tape, buffers[1])};
    double sigma =
        iterate(tape, w, now, pass->training ? module->config.power_iterations : 0, module->config.weight_epsilon);
    for (int i = 0; i < 2 && pass->training; i++) keep(tape, buffers[i], now[i]);
    return gani_spectral_quotient(tape, w, now[0], now[1], sigma);
}

/* As outputs x rest, and back. */
static gan_tensor *to_matrix(gan_tape *tape, gan_tensor *weight, int32_t axis) {
    static const int32_t exchanged[] = {1, 0, 2, 3};
    if (axis == 1) weight = gani_permute(tape, weight, exchanged);
    if (gani_failed(tape)) return weight;
    if (weight->shape.rank == 2) return weight;
    int64_t rows = weight->shape.size[0];
    return gani_reshape(tape, weight, gan_shape_2d(rows, gani_count(weight) / rows));
}
static gan_tensor *from_matrix(gan_tape *tape, gan_tensor *matrix, gan_shape shape, int32_t axis) {
    static const int32_t exchanged[] = {1, 0, 2, 3};
    if (shape.rank == 2) return matrix;
    if (axis == 0) return gani_reshape(tape, matrix, shape);
    gan_shape first = gan_shape_4d(shape.size[1], shape.size[0], shape.size[2], shape.size[3]);
    return gani_permute(tape, gani_reshape(tape, matrix, first), exchanged);
}

/* |v| over all axes but the outputs' */
static gan_tensor *norm_of(gan_tape *tape, gan_tensor *v, int32_t axis) {
    uint32_t axes = ((1u << v->shape.rank) - 1) & ~(1u << axis);
    return gani_sqrt(tape, gani_sum_axes(tape, gani_square(tape, v), axes, 1));
}

/* An embedding's row is used as it is: 1. */
static double fan_in(const gani_module *module) {
    const gan_shape *shape = &module->tensors[STORED]->shape;
    if (module->type == &gani_type_embedding) return 1;
    return (double)(gan_shape_count(*shape) / shape->size[gani_weight_axis(module)]) /
           (gani_weight_axis(module) ? (double)module->config.groups : 1);
}

/* Gives back what was made behind `before` and no rule reads, but the weight. */
static void drop_rest(gan_tape *tape, int64_t before, const gani_weight *w) {
    for (gan_tensor *t = tape->last; t != NULL && t->sequence > before; t = t->previous)
        if (t != w->weight && t != w->bias && !t->recorded) gani_tape_drop(tape, t);
}

static gan_tensor *unit_times(gan_tape *tape, gan_tensor *v, gan_tensor *g, int32_t axis) {
    return gani_mul(tape, v, gani_div(tape, g, norm_of(tape, v, axis)));
}

/* Forms that are functions of what is stored: made once for all passes that one gradient goes through. */
static gani_weight formed_once(gan_tape *tape, const gani_module *module, gani_weight w) {
    const gani_config *config = &module->config;
    gan_tensor *stored = w.weight, *bias = w.bias;
    gan_tensor *g = config->form == GAN_WEIGHT_NORM ? state_of(module, 0) : NULL;
    int32_t scales_bias = config->form == GAN_WEIGHT_EQUALIZED && bias != NULL && config->multiplier != 1;
    const void *keys[] = {&module->tensors[STORED], &module->tensors[BIAS]};
    int64_t before = tape->sequence;
    gan_tensor *known = tape->recording ? gani_tape_recall(tape, keys[STORED], stored, g) : NULL;
    gan_tensor *known_bias = tape->recording && scales_bias ? gani_tape_recall(tape, keys[BIAS], bias, NULL) : NULL;
    if (known != NULL)
        w.weight = known;
    else if (g != NULL)
        w.weight = unit_times(tape, stored, g, gani_weight_axis(module));
    else
        w.weight = gani_affine(tape, stored, config->multiplier * config->gain / sqrt(fan_in(module)), 0);
    if (known_bias != NULL)
        w.bias = known_bias;
    else if (scales_bias)
        w.bias = gani_affine(tape, bias, config->multiplier, 0);
    if (gani_failed(tape)) return w;
    drop_rest(tape, before, &w);
    if (!tape->recording) return w;
    if (known == NULL) gani_tape_remember(tape, keys[STORED], stored, g, w.weight, before);
    if (scales_bias && known_bias == NULL) gani_tape_remember(tape, keys[BIAS], bias, NULL, w.bias, before);
    return w;
}

gani_weight gani_weight_formed(gan_tape *tape, const gani_pass *pass, const gani_module *module) {
    gan_tensor *stored = module->tensors[STORED];
    const gani_config *config = &module->config;
    gani_weight w = {stored, has_bias(module) ? module->tensors[BIAS] : NULL};
    if (config->form == GAN_WEIGHT_NORM || config->form == GAN_WEIGHT_EQUALIZED) return formed_once(tape, module, w);
    int64_t before = tape->sequence;
    gan_tensor *matrix = to_matrix(tape, stored, gani_weight_axis(module));
    matrix = config->form == GAN_WEIGHT_SPECTRAL_NORM ? normalised(tape, pass, module, matrix)
                                                      : gani_spectrum_weight(tape, pass, module, matrix);
    w.weight = from_matrix(tape, matrix, stored->shape, gani_weight_axis(module));
    if (!gani_failed(tape)) drop_rest(tape, before, &w);
    return w;
}

/* ---- initial values ---- */

/* On a tape of its own: g = |v|, so that the weight is v; a random u, and v, after some power iterations. */
static void start_on(gan_tape *tape, gani_module *module) {
    gan_tensor *stored = module->tensors[STORED], *first = state_of(module, 0);
    tape->recording = 0;
    if (module->config.form == GAN_WEIGHT_NORM) {
        keep(tape, first, norm_of(tape, stored, gani_weight_axis(module)));
        return;
    }
    gani_init_normal(first, 0, 1);
    gan_tensor *now[2] = {column(tape, first), column(tape, state_of(module, 1))};
    iterate(tape, to_matrix(tape, stored, gani_weight_axis(module)), now, STARTING_ITERATIONS,
            module->config.weight_epsilon);
    for (int i = 0; i < 2; i++) keep(tape, state_of(module, i), now[i]);
}

/* Brings what goes with the stored weight in line with it. */
static gan_status start(gani_module *module) {
    gan_status status = GAN_OK;
    gan_context *context = module->tensors[STORED]->context;
    if (module->config.form == GAN_WEIGHT_NORM || module->config.form == GAN_WEIGHT_SPECTRAL_NORM) {
        gan_tape *tape;
        status = gani_tape_new(&tape, context, &gani_operations_basis);
        if (status != GAN_OK) return status;
        start_on(tape, module);
        status = tape->status == GAN_OK ? GAN_OK : gani_fail(context, tape->status, "%s", tape->message);
        gani_tape_end(tape);
    }
    if (has_record(&module->config)) gani_init_constant(gani_weight_record(module), 0);
    return status;
}

gan_status gani_weight_reset(gani_module *module) {
    gan_tensor *weight = module->tensors[STORED];
    if (module->config.form == GAN_WEIGHT_EQUALIZED) {
        gani_init_normal(weight, 0, 1 / module->config.multiplier);
        if (has_bias(module)) gani_init_constant(module->tensors[BIAS], 0);
        return GAN_OK;
    }
    if (module->type == &gani_type_embedding) {
        gani_init_normal(weight, 0, 1);
        return start(module);
    }
    /* kaiming_uniform with a = sqrt 5, as PyTorch's modules do it */
    double bound = 1 / sqrt((double)(gan_shape_count(weight->shape) / weight->shape.size[0]));
    gani_init_uniform(weight, -bound, bound);
    if (has_bias(module)) gani_init_uniform(module->tensors[BIAS], -bound, bound);
    return start(module);
}

gan_status gani_weight_init(gani_module *module, const gan_init_options *rule) {
    if (module->config.form == GAN_WEIGHT_EQUALIZED) return gani_weight_reset(module);
    gan_status status = gani_init_tensor(module->tensors[STORED], rule);
    if (has_bias(module) && status == GAN_OK) gani_init_constant(module->tensors[BIAS], 0);
    return status == GAN_OK ? start(module) : status;
}

/* ---- by a batch of data ---- */

/* With y = a + b of mean m and deviation s: g / s and (b - m) / s make of it (a - mean a) / s. */
int gani_weight_fit(gan_tape *tape, gani_data_init *init, const gani_module *module, const gan_tensor *y) {
    if (!gani_has_weight(module) || module->config.form != GAN_WEIGHT_NORM) return 0;
    if (module->type == &gani_type_embedding || gani_failed(tape)) return 0;
    gan_tensor *g = state_of(module, 0), *bias = has_bias(module) ? module->tensors[BIAS] : NULL;
    for (int32_t i = 0; i < init->count; i++)
        if (init->seen[i] == g) return 0;
    init->seen[init->count++] = g;
    int64_t channels = y->shape.size[1], count = gani_count(y) / channels;
    gan_shape shape = gan_shape_1d(channels);
    gan_tensor *mean = gani_result(tape, y->dtype, shape), *var = gani_result(tape, y->dtype, shape);
    if (gani_failed(tape)) return 0;
    gani_kernels_for(tape->context, y->dtype)
        ->norm_stats(y->shape.size[0], channels, count / y->shape.size[0], 0, channels, y->data, mean->data, var->data);
    for (int64_t c = 0; c < channels; c++) {
        double variance = gani_get_value(var, c);
        /* what a constant's sums are rounded to is no variance */
        double least = (y->dtype == GAN_F64 ? 1e-13 : 1e-5) * gani_get_value(mean, c);
        if (variance > least * least && isfinite(variance)) continue;
        gani_tape_fail(tape, GAN_E_ARGUMENT,
                       "init_from_data: output %lld of a layer of %lld has variance %g over this batch; give one of "
                       "more items, or other initial weights",
                       (long long)c, (long long)channels, variance);
        return 0;
    }
    for (int64_t c = 0; c < channels; c++) {
        double deviation = sqrt(gani_get_value(var, c));
        gani_put_value(g, c, gani_get_value(g, c) / deviation);
        if (bias != NULL) gani_put_value(bias, c, (gani_get_value(bias, c) - gani_get_value(mean, c)) / deviation);
    }
    gani_tensor_touch(g);
    if (bias != NULL) gani_tensor_touch(bias);
    gani_tape_drop(tape, mean);
    gani_tape_drop(tape, var);
    return 1;
}

/* ---- for sessions ---- */

static gan_status copy(gan_tensor **out, const gan_tensor *from) {
    if (from == NULL) return GAN_OK;
    gan_status status = gani_tensor_new(out, from->context, from->dtype, from->shape);
    if (status == GAN_OK) gani_tensor_copy_values(*out, from);
    return status;
}

gan_status gani_weight_bake(gani_module *module) {
    if (!gani_has_weight(module) || module->config.form == GAN_WEIGHT_PLAIN) return GAN_OK;
    gan_context *context = module->tensors[STORED]->context;
    const gani_pass pass = {.dtype = module->tensors[STORED]->dtype, .slope = GANI_NO_ACTIVATION};
    gan_tensor *made[2] = {NULL, NULL};
    gan_tape *tape;
    gan_status status = gani_tape_new(&tape, context, &gani_operations_basis);
    if (status != GAN_OK) return status;
    tape->recording = 0;
    gani_weight w = gani_weight_formed(tape, &pass, module);
    status = tape->status == GAN_OK ? GAN_OK : gani_fail(context, tape->status, "%s", tape->message);
    if (status == GAN_OK) status = copy(&made[STORED], w.weight);
    if (status == GAN_OK) status = copy(&made[BIAS], w.bias);
    gani_tape_end(tape);
    if (status != GAN_OK) {
        gani_tensor_drop(made[STORED]);
        gani_tensor_drop(made[BIAS]);
        return status;
    }
    for (int32_t k = 0; k < module->tensor_count; k++) {
        gani_tensor_drop(module->tensors[k]);
        module->tensors[k] = k < 2 ? made[k] : NULL;
    }
    module->tensor_count = 1 + has_bias(module);
    module->config.form = GAN_WEIGHT_PLAIN;
    return GAN_OK;
}
