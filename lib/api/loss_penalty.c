/* Exported functions of gan/loss.h: what regularises a discriminator or a generator. */
#include "api/api.h"
#include "api/ranges.h"
#include "loss/terms.h"
#include "nn/weight.h"

/* ---- gradient penalties ---- */

GAN_API void gan_loss_gradient_penalty_options_init_sized(gan_loss_gradient_penalty_options *options, size_t size) {
    gan_loss_gradient_penalty_options defaults = {.weight = 10, .target = 1, .where = GAN_PENALTY_BETWEEN};
    gani_options_init(options, size, &defaults, sizeof defaults);
}

GAN_API gan_status gan_loss_gradient_penalty_create(gan_loss **out, gan_context *context,
                                                    const gan_loss_gradient_penalty_options *options) {
    GANI_ENTER();
    static const char name[] = "gan_loss_gradient_penalty_create";
    gan_loss_gradient_penalty_options o;
    gan_loss_gradient_penalty_options_init(&o);
    gan_status status = gani_loss_begin(out, context, name, options, &o, sizeof o);
    if (status == GAN_OK) status = gani_options_reserved(context, name, o.reserved);
    const gani_range ranges[] = {{"weight", o.weight, 0, GANI_ANY_SIZE},
                                 {"target", o.target, o.normalize ? 1e-100 : 0, GANI_ANY_SIZE},
                                 {"one_sided", o.one_sided, 0, 1},
                                 {"normalize", o.normalize, 0, 1},
                                 {"where", o.where, GAN_PENALTY_BETWEEN, GAN_PENALTY_FAKE}};
    if (status == GAN_OK) status = gani_check_ranges(context, name, ranges, 5);
    if (status != GAN_OK) return status;
    gani_penalty penalty = {.weight = o.normalize ? o.weight / (o.target * o.target) : o.weight,
                            .target = o.target,
                            .where = o.where,
                            .one_sided = o.one_sided};
    return gani_loss_new(out, context, &gani_loss_penalty_type, &penalty);
}

static gan_status create_r(const char *name, gan_loss **out, gan_context *context, double gamma, int32_t where) {
    const gani_range range = {"gamma", gamma, 0, GANI_ANY_SIZE};
    gan_status status = gani_loss_begin(out, context, name, NULL, NULL, 0);
    if (status == GAN_OK) status = gani_check_ranges(context, name, &range, 1);
    if (status != GAN_OK) return status;
    gani_penalty penalty = {.weight = gamma / 2, .where = where, .squared = 1};
    return gani_loss_new(out, context, &gani_loss_penalty_type, &penalty);
}
GAN_API gan_status gan_loss_r1_create(gan_loss **out, gan_context *context, double gamma) {
    GANI_ENTER();
    return create_r("gan_loss_r1_create", out, context, gamma, GAN_PENALTY_REAL);
}
GAN_API gan_status gan_loss_r2_create(gan_loss **out, gan_context *context, double gamma) {
    GANI_ENTER();
    return create_r("gan_loss_r2_create", out, context, gamma, GAN_PENALTY_FAKE);
}

GAN_API gan_tensor *gan_loss_penalty_points(gan_tape *tape, gan_loss *loss, gan_tensor *real, gan_tensor *fake) {
    GANI_ENTER();
    if (!gani_loss_usable(tape, loss) || !gani_loss_is(tape, loss, &gani_loss_penalty_type)) return gani_inert(tape);
    const gani_penalty *penalty = gani_loss_options(loss);
    if ((penalty->where != GAN_PENALTY_FAKE && !gani_operands(tape, "penalty_points: reals", &real, 1)) ||
        (penalty->where != GAN_PENALTY_REAL && !gani_operands(tape, "penalty_points: fakes", &fake, 1)))
        return gani_inert(tape);
    gani_layer_enter(tape);
    return gani_layer_leave(tape, gani_penalty_points(tape, penalty, real, fake));
}

GAN_API gan_tensor *gan_loss_penalty(gan_tape *tape, gan_loss *loss, gan_tensor *scores, gan_tensor *x) {
    GANI_ENTER();
    gan_tensor *inputs[2] = {scores, x};
    if (!gani_loss_usable(tape, loss) || !gani_operands(tape, "penalty", inputs, 2) ||
        !gani_loss_is(tape, loss, &gani_loss_penalty_type))
        return gani_inert(tape);
    gani_layer_enter(tape);
    return gani_layer_leave(tape, gani_penalty_term(tape, gani_loss_options(loss), scores, x));
}

GAN_API gan_tensor *gan_drift_penalty(gan_tape *tape, gan_tensor *scores, double weight) {
    GANI_ENTER();
    const gani_range range = {"weight", weight, 0, GANI_ANY_SIZE};
    if (!gani_operands(tape, "drift_penalty", &scores, 1) || !gani_tape_ranges(tape, "drift_penalty", &range, 1))
        return gani_inert(tape);
    gani_layer_enter(tape);
    return gani_layer_leave(tape, gani_drift_penalty(tape, scores, weight));
}

/* ---- orthogonal regularisation ---- */

GAN_API void gan_orthogonal_options_init_sized(gan_orthogonal_options *options, size_t size) {
    gan_orthogonal_options defaults = {.weight = 1e-4, .form = GAN_ORTHOGONAL_OFF_DIAGONAL};
    gani_options_init(options, size, &defaults, sizeof defaults);
}

