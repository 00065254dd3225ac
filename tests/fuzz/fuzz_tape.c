/* Calls in any order: operations, networks, gradients, optimizers, resets, views and releases, with memory that runs
 * out in between. Only what the headers forbid is avoided: handles that were given back, and tensors of a tape that was
 * reset. */
#include <string.h>

#include "fuzz.h"

#define CALLS_MOST 64
#define LAYERS 4
#define COST_MOST 1e6 /* of a network */

typedef struct world {
    gan_context *context;
    gan_tape *tape;
    fuzz_tensors tensors; /* of the tape, and the caller's own */
    gan_tensor *own[FUZZ_TENSORS];
    int own_count;
    gan_layer *layers[LAYERS];
    gan_optimizer *optimizers[LAYERS];
    gan_ema *averages[LAYERS];
    gan_loss *loss;
} world;

/* Tensors of the tape have ended; the caller's own stay. */
static void forget_tape(world *w) {
    w->tensors.count = 0;
    for (int i = 0; i < w->own_count; i++) w->tensors.list[w->tensors.count++] = w->own[i];
}

static void own(world *w, gan_status status, gan_tensor *tensor) {
    fuzz_expect((fuzz_status(w->context, status) == GAN_OK) == (tensor != NULL), "a status and its result disagree");
    if (tensor == NULL) return;
    if (w->own_count == FUZZ_TENSORS / 2) {
        gan_tensor_release(tensor);
        return;
    }
    w->own[w->own_count++] = tensor;
    if (w->tensors.count == FUZZ_TENSORS) w->tensors.count--;
    w->tensors.list[w->tensors.count++] = tensor;
}

static void make_tensor(world *w, fuzz_bytes *bytes) {
    gan_tensor *tensor = NULL, *from = fuzz_pick(bytes, &w->tensors);
    uint8_t choice = fuzz_u8(bytes);
    int32_t axes[GAN_MAX_RANK], axis;
    int64_t first;
    gan_status status;
    switch (choice % 6) {
    case 0:
    case 1: {
        gan_shape shape = fuzz_shape(bytes, choice > 200);
        status = gan_tensor_create(&tensor, w->context, choice & 16 ? GAN_F64 : GAN_F32, shape);
        if (status == GAN_OK) gan_tensor_fill_uniform(tensor, -1, 1, choice, 8, 0);
        break;
    }
    case 2:
        status = gan_tensor_clone(&tensor, from);
        break;
    case 3:
        status = gan_tensor_reshape(&tensor, from, fuzz_shape(bytes, 1));
        break;
    case 4:
        axis = (int32_t)fuzz_int(bytes), first = fuzz_int(bytes);
        status = gan_tensor_slice(&tensor, from, axis, first, fuzz_int(bytes));
        break;
    default:
        for (int i = 0; i < GAN_MAX_RANK; i++) axes[i] = fuzz_u8(bytes) % 9;
        status = gan_tensor_permute(&tensor, from, axes);
    }
    if (from != NULL || choice % 6 < 2) own(w, status, tensor);
}

static void change_tensor(world *w, fuzz_bytes *bytes) {
    gan_tensor *tensor = fuzz_pick(bytes, &w->tensors), *other = fuzz_pick(bytes, &w->tensors);
    double low = fuzz_number(bytes);
    if (tensor == NULL) return;
    switch (fuzz_u8(bytes) % 5) {
    case 0:
        fuzz_status(w->context, gan_tensor_fill(tensor, low));
        break;
    case 1:
        fuzz_status(w->context, gan_tensor_copy(tensor, other));
        break;
    case 2:
        fuzz_status(w->context,
                    gan_tensor_fill_normal(tensor, 0, low, fuzz_u64(bytes), fuzz_u64(bytes), fuzz_u64(bytes)));
        break;
    case 3:
        gan_tensor_item(tensor, fuzz_int(bytes));
        break;
    default:
        gan_tensor_data(tensor);
    }
}

/* The caller's references end before or after the tape's use of them. */
static void release_tensor(world *w, fuzz_bytes *bytes) {
    if (w->own_count == 0) return;
    int place = fuzz_u8(bytes) % w->own_count, kept = 0;
    gan_tensor *tensor = w->own[place];
    for (int i = 0; i < w->tensors.count; i++)
        if (w->tensors.list[i] != tensor) w->tensors.list[kept++] = w->tensors.list[i];
    w->tensors.count = kept;
    w->own[place] = w->own[--w->own_count];
    gan_tensor_release(tensor);
}

