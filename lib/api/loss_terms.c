/* Exported functions of gan/loss.h: what compares tensors and codes. */
#include <math.h>

#include "api/api.h"
#include "api/ranges.h"
#include "loss/terms.h"

static gan_tensor *mean_distance(gan_tape *tape, const char *name, gan_tensor *a, gan_tensor *b,
                                 gan_distance distance) {
    gan_tensor *inputs[2] = {a, b};
    if (!gani_operands(tape, name, inputs, 2)) return gani_inert(tape);
    gani_layer_enter(tape);
    return gani_layer_leave(tape, gani_distance(tape, name, a, b, distance, 1));
}
GAN_API gan_tensor *gan_l1_loss(gan_tape *tape, gan_tensor *a, gan_tensor *b) {
    GANI_ENTER();
    return mean_distance(tape, "l1_loss", a, b, GAN_DISTANCE_L1);
}
GAN_API gan_tensor *gan_l2_loss(gan_tape *tape, gan_tensor *a, gan_tensor *b) {
    GANI_ENTER();
    return mean_distance(tape, "l2_loss", a, b, GAN_DISTANCE_L2);
}

/* ---- feature matching ---- */

GAN_API void gan_loss_feature_matching_options_init_sized(gan_loss_feature_matching_options *options, size_t size) {
    gan_loss_feature_matching_options defaults = {.distance = GAN_DISTANCE_L2, .average = 1};
    gani_options_init(options, size, &defaults, sizeof defaults);
}

GAN_API gan_status gan_loss_feature_matching_create(gan_loss **out, gan_context *context,
                                                    const gan_loss_feature_matching_options *options) {
    GANI_ENTER();
    static const char name[] = "gan_loss_feature_matching_create";
    gan_loss_feature_matching_options o;
    gan_loss_feature_matching_options_init(&o);
    gan_status status = gani_loss_begin(out, context, name, options, &o, sizeof o);
    const gani_range ranges[] = {
        {"distance", o.distance, GAN_DISTANCE_L1, GAN_DISTANCE_L2},
        {"average", o.average, 0, 1},
        {"weight_count", (double)o.weight_count, o.weights != NULL, o.weights == NULL ? 0 : GAN_FEATURES}};
    if (status == GAN_OK) status = gani_check_ranges(context, name, ranges, 3);
    if (status != GAN_OK) return status;
    gani_matching matching = {.distance = o.distance, .average = o.average, .weight_count = o.weight_count};
    for (int64_t i = 0; i < o.weight_count; i++) {
        if (!isfinite(o.weights[i]))
            return gani_fail(context, GAN_E_ARGUMENT, "%s: weight %lld is not finite", name, (long long)i + 1);
        matching.weights[i] = o.weights[i];
    }
    return gani_loss_new(out, context, &gani_loss_matching_type, &matching);
}

GAN_API gan_tensor *gan_loss_feature_matching(gan_tape *tape, gan_loss *loss, gan_tensor *const *real,
                                              gan_tensor *const *fake, int32_t count) {
    GANI_ENTER();
    if (!gani_loss_usable(tape, loss) || !gani_loss_is(tape, loss, &gani_loss_matching_type)) return gani_inert(tape);
    if (count < 1 || count > GAN_FEATURES || real == NULL || fake == NULL)
        return gani_tape_fail(tape, GAN_E_ARGUMENT,
                              "feature_matching: %ld feature maps, or a list that is NULL; give 1 to %d in each",
                              (long)count, GAN_FEATURES);
    if (!gani_operands(tape, "feature_matching: reals", real, count) ||
        !gani_operands(tape, "feature_matching: fakes", fake, count))
        return gani_inert(tape);
    gani_layer_enter(tape);
    return gani_layer_leave(tape, gani_feature_matching(tape, gani_loss_options(loss), real, fake, count));
}

/* ---- mutual information ---- */

GAN_API void gan_loss_mutual_information_options_init_sized(gan_loss_mutual_information_options *options, size_t size) {
    gan_loss_mutual_information_options defaults = {.categorical_weight = 1,
                                                    .continuous_weight = 1,
                                                    .log_sigma_low = -3,
                                                    .log_sigma_high = 2,
                                                    .entropy = GAN_ENTROPY_EXACT};
    gani_options_init(options, size, &defaults, sizeof defaults);
}

