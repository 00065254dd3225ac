#include "work.h"

#include <stdlib.h>
#include <string.h>

#include "nn/layer.h"

static int64_t or_as(int64_t width, int64_t height) { return width == -1 ? height : width; }

/* 0 for a module without products. */
static int layer_of(work_layer *layer, const gan_layer *network, const gani_module *module, int64_t batch) {
    gan_shape in = gani_point_shape(network, module->inputs[0]), out = module->output;
    const gani_config *c = &module->config;
    *layer = (work_layer){.kind = WORK_CONV};
    if (module->type == &gani_type_linear) {
        layer->kind = WORK_DENSE;
        layer->shape = (gani_conv_shape){.n = batch, .c = in.size[0], .o = out.size[0]};
        gani_conv_shape *s = &layer->shape;
        s->h = s->w = s->oh = s->ow = s->kh = s->kw = s->stride_h = s->stride_w = s->dil_h = s->dil_w = s->groups = 1;
        return 1;
    }
    if (module->type == &gani_type_conv_transpose2d) {
        gan_shape swap = in;
        in = out, out = swap;
        layer->kind = WORK_TRANSPOSED;
    } else if (module->type != &gani_type_conv2d) {
        return 0;
    }
    layer->shape = (gani_conv_shape){.n = batch,
                                     .c = in.size[0],
                                     .h = in.size[1],
                                     .w = in.size[2],
                                     .o = out.size[0],
                                     .oh = out.size[1],
                                     .ow = out.size[2],
                                     .kh = c->kernel,
                                     .kw = or_as(c->kernel_w, c->kernel),
                                     .stride_h = c->stride,
                                     .stride_w = or_as(c->stride_w, c->stride),
                                     .pad_h = c->padding,
                                     .pad_w = or_as(c->padding_w, c->padding),
                                     .dil_h = c->dilation,
                                     .dil_w = or_as(c->dilation_w, c->dilation),
                                     .groups = c->groups};
    return 1;
}

static void add(work *w, const work_layer *layer, int direction, int64_t times) {
    int32_t i = 0;
    while (i < w->count &&
           (w->layers[i].kind != layer->kind || memcmp(&w->layers[i].shape, &layer->shape, sizeof layer->shape) != 0))
        i++;
    if (i == w->count) {
        if (w->count == WORK_LAYERS) abort(); /* no case has so many */
        w->layers[w->count++] = *layer;
    }
    w->layers[i].times[direction] += times;
}

/* One direction of layers from number `from`, of all or all but the last. */
static void add_all(work *w, const gan_layer *network, int direction, int from, int but_last, int64_t times) {
    work_layer layer, held = {0};
    int met = 0, holding = 0;
    for (int32_t i = 0; i < network->module_count; i++) {
        if (!layer_of(&layer, network, &network->modules[i], w->batch)) continue;
        if (holding) add(w, &held, direction, times);
        holding = met++ >= from;
        held = layer;
    }
    if (holding && !but_last) add(w, &held, direction, times);
}

void work_forward(work *w, const gan_layer *network, int64_t times) { add_all(w, network, WORK_FORWARD, 0, 0, times); }

void work_train(work *w, const gan_layer *network, int64_t times) {
    work_forward(w, network, times);
    add_all(w, network, WORK_WEIGHT_GRAD, 0, 0, times);
    add_all(w, network, WORK_INPUT_GRAD, 1, 0, times);
}

void work_through(work *w, const gan_layer *network, int64_t times) {
    work_forward(w, network, times);
    add_all(w, network, WORK_INPUT_GRAD, 0, 0, times);
}

void work_first_inputs(work *w, const gan_layer *network, int64_t times) {
    add_all(w, network, WORK_INPUT_GRAD, 0, 0, times);
    add_all(w, network, WORK_INPUT_GRAD, 1, 0, -times);
}

void work_penalty(work *w, const gan_layer *network, int64_t times) {
    add_all(w, network, WORK_WEIGHT_GRAD, 0, 0, times);
    add_all(w, network, WORK_FORWARD, 0, 1, times);
}

double work_layer_flop(const work_layer *layer) {
    const gani_conv_shape *s = &layer->shape;
    return 2 * (double)(s->n * s->o) * (double)(s->oh * s->ow) * (double)(s->c / s->groups * s->kh * s->kw);
}

double work_flop(const work *w) {
    double sum = 0;
    for (int32_t i = 0; i < w->count; i++)
        for (int d = 0; d < WORK_DIRECTIONS; d++) sum += (double)w->layers[i].times[d] * work_layer_flop(&w->layers[i]);
    return sum;
}
