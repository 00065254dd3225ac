/* Path length regularisation (Karras et al. 2020, StyleGAN2, section 3.2). */
#include <math.h>

#include "loss/loss.h"

const gani_loss_type gani_loss_path_length = {.name = "path_length",
                                              .options_size = sizeof(gan_loss_path_length_options)};

gan_status gani_path_length_create(gan_loss **out, gan_context *context, const gan_loss_path_length_options *options) {
    gan_loss *loss;
    *out = NULL;
    gan_status status = gani_loss_new(&loss, context, &gani_loss_path_length, options);
    if (status == GAN_OK) status = gani_loss_add_state(loss, "", "mean", GAN_F64, gan_shape_0d());
    if (status != GAN_OK)
        gani_loss_drop(loss);
    else
        *out = loss;
    return status;
}

static double *mean_of(const gan_loss *loss) { return loss->state[0].tensor->data; }
double gani_path_length_mean(const gan_loss *loss) { return *mean_of(loss); }

/* Latents: n x D or n x L x D, none of them 0. */
static int check_latents(gan_tape *tape, const gan_tensor *w) {
    char text[GANI_SHAPE_TEXT];
    if ((w->shape.rank == 2 || w->shape.rank == 3) && gani_count(w) > 0) return 1;
    gani_tape_fail(tape, GAN_E_SHAPE,
                   "path_length: w has shape %s; it must be N x D, or N x L x D for one latent a layer, and not empty",
                   gani_shape_text(w->shape, text));
    return 0;
}

gan_tensor *gani_path_length_latents(gan_tape *tape, const gan_loss *loss, gan_tensor *w) {
    const gan_loss_path_length_options *o = gani_loss_options(loss);
    if (!check_latents(tape, w)) return &tape->inert;
    int64_t count = w->shape.size[0] / o->batch_shrink;
    if (o->batch_shrink > 1) w = gani_slice(tape, w, 0, 0, count > 0 ? count : 1);
    return gani_watch(tape, w);
}

static int check_images(gan_tape *tape, const gan_tensor *images, const gan_tensor *w) {
    char text[2][GANI_SHAPE_TEXT];
    if (images->shape.rank < 2 || gani_count(images) == 0 || images->shape.size[0] != w->shape.size[0])
        gani_tape_fail(tape, GAN_E_SHAPE,
                       "path_length: images of shape %s are not those of w, of shape %s; they must be N x C x H x W",
                       gani_shape_text(images->shape, text[0]), gani_shape_text(w->shape, text[1]));
    else if (images->dtype != w->dtype)
        gani_tape_fail(tape, GAN_E_DTYPE, "path_length: w and the images are not of one type");
    else if (!w->tracked || !images->tracked)
        gani_tape_fail(tape, GAN_E_ARGUMENT,
                       "path_length: %s not tracked; the images must be made from what gan_loss_path_length_latents or "
                       "gan_watch returns",
                       !w->tracked ? "w is" : "the images are");
    return !gani_failed(tape);
}

/* y over the root of the number of pixels */
static gan_tensor *noise(gan_tape *tape, const gan_tensor *images) {
    double pixels = 1;
    for (int32_t i = 2; i < images->shape.rank; i++) pixels *= (double)images->shape.size[i];
    return gani_affine(tape, gani_normal(tape, images->dtype, images->shape), 1 / sqrt(pixels), 0);
}

/* |J^T y| of each image. The addend keeps the root's derivative finite where the gradient is 0; 1e-12 times a length of
 * 1, it changes no digit of others. */
static gan_tensor *lengths(gan_tape *tape, gan_tensor *images, gan_tensor *w) {
    gan_tensor *g;
    gani_gradients(tape, images, noise(tape, images), &w, 1, GAN_GRAD_DIFFERENTIABLE | GANI_GRAD_EXISTING, &g);
    if (gani_failed(tape)) return &tape->inert;
    gan_tensor *squares = gani_sum_axes(tape, gani_square(tape, g), 1u << (w->shape.rank - 1), 0);
    if (w->shape.rank == 3) squares = gani_mean_axes(tape, squares, 1u << 1, 0);
    return gani_sqrt(tape, gani_add_scalar(tape, squares, 1e-24));
}

gan_tensor *gani_path_length(gan_tape *tape, gan_loss *loss, gan_tensor *images, gan_tensor *w) {
    const gan_loss_path_length_options *o = gani_loss_options(loss);
    if (!check_latents(tape, w) || !check_images(tape, images, w)) return &tape->inert;
    gan_tensor *length = lengths(tape, images, w), *mean = gani_mean(tape, gani_detach(tape, length));
    if (gani_failed(tape)) return &tape->inert;
    double a = *mean_of(loss);
    a += o->decay * (gan_tensor_item(mean, 0) - a);
    gan_tensor *penalty = gani_mean(tape, gani_square(tape, gani_add_scalar(tape, length, -a)));
    penalty = gani_affine(tape, penalty, o->weight * (double)o->interval, 0);
    if (!gani_failed(tape) && isfinite(a)) *mean_of(loss) = a; /* a mean that is no number would stay so */
    return penalty;
}