GAN_API gan_status gan_loss_mutual_information_create(gan_loss **out, gan_context *context,
                                                      const gan_loss_mutual_information_options *options) {
    GANI_ENTER();
    static const char name[] = "gan_loss_mutual_information_create";
    gani_information information = {0};
    gan_loss_mutual_information_options *o = &information.options;
    gan_loss_mutual_information_options_init(o);
    gan_status status = gani_loss_begin(out, context, name, options, o, sizeof *o);
    if (status == GAN_OK) status = gani_options_reserved(context, name, o->reserved);
    const gani_range ranges[] = {{"categorical_weight", o->categorical_weight, 0, GANI_ANY_SIZE},
                                 {"continuous_weight", o->continuous_weight, 0, GANI_ANY_SIZE},
                                 {"log_sigma_low", o->log_sigma_low, -100, o->log_sigma_high},
                                 {"log_sigma_high", o->log_sigma_high, -100, 100},
                                 {"entropy", o->entropy, GAN_ENTROPY_EXACT, GAN_ENTROPY_UNIT_GAUSSIAN}};
    if (status == GAN_OK) status = gani_check_ranges(context, name, ranges, 5);
    if (status != GAN_OK) return status;
    return gani_loss_new(out, context, &gani_loss_information_type, &information);
}

static gan_status add_code(gan_loss *loss, const char *name, int32_t kind, int64_t count, double sigma) {
    if (loss == NULL) return gani_null(NULL, name, "the loss");
    if (loss->type != &gani_loss_information_type)
        return gani_fail(loss->context, GAN_E_ARGUMENT, "%s: a %s loss has no codes", name, loss->type->name);
    return gani_information_add(loss, name, kind, count, sigma);
}
GAN_API gan_status gan_loss_add_categorical(gan_loss *loss, int64_t count) {
    GANI_ENTER();
    return add_code(loss, "gan_loss_add_categorical", GANI_CODE_CATEGORICAL, count, 0);
}
GAN_API gan_status gan_loss_add_gaussian(gan_loss *loss, int64_t count, double sigma) {
    GANI_ENTER();
    return add_code(loss, "gan_loss_add_gaussian", GANI_CODE_GAUSSIAN, count, sigma);
}
GAN_API gan_status gan_loss_add_uniform(gan_loss *loss, int64_t count, double sigma) {
    GANI_ENTER();
    return add_code(loss, "gan_loss_add_uniform", GANI_CODE_UNIFORM, count, sigma);
}

static const gani_information *information_of(const gan_loss *loss) {
    return loss == NULL || loss->type != &gani_loss_information_type ? NULL : gani_loss_options(loss);
}
GAN_API int64_t gan_loss_code_width(const gan_loss *loss) {
    GANI_ENTER();
    const gani_information *information = information_of(loss);
    return information == NULL ? 0 : information->width;
}
GAN_API int64_t gan_loss_posterior_width(const gan_loss *loss) {
    GANI_ENTER();
    const gani_information *information = information_of(loss);
    return information == NULL ? 0 : information->posterior_width;
}

/* Of a usable loss; NULL if the tape has failed. */
static const gani_information *with_codes(gan_tape *tape, const gan_loss *loss, const char *name) {
    if (!gani_loss_is(tape, loss, &gani_loss_information_type)) return NULL;
    const gani_information *information = gani_loss_options(loss);
    if (information->code_count > 0) return information;
    gani_tape_fail(tape, GAN_E_ARGUMENT,
                   "%s: the loss has no codes; add some with gan_loss_add_categorical, _gaussian or _uniform", name);
    return NULL;
}

GAN_API gan_tensor *gan_loss_sample_codes(gan_tape *tape, gan_loss *loss, gan_dtype dtype, int64_t batch) {
    GANI_ENTER();
    if (!gani_loss_usable(tape, loss)) return gani_inert(tape);
    const gani_information *information = with_codes(tape, loss, "sample_codes");
    if (information == NULL) return gani_inert(tape);
    if (!gani_is_float(dtype))
        return gani_tape_fail(tape, GAN_E_DTYPE, "sample_codes: type %ld is not f32 or f64", (long)dtype);
    gan_status status = gani_shape_check(NULL, "sample_codes", gan_shape_2d(batch, information->width), dtype);
    if (status != GAN_OK)
        return gani_tape_fail(tape, status, "sample_codes: no tensor has %lld x %lld numbers", (long long)batch,
                              (long long)information->width);
    gani_layer_enter(tape);
    return gani_layer_leave(tape, gani_sample_codes(tape, information, dtype, batch));
}

