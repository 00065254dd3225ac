/* What a model's inputs are, and draws of them. Element e of input i is a function of (seed, i, e) alone, so the first
 * of many are the first of few, and a part of them can be drawn without the rest. */
#include <string.h>

#include "base/rng.h"
#include "train/model.h"

const char *const gani_input_kinds[] = {"", "normal", "uniform", "image", "unit-uniform", "class", "one-hot", NULL};

const char *gani_input_trouble(const gani_input *input, int32_t kind) {
    if (kind < GAN_INPUT_NORMAL || kind > GAN_INPUT_ONE_HOT) return "is not a kind of input";
    if (input->limit > 0 && kind != GAN_INPUT_CLASS) return "is not what indices can be: GAN_INPUT_CLASS";
    if (input->limit == 0 && kind == GAN_INPUT_CLASS) return "(classes) is for inputs of indices";
    if (kind == GAN_INPUT_ONE_HOT && (input->shape.rank != 1 || input->shape.size[0] < 1))
        return "(one-hot) is for vectors";
    return NULL;
}

int gani_model_wants_images(const gan_model *model) {
    for (int32_t i = 0; i < model->layer->input_count; i++)
        if (model->kinds[i] == GAN_INPUT_IMAGE) return 1;
    return 0;
}

/* Each input has a stream of its own, beyond the ones with names; the first has GAN_STREAM_SAMPLE. */
static uint64_t stream_of(const gani_draw *draw) { return GAN_STREAM_SAMPLE + ((uint64_t)draw->index << 32); }

static int64_t draw_class(const gani_draw *draw, int64_t element, int64_t classes) {
    uint32_t lanes[4];
    gani_philox(draw->seed, stream_of(draw), (uint64_t)element / 4, lanes);
    return (int64_t)(((uint64_t)lanes[element % 4] * (uint64_t)classes) >> 32);
}

static void put_one(void *row, gan_dtype dtype, int64_t at) {
    if (dtype == GAN_F64)
        ((double *)row)[at] = 1;
    else
        ((float *)row)[at] = 1;
}

const void *gani_draw_input(const gani_draw *draw, int64_t first, int64_t count, void *room) {
    const gani_input *input = &draw->layer->inputs[draw->index];
    gan_dtype dtype = gani_input_dtype(draw->layer, draw->index);
    int64_t item = gan_shape_count(input->shape), from = first * item, end = count * item;
    size_t size = gan_dtype_size(dtype);
    if (draw->kind == GAN_INPUT_CLASS) {
        for (int64_t i = 0; i < end; i++) ((int32_t *)room)[i] = (int32_t)draw_class(draw, from + i, input->limit);
        return room;
    }
    if (draw->kind == GAN_INPUT_ONE_HOT) {
        memset(room, 0, (size_t)end * size);
        for (int64_t i = 0; i < count; i++)
            put_one((char *)room + (size_t)(i * item) * size, dtype, draw_class(draw, first + i, item));
        return room;
    }
    /* elements come in blocks of four: those before the first are drawn too */
    int64_t skip = from % 4;
    uint64_t block = (uint64_t)from / 4, stream = stream_of(draw);
    double low = draw->kind == GAN_INPUT_UNIFORM ? -1 : 0;
    if (draw->kind == GAN_INPUT_NORMAL && dtype == GAN_F64)
        gani_fill_normal_f64(draw->seed, stream, block, skip, skip + end, 0, 1, room);
    else if (draw->kind == GAN_INPUT_NORMAL)
        gani_fill_normal_f32(draw->seed, stream, block, skip, skip + end, 0, 1, room);
    else if (dtype == GAN_F64)
        gani_fill_uniform_f64(draw->seed, stream, block, skip, skip + end, low, 1, room);
    else
        gani_fill_uniform_f32(draw->seed, stream, block, skip, skip + end, low, 1, room);
    return (const char *)room + (size_t)skip * size;
}

/* Items [first, first + count) of an input. */
static gan_status draw_some(gan_tensor **out, gan_model *model, int32_t index, int64_t first, int64_t count,
                            uint64_t seed) {
    *out = NULL;
    gan_layer *layer = model->layer;
    const gani_draw draw = {layer, index, model->kinds[index], seed};
    if (draw.kind == GAN_INPUT_IMAGE)
        return gani_fail(model->context, GAN_E_UNSUPPORTED,
                         "the model's input '%s' is an image: there are no latent vectors to draw",
                         layer->inputs[index].name);
    gan_tensor *drawn;
    gan_dtype dtype = gani_input_dtype(layer, index);
    gan_shape shape = gani_with_batch(layer->inputs[index].shape, count);
    gan_status status = gani_shape_check(model->context, "batch", shape, dtype);
    if (status == GAN_OK) status = gani_tensor_new(&drawn, model->context, dtype, shape);
    if (status != GAN_OK) return status;
    size_t size = (size_t)gan_shape_count(shape) * gan_dtype_size(dtype);
    void *room = first == 0 ? drawn->data : gani_alloc(model->context, size + 3 * gan_dtype_size(dtype));
    if (room == NULL && first > 0) {
        gani_tensor_drop(drawn);
        return gani_no_memory(model->context, "batch");
    }
    const void *values = gani_draw_input(&draw, first, count, room);
    if (first > 0) {
        memcpy(drawn->data, values, size);
        gani_free(model->context, room);
    }
    gani_tensor_touch(drawn);
    *out = drawn;
    return GAN_OK;
}

gan_status gani_model_latent(gan_tensor **out, gan_model *model, int32_t index, int64_t count, uint64_t seed) {
    return draw_some(out, model, index, 0, count, seed);
}

gan_status gani_model_draw_some(gan_tensor **outs, gan_model *model, int64_t first, int64_t count, uint64_t seed) {
    int32_t inputs = model->layer->input_count;
    memset(outs, 0, (size_t)inputs * sizeof *outs);
    gan_status status = GAN_OK;
    for (int32_t i = 0; i < inputs && status == GAN_OK; i++) status = draw_some(&outs[i], model, i, first, count, seed);
    if (status != GAN_OK) gani_drop_all(outs, inputs);
    return status;
}

gan_status gani_model_draw(gan_tensor **outs, gan_model *model, int64_t count, uint64_t seed) {
    return gani_model_draw_some(outs, model, 0, count, seed);
}

int32_t gani_model_class_input(const gan_model *model, int64_t *classes) {
    for (int32_t i = 0; i < model->layer->input_count; i++) {
        const gani_input *input = &model->layer->inputs[i];
        int32_t kind = model->kinds[i];
        if (kind != GAN_INPUT_ONE_HOT && (kind != GAN_INPUT_CLASS || gan_shape_count(input->shape) != 1)) continue;
        *classes = kind == GAN_INPUT_CLASS ? input->limit : input->shape.size[0];
        return i;
    }
    *classes = 0;
    return -1;
}

void gani_set_class(gan_tensor *drawn, int64_t item, int64_t class) {
    if (drawn->dtype == GAN_I32) {
        ((int32_t *)drawn->data)[item] = (int32_t) class;
    } else {
        size_t row = (size_t)drawn->shape.size[1] * gan_dtype_size(drawn->dtype);
        char *one_hot = (char *)drawn->data + (size_t)item * row;
        memset(one_hot, 0, row);
        put_one(one_hot, drawn->dtype, class);
    }
    gani_tensor_touch(drawn);
}

void gani_drop_all(gan_tensor **tensors, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        gani_tensor_drop(tensors[i]);
        tensors[i] = NULL;
    }
}
