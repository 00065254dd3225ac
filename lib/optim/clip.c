/* Norms of gradients, and what is done when they are too large. */
#include <math.h>

#include "optim/optimizer.h"

typedef struct squares_pass {
    double *partial; /* one a share */
    const char *gradient;
} squares_pass;
static void squares_share(const gani_kernels *kernels, int64_t first, int64_t count, void *argument) {
    const squares_pass *pass = argument;
    const char *g = pass->gradient + (size_t)first * kernels->element;
    pass->partial[first / GANI_SHARE_ELEMENTS] = kernels->dot(count, g, g);
}

/* The sum of a gradient's squares. Shares and their order are the tensor's alone: the same bits on any number of
 * threads. */
static double squares(const gan_optimizer *optimizer, const gan_tensor *gradient) {
    squares_pass pass = {optimizer->squares, gradient->data};
    gani_for_elements(gradient, squares_share, &pass);
    double sum = 0;
    for (int64_t i = 0; i * GANI_SHARE_ELEMENTS < gani_count(gradient); i++) sum += optimizer->squares[i];
    return sum;
}

/* a sum of squares overflows long after a gradient has become useless, so it is as good a test as looking at each */
gan_status gani_optimizer_check_finite(gan_optimizer *optimizer) {
    double sum = 0;
    for (int32_t i = 0; i < optimizer->count; i++) {
        const gan_tensor *g = optimizer->gradients[i];
        double square = g == NULL ? 0 : squares(optimizer, g);
        sum += square;
        if (isfinite(square)) continue;
        return gani_fail(optimizer->context, GAN_E_NUMERIC, "optimizer: the gradient of %s is not finite",
                         optimizer->members[i].name);
    }
    optimizer->gradient_norm = sqrt(sum);
    return GAN_OK;
}

double gani_optimizer_clip(gan_optimizer *optimizer) {
    double sum = 0;
    for (int32_t i = 0; i < optimizer->count; i++) {
        gan_tensor *g = optimizer->gradients[i];
        if (g == NULL) continue;
        if (isfinite(optimizer->max_value)) gani_clamp_values(g, optimizer->max_value);
        if (isfinite(optimizer->max_norm)) sum += squares(optimizer, g);
    }
    double factor = isfinite(optimizer->max_norm) ? optimizer->max_norm / (sqrt(sum) + 1e-6) : 1;
    return factor < 1 ? factor : 1;
}
