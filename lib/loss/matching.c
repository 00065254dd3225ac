/* Distances of tensors: of features on average, and of what came back to what was sent. */
#include "loss/terms.h"

gan_tensor *gani_distance(gan_tape *tape, const char *name, gan_tensor *a, gan_tensor *b, gan_distance distance,
                          int32_t average) {
    gan_tensor *both[2] = {a, b};
    if (!gani_op_ready(tape, name, both, 2)) return &tape->inert;
    if (!gan_shape_equal(a->shape, b->shape)) {
        char sa[GANI_SHAPE_TEXT], sb[GANI_SHAPE_TEXT];
        return gani_tape_fail(tape, GAN_E_SHAPE, "%s: tensors of shapes %s and %s cannot be compared", name,
                              gani_shape_text(a->shape, sa), gani_shape_text(b->shape, sb));
    }
    gan_tensor *difference = gani_sub(tape, a, b);
    gan_tensor *each = distance == GAN_DISTANCE_L1 ? gani_abs(tape, difference) : gani_square(tape, difference);
    return average ? gani_mean(tape, each) : gani_sum(tape, each);
}

/* One pair of maps can be compared: else the tape has failed, and says which. */
static int check_pair(gan_tape *tape, int32_t number, gan_tensor *real, gan_tensor *fake) {
    gan_shape a = real->shape, b = fake->shape;
    char sa[GANI_SHAPE_TEXT], sb[GANI_SHAPE_TEXT];
    if (real->dtype != fake->dtype)
        gani_tape_fail(tape, GAN_E_DTYPE, "feature_matching: map %d is of different types for reals and fakes",
                       (int)number);
    if (a.rank > 0 && b.rank > 0) b.size[0] = a.size[0]; /* batches may differ */
    if (a.rank == 0 || !gan_shape_equal(a, b))
        gani_tape_fail(tape, GAN_E_SHAPE,
                       "feature_matching: map %d has shape %s for reals and %s for fakes; give the same layers, batch "
                       "first, in the same order",
                       (int)number, gani_shape_text(real->shape, sa), gani_shape_text(fake->shape, sb));
    return !gani_failed(tape);
}

gan_tensor *gani_feature_matching(gan_tape *tape, const gani_matching *matching, gan_tensor *const *real,
                                  gan_tensor *const *fake, int32_t count) {
    gan_tensor *sum = NULL;
    if (matching->weight_count != 0 && matching->weight_count != count)
        return gani_tape_fail(tape, GAN_E_ARGUMENT,
                              "feature_matching: %d feature maps for %lld weights; give a weight for each map",
                              (int)count, (long long)matching->weight_count);
    for (int32_t i = 0; i < count; i++) {
        if (!check_pair(tape, i + 1, real[i], fake[i])) return &tape->inert;
        gan_tensor *means[2] = {gani_mean_axes(tape, gani_detach(tape, real[i]), 1, 0),
                                gani_mean_axes(tape, fake[i], 1, 0)};
        gan_tensor *term =
            gani_distance(tape, "feature_matching", means[1], means[0], matching->distance, matching->average);
        if (matching->weight_count != 0) term = gani_affine(tape, term, matching->weights[i], 0);
        sum = sum == NULL ? term : gani_add(tape, sum, term);
    }
    return gani_done(tape, sum);
}

const gani_loss_type gani_loss_matching_type = {.name = "feature matching", .options_size = sizeof(gani_matching)};
const gani_loss_type gani_loss_cycle_type = {.name = "cycle", .options_size = sizeof(gan_loss_cycle_options)};