GAN_API gan_tensor *gan_loss_mutual_information(gan_tape *tape, gan_loss *loss, gan_tensor *posterior,
                                                gan_tensor *codes, gan_tensor **bound, gan_tensor **bounds) {
    GANI_ENTER();
    gan_tensor *inputs[2] = {posterior, codes}, *total = gani_inert(tape), *each = gani_inert(tape);
    if (bound != NULL) *bound = total;
    if (bounds != NULL) *bounds = each;
    if (!gani_loss_usable(tape, loss) || !gani_operands(tape, "mutual_information", inputs, 2)) return gani_inert(tape);
    const gani_information *information = with_codes(tape, loss, "mutual_information");
    if (information == NULL) return gani_inert(tape);
    gani_layer_enter(tape);
    gan_tensor *term = gani_mutual_information(tape, information, posterior, codes, bound == NULL ? NULL : &total,
                                               bounds == NULL ? NULL : &each);
    term = gani_layer_leave(tape, term);
    if (gani_failed(tape)) return term;
    /* they are the caller's to read, too */
    if (tape->depth == 0) total->hidden = each->hidden = 0;
    if (bound != NULL) *bound = total;
    if (bounds != NULL) *bounds = each;
    return term;
}

/* ---- cycle consistency ---- */

GAN_API void gan_loss_cycle_options_init_sized(gan_loss_cycle_options *options, size_t size) {
    gan_loss_cycle_options defaults = {.weight_a = 10, .weight_b = 10, .identity = 0.5, .distance = GAN_DISTANCE_L1};
    gani_options_init(options, size, &defaults, sizeof defaults);
}

GAN_API gan_status gan_loss_cycle_create(gan_loss **out, gan_context *context, const gan_loss_cycle_options *options) {
    GANI_ENTER();
    static const char name[] = "gan_loss_cycle_create";
    gan_loss_cycle_options o;
    gan_loss_cycle_options_init(&o);
    gan_status status = gani_loss_begin(out, context, name, options, &o, sizeof o);
    if (status == GAN_OK) status = gani_options_reserved(context, name, o.reserved);
    const gani_range ranges[] = {{"weight_a", o.weight_a, 0, GANI_ANY_SIZE},
                                 {"weight_b", o.weight_b, 0, GANI_ANY_SIZE},
                                 {"identity", o.identity, 0, GANI_ANY_SIZE},
                                 {"distance", o.distance, GAN_DISTANCE_L1, GAN_DISTANCE_L2}};
    if (status == GAN_OK) status = gani_check_ranges(context, name, ranges, 4);
    if (status != GAN_OK) return status;
    return gani_loss_new(out, context, &gani_loss_cycle_type, &o);
}

/* weight_a d(xs[1], xs[0]) + weight_b d(xs[3], xs[2]); of the identity term, times its weight */
static gan_tensor *both_ways(gan_tape *tape, const char *name, gan_loss *loss, int identity, gan_tensor *const xs[4]) {
    if (!gani_loss_usable(tape, loss) || !gani_operands(tape, name, xs, 4) ||
        !gani_loss_is(tape, loss, &gani_loss_cycle_type))
        return gani_inert(tape);
    const gan_loss_cycle_options *o = gani_loss_options(loss);
    double factor = identity ? o->identity : 1;
    gani_layer_enter(tape);
    gan_tensor *a = gani_distance(tape, name, xs[1], xs[0], o->distance, 1),
               *b = gani_distance(tape, name, xs[3], xs[2], o->distance, 1);
    return gani_layer_leave(tape, gani_add(tape, gani_affine(tape, a, factor * o->weight_a, 0),
                                           gani_affine(tape, b, factor * o->weight_b, 0)));
}
GAN_API gan_tensor *gan_loss_cycle(gan_tape *tape, gan_loss *loss, gan_tensor *real_a, gan_tensor *rec_a,
                                   gan_tensor *real_b, gan_tensor *rec_b) {
    GANI_ENTER();
    return both_ways(tape, "cycle", loss, 0, (gan_tensor *const[4]){real_a, rec_a, real_b, rec_b});
}
GAN_API gan_tensor *gan_loss_identity(gan_tape *tape, gan_loss *loss, gan_tensor *real_a, gan_tensor *same_a,
                                      gan_tensor *real_b, gan_tensor *same_b) {
    GANI_ENTER();
    return both_ways(tape, "identity", loss, 1, (gan_tensor *const[4]){real_a, same_a, real_b, same_b});
}