static int is_skipped(const gan_orthogonal_options *o, const char *name) {
    for (int32_t i = 0; i < o->skip_count; i++)
        if (gani_name_begins(name, o->skip[i])) return 1;
    return 0;
}

static int check_orthogonal(gan_tape *tape, const gan_layer *layer, const gan_orthogonal_options *o) {
    const gani_range ranges[] = {{"weight", o->weight, 0, GANI_ANY_SIZE},
                                 {"form", o->form, GAN_ORTHOGONAL_OFF_DIAGONAL, GAN_ORTHOGONAL_IDENTITY},
                                 {"skip_count", o->skip_count, 0, o->skip == NULL ? 0 : INT32_MAX}};
    if (layer == NULL || layer->context != tape->context)
        gani_tape_fail(tape, GAN_E_ARGUMENT, "orthogonal: the layer is NULL or belongs to another context");
    else
        gani_tape_ranges(tape, "orthogonal", ranges, 3);
    for (int32_t k = 0; !gani_failed(tape) && k < o->skip_count; k++) {
        int found = 0;
        for (int32_t i = 0; o->skip[k] != NULL && i < layer->tensor_count; i++)
            found |= layer->tensors[i].is_parameter && gani_name_begins(layer->tensors[i].name, o->skip[k]);
        if (!found)
            gani_tape_fail(tape, GAN_E_ARGUMENT, "orthogonal: no parameter's name begins with '%.150s', to be skipped",
                           o->skip[k] == NULL ? "(NULL)" : o->skip[k]);
    }
    return !gani_failed(tape);
}

GAN_API gan_tensor *gan_orthogonal_regularization(gan_tape *tape, const gan_layer *layer,
                                                  const gan_orthogonal_options *options) {
    GANI_ENTER();
    if (tape == NULL || gani_failed(tape)) return gani_inert(tape);
    gan_orthogonal_options o;
    gan_orthogonal_options_init(&o);
    if (!gani_tape_decode(tape, "orthogonal", options, &o, sizeof o) || !check_orthogonal(tape, layer, &o))
        return gani_inert(tape);
    gan_tensor *sum = NULL;
    gani_layer_enter(tape);
    for (int32_t i = 0; i < layer->tensor_count; i++) {
        const gani_named *named = &layer->tensors[i];
        if (!named->tensor->tracked || !gani_is_weight(layer, named->tensor)) continue;
        if (is_skipped(&o, named->name)) continue;
        gan_tensor *term = gani_orthogonal_penalty(tape, named->tensor, o.form);
        sum = sum == NULL ? term : gani_add(tape, sum, term);
    }
    if (sum == NULL)
        sum = gani_tape_fail(
            tape, GAN_E_ARGUMENT,
            "orthogonal: the layer has no trainable weight of a linear layer, a convolution or an embedding "
            "that is not skipped");
    return gani_layer_leave(tape, gani_affine(tape, sum, o.weight, 0));
}

/* ---- differentiable augmentation ---- */

GAN_API void gan_diff_augment_options_init_sized(gan_diff_augment_options *options, size_t size) {
    gan_diff_augment_options defaults = {.color = 1,
                                         .translation = 1,
                                         .cutout = 1,
                                         .brightness = 0.5,
                                         .saturation = 1,
                                         .contrast = 0.5,
                                         .shift = 0.125,
                                         .cut = 0.5};
    gani_options_init(options, size, &defaults, sizeof defaults);
}

static int check_augment(gan_tape *tape, const gan_diff_augment_options *o) {
    const gani_range ranges[] = {{"color", o->color, 0, 1},
                                 {"translation", o->translation, 0, 1},
                                 {"cutout", o->cutout, 0, 1},
                                 {"brightness", o->brightness, 0, GANI_ANY_SIZE},
                                 {"saturation", o->saturation, 0, GANI_ANY_SIZE},
                                 {"contrast", o->contrast, 0, GANI_ANY_SIZE},
                                 {"shift", o->shift, 0, 1},
                                 {"cut", o->cut, 0, 1}};
    if (o->reserved != 0)
        gani_tape_fail(tape, GAN_E_UNSUPPORTED, "diff_augment: %s", gani_options_trouble(GAN_E_UNSUPPORTED));
    return !gani_failed(tape) && gani_tape_ranges(tape, "diff_augment", ranges, 8);
}

GAN_API gan_tensor *gan_diff_augment(gan_tape *tape, gan_tensor *x, const gan_diff_augment_options *options) {
    GANI_ENTER();
    gan_diff_augment_options o;
    gan_diff_augment_options_init(&o);
    if (!gani_operands(tape, "diff_augment", &x, 1) || !gani_tape_decode(tape, "diff_augment", options, &o, sizeof o) ||
        !check_augment(tape, &o) || !gani_maps_ready(tape, "diff_augment", x))
        return gani_inert(tape);
    gani_layer_enter(tape);
    gan_tensor *draws = gani_uniform(tape, GAN_F64, gan_shape_2d(x->shape.size[0], GANI_AUGMENT_DRAWS), 0, 1);
    gan_tensor *y = gani_failed(tape) ? draws : gani_diff_augment(tape, x, &o, draws);
    gani_tape_drop(tape, draws);
    return gani_layer_leave(tape, y);
}
