/* Historical averaging (Salimans et al. 2016, 3.2). */
#include "loss/loss.h"

typedef struct history {
    gan_loss_historical_averaging_options options;
    gan_tensor **parameters; /* `count`, retained; state[i] is the average of number i, and the last one counts */
    int32_t count;
} history;

static void drop(gan_loss *loss) {
    const history *h = gani_loss_options(loss);
    for (int32_t i = 0; i < h->count; i++) gani_tensor_drop(h->parameters[i]);
    gani_free(loss->context, h->parameters);
}

const gani_loss_type gani_loss_history = {.name = "historical_averaging", .options_size = sizeof(history)};

/* The averages are in the parameters' own type: as running means, not sums, they do not lose digits over time. */
static gan_status add_averages(gan_loss *loss, const gani_named *tensors, int32_t count) {
    const history *h = gani_loss_options(loss);
    gan_status status = GAN_OK;
    int32_t at = 0;
    for (int32_t i = 0; i < count && status == GAN_OK; i++) {
        if (!tensors[i].is_parameter) continue;
        const gan_tensor *parameter = h->parameters[at++] = gan_tensor_retain(tensors[i].tensor);
        status = gani_loss_add_state(loss, "average", tensors[i].name, parameter->dtype, parameter->shape);
    }
    return status != GAN_OK ? status : gani_loss_add_state(loss, "", "updates", GAN_F64, gan_shape_0d());
}

gan_status gani_history_create(gan_loss **out, gan_context *context, const gani_named *tensors, int32_t count,
                               const gan_loss_historical_averaging_options *options) {
    history h = {.options = *options};
    *out = NULL;
    for (int32_t i = 0; i < count; i++) h.count += tensors[i].is_parameter;
    h.parameters = gani_calloc(context, (size_t)h.count, sizeof *h.parameters);
    if (h.parameters == NULL) return gani_no_memory(context, gani_loss_history.name);
    gan_loss *loss;
    gan_status status = gani_loss_new(&loss, context, &gani_loss_history, &h);
    if (status != GAN_OK) {
        gani_free(context, h.parameters);
        return status;
    }
    loss->drop = drop;
    status = add_averages(loss, tensors, count);
    if (status != GAN_OK)
        gani_loss_drop(loss);
    else
        *out = loss;
    return status;
}

static double *updates(const gan_loss *loss) { return loss->state[loss->state_count - 1].tensor->data; }

gan_tensor *gani_history(gan_tape *tape, const gan_loss *loss) {
    const history *h = gani_loss_options(loss);
    gan_tensor *sum = NULL;
    for (int32_t i = 0; i < h->count; i++) {
        gan_tensor *p = h->parameters[i];
        gan_tensor *average = *updates(loss) > 0 ? loss->state[i].tensor : gani_detach(tape, p);
        gan_tensor *square = gani_sum(tape, gani_square(tape, gani_sub(tape, p, average)));
        sum = sum == NULL ? square : gani_add(tape, sum, square);
    }
    return gani_affine(tape, sum, h->options.weight, 0);
}

void gani_history_update(gan_loss *loss) {
    const history *h = gani_loss_options(loss);
    double t = ++*updates(loss);
    for (int32_t i = 0; i < h->count; i++) {
        gan_tensor *average = loss->state[i].tensor;
        const gan_tensor *p = h->parameters[i];
        if (gani_count(p) == 0) continue;
        gani_kernels_for(loss->context, p->dtype)->lerp(gani_count(p), 1 / t, p->data, average->data);
        gani_tensor_touch(average);
    }
}
