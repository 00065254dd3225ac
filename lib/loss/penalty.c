/* Penalties on the critic's slope: R1, R2 and those on the distance of its norm from a target. */
#include "loss/terms.h"

/* Untracked: of what lies between, nothing is wanted again. */
static gan_tensor *between(gan_tape *tape, gan_tensor *real, gan_tensor *fake) {
    gan_shape shape = real->shape;
    for (int32_t i = 1; i < shape.rank; i++) shape.size[i] = 1;
    gan_tensor *t = gani_uniform(tape, real->dtype, shape, 0, 1);
    gan_tensor *difference = gani_sub(tape, fake, real), *moved = gani_mul(tape, t, difference);
    gan_tensor *x = gani_add(tape, real, moved);
    gani_tape_drop(tape, t);
    gani_tape_drop(tape, difference);
    gani_tape_drop(tape, moved);
    return x;
}

gan_tensor *gani_penalty_points(gan_tape *tape, const gani_penalty *penalty, gan_tensor *real, gan_tensor *fake) {
    gan_tensor *read[2] = {penalty->where == GAN_PENALTY_FAKE ? NULL : real,
                           penalty->where == GAN_PENALTY_REAL ? NULL : fake};
    if (!gani_op_ready(tape, "penalty_points", read, 2)) return &tape->inert;
    gan_tensor *first = read[0] != NULL ? read[0] : read[1];
    char a[GANI_SHAPE_TEXT], b[GANI_SHAPE_TEXT];
    if (first->shape.rank == 0)
        return gani_tape_fail(tape, GAN_E_SHAPE, "penalty_points: a single number has no batch axis");
    if (read[0] != NULL && read[1] != NULL && !gan_shape_equal(real->shape, fake->shape))
        return gani_tape_fail(tape, GAN_E_SHAPE,
                              "penalty_points: reals are %s, fakes %s; points between them need equal shapes",
                              gani_shape_text(real->shape, a), gani_shape_text(fake->shape, b));
    for (int i = 0; i < 2; i++)
        if (read[i] != NULL) read[i] = gani_detach(tape, read[i]);
    if (gani_failed(tape)) return &tape->inert;
    return gani_watch(tape, read[0] == NULL ? read[1] : read[1] == NULL ? read[0] : between(tape, read[0], read[1]));
}

/* The root of each element, exact, and flat where the root is below 1e-12: there it counts as 0. An epsilon under the
 * root would do as well, but for moving the norm away from its target. */
static gan_tensor *guarded_sqrt(gan_tape *tape, gan_tensor *squares) {
    gan_tensor *ones = gani_full(tape, squares->dtype, squares->shape, 1);
    gan_tensor *live = gani_leaky_relu_grad(tape, gani_add_scalar(tape, gani_detach(tape, squares), -1e-24), ones, 0);
    gan_tensor *safe = gani_add(tape, gani_mul(tape, squares, live), gani_affine(tape, live, -1, 1));
    return gani_mul(tape, gani_sqrt(tape, safe), live);
}

gan_tensor *gani_penalty_term(gan_tape *tape, const gani_penalty *penalty, gan_tensor *scores, gan_tensor *x) {
    gan_tensor *both[2] = {scores, x}, *slopes[2] = {NULL, NULL};
    if (!gani_op_ready(tape, "penalty", both, 2)) return &tape->inert;
    if (x->shape.rank == 0) return gani_tape_fail(tape, GAN_E_SHAPE, "penalty: a single number has no batch axis");
    if (!x->tracked)
        return gani_tape_fail(tape, GAN_E_ARGUMENT,
                              "penalty: the points are not tracked; take them from gan_loss_penalty_points");
    /* the scores' own gradient is asked for so that a walk which does not find x is told apart from a failed one */
    if (scores->tape == tape && scores->tracked)
        gani_gradients(tape, scores, NULL, both, 2, GAN_GRAD_DIFFERENTIABLE | GANI_GRAD_EXISTING, slopes);
    if (gani_failed(tape)) return &tape->inert;
    if (slopes[1] == NULL)
        return gani_tape_fail(tape, GAN_E_ARGUMENT,
                              "penalty: the scores do not depend on the points; apply the critic to the very tensor "
                              "that gan_loss_penalty_points gave, with recording on");
    uint32_t axes = ((1u << x->shape.rank) - 1) & ~1u;
    gan_tensor *squares = gani_sum_axes(tape, gani_square(tape, slopes[1]), axes, 0);
    if (penalty->squared) return gani_affine(tape, gani_mean(tape, squares), penalty->weight, 0);
    if (gani_failed(tape)) return &tape->inert;
    gan_tensor *excess = gani_add_scalar(tape, guarded_sqrt(tape, squares), -penalty->target);
    if (penalty->one_sided) excess = gani_leaky_relu(tape, excess, 0);
    return gani_affine(tape, gani_mean(tape, gani_square(tape, excess)), penalty->weight, 0);
}

gan_tensor *gani_drift_penalty(gan_tape *tape, gan_tensor *scores, double weight) {
    return gani_affine(tape, gani_mean(tape, gani_square(tape, scores)), weight, 0);
}

const gani_loss_type gani_loss_penalty_type = {.name = "gradient penalty", .options_size = sizeof(gani_penalty)};