static void replace_layer(world *w, fuzz_bytes *bytes, int place) {
    gan_layer *layer = NULL;
    if (fuzz_u8(bytes) % 4 == 0 && w->layers[place] != NULL)
        fuzz_status(w->context, gan_layer_clone(&layer, w->layers[place]));
    else
        layer = fuzz_network(w->context, bytes);
    if (layer != NULL && fuzz_cost(layer) > COST_MOST) {
        gan_layer_release(layer);
        return;
    }
    gan_layer_release(w->layers[place]);
    w->layers[place] = layer;
}

/* What can be changed in a finished network. */
static void change_layer(world *w, fuzz_bytes *bytes, int place) {
    static const char *const names[] = {"0.weight", "1.weight",   "0.bias",    "1.bias",
                                        "2.weight", "0.0.weight", "a.0.weight"};
    gan_layer *layer = w->layers[place];
    uint8_t choice = fuzz_u8(bytes);
    if (layer == NULL) return;
    if (choice & 1) {
        const char *name = names[fuzz_u8(bytes) % 7];
        fuzz_status(w->context, gan_layer_tie(layer, name, names[fuzz_u8(bytes) % 7]));
    } else {
        fuzz_status(w->context, gan_layer_set_trainable(layer, choice & 2 ? NULL : "0", choice >> 2 & 1));
    }
    for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++)
        fuzz_expect(gan_layer_find(layer, gan_layer_tensor_name(layer, i)) == gan_layer_tensor(layer, i),
                    "two of one name");
}

/* 1 if the network takes a reference batch: others would only fail. */
static int takes_reference(const gan_layer *layer) {
    for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++)
        if (strstr(gan_layer_tensor_name(layer, i), "reference_count") != NULL) return 1;
    return 0;
}

static void forward(world *w, fuzz_bytes *bytes, int place) {
    gan_layer *layer = w->layers[place];
    uint8_t choice = fuzz_u8(bytes);
    if (layer == NULL) return;
    gan_tensor *xs[8];
    int32_t count = gan_layer_input_count(layer);
    if (choice > 240) count = (int32_t)fuzz_int(bytes);
    for (int32_t i = 0; i < 8; i++) {
        gan_shape item = gan_layer_input_shape(layer, i), shape = gan_shape_1d(choice % 4);
        for (int32_t k = 0; k < item.rank && k < GAN_MAX_RANK - 1; k++) shape.size[shape.rank++] = item.size[k];
        xs[i] = choice & 8 ? fuzz_pick(bytes, &w->tensors) : gan_normal(w->tape, gan_layer_dtype(layer), shape);
    }
    gan_layer_set_training(layer, choice & 16);
    gan_tensor *ys[8];
    int32_t outputs = gan_layer_output_count(layer) + (choice > 248);
    int32_t reference = takes_reference(layer) && count <= 8 ? choice >> 5 & 3 : 0;
    if (reference & 1) gan_layer_set_reference(w->tape, layer, xs, count);
    if (reference & 2)
        gan_layer_forward_reference(w->tape, layer, xs, xs, count, ys, outputs = outputs > 8 ? 8 : outputs);
    else if (count == 1 && outputs == 1)
        ys[0] = gan_layer_forward(w->tape, layer, xs[0]);
    else
        gan_layer_forward_many(w->tape, layer, xs, count > 8 ? 8 : count, ys, outputs = outputs > 8 ? 8 : outputs);
    for (int32_t i = 0; i < outputs; i++) fuzz_keep(bytes, &w->tensors, ys[i]);
}

static void train(world *w, fuzz_bytes *bytes, int place) {
    uint8_t choice = fuzz_u8(bytes);
    gan_layer *layer = w->layers[place];
    if (layer != NULL && (w->optimizers[place] == NULL || choice > 200)) {
        gan_adam_options options;
        gan_adam_options_init(&options);
        if (choice & 1) options.learning_rate = fuzz_number(bytes);
        gan_optimizer_release(w->optimizers[place]);
        w->optimizers[place] = NULL;
        fuzz_status(w->context, gan_adam_create(&w->optimizers[place], layer, &options));
        gan_ema_release(w->averages[place]);
        w->averages[place] = NULL;
        fuzz_status(w->context, gan_ema_create(&w->averages[place], layer, 0.5));
    }
    gan_tensor *y = fuzz_pick(bytes, &w->tensors);
    if (y == NULL || w->optimizers[place] == NULL) return;
    gan_tensor *loss = choice & 2   ? gan_loss_generator(w->tape, w->loss, y)
                       : choice & 4 ? gan_loss_discriminator(w->tape, w->loss, y, fuzz_pick(bytes, &w->tensors))
                       : choice & 8 ? y
                                    : gan_mean(w->tape, y);
    fuzz_status(w->context, choice & 16 ? gan_optimizer_accumulate(w->optimizers[place], w->tape, loss)
                                        : gan_optimizer_step(w->optimizers[place], w->tape, loss));
    if (w->averages[place] != NULL) fuzz_status(w->context, gan_ema_update(w->averages[place]));
}

static void gradients(world *w, fuzz_bytes *bytes) {
    gan_tensor *xs[3], *out[3];
    gan_tensor *y = fuzz_pick(bytes, &w->tensors);
    uint8_t choice = fuzz_u8(bytes);
    for (int i = 0; i < 3; i++) xs[i] = fuzz_pick(bytes, &w->tensors);
    gan_tensor *seed = choice & 8 ? fuzz_pick(bytes, &w->tensors) : NULL;
    if (choice & 16 && w->layers[0] != NULL) xs[0] = gan_layer_tensor(w->layers[0], fuzz_u8(bytes) % 4);
    int32_t count = choice > 240 ? (int32_t)fuzz_int(bytes) : 1 + choice % 3;
    gan_gradients(w->tape, y, seed, xs, count > 3 ? 3 : count, choice >> 5 & 3, out);
    for (int i = 0; i < count && i < 3; i++) fuzz_keep(bytes, &w->tensors, out[i]);
}

/* Tensors after the mark have ended: a list that knows only what was there at the mark. */
static void rewind_tape(world *w, fuzz_bytes *bytes) {
    fuzz_tensors before = w->tensors;
    int64_t mark = gan_tape_mark(w->tape);
    for (int i = fuzz_u8(bytes) % 8; i > 0; i--)
        fuzz_keep(bytes, &w->tensors, fuzz_operation(w->tape, bytes, &w->tensors));
    fuzz_status(w->context, gan_tape_rewind(w->tape, mark));
    w->tensors = before;
    if (fuzz_u8(bytes) > 240 && gan_tape_rewind(w->tape, fuzz_int(bytes)) == GAN_OK) forget_tape(w);
}

static void call(world *w, fuzz_bytes *bytes) {
    uint8_t choice = fuzz_u8(bytes);
    int place = choice >> 6;
    gan_tensor *made;
    switch (choice % 16) {
    case 0:
    case 1:
        make_tensor(w, bytes);
        break;
    case 2:
        change_tensor(w, bytes);
        break;
    case 3:
        release_tensor(w, bytes);
        break;
    case 4:
        replace_layer(w, bytes, place);
        break;
    case 5:
    case 6:
        forward(w, bytes, place);
        break;
    case 7:
        train(w, bytes, place);
        break;
    case 8:
        gradients(w, bytes);
        break;
    case 9:
        rewind_tape(w, bytes);
        break;
    case 10:
        gan_layer_release(w->layers[place]);
        w->layers[place] = NULL;
        break;
    case 12:
        change_layer(w, bytes, place);
        break;
    case 11:
        if (fuzz_u8(bytes) % 4 == 0)
            gan_tape_set_recording(w->tape, fuzz_u8(bytes) & 1);
        else
            fuzz_fail_allocation(fuzz_u8(bytes) % 32);
        break;
    default:
        made = fuzz_operation(w->tape, bytes, &w->tensors);
        fuzz_keep(bytes, &w->tensors, made);
    }
    if (fuzz_tape_status(w->tape) != GAN_OK || choice == 255) {
        gan_tape_reset(w->tape);
        forget_tape(w);
    }
}

static void end(world *w, int tape_first) {
    if (tape_first) gan_tape_release(w->tape);
    for (int i = 0; i < LAYERS; i++) {
        gan_layer_release(w->layers[i]);
        gan_optimizer_release(w->optimizers[i]);
        gan_ema_release(w->averages[i]);
    }
    for (int i = 0; i < w->own_count; i++) gan_tensor_release(w->own[i]);
    gan_loss_release(w->loss);
    if (!tape_first) gan_tape_release(w->tape);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_bytes bytes = {data, size};
    world w;
    memset(&w, 0, sizeof w);
    uint8_t choice = fuzz_u8(&bytes);
    w.context = fuzz_begin_level(choice & 1 ? GAN_LEVEL_REFERENCE : GAN_LEVEL_AUTO);
    fuzz_expect(gan_tape_create(&w.tape, w.context) == GAN_OK, "no tape");
    fuzz_expect(gan_loss_bce_create(&w.loss, w.context, NULL) == GAN_OK, "no loss");
    for (int i = 0; i < CALLS_MOST && bytes.size > 0; i++) call(&w, &bytes);
    end(&w, choice & 2);
    fuzz_end(w.context);
    return 0;
}
