/* A finished network: its parts, and applying it. */
#include <string.h>

#include "nn/weight.h"

gan_layer *gani_layer_retain(gan_layer *layer) {
    atomic_fetch_add(&layer->references, 1);
    return layer;
}

void gani_layer_drop(gan_layer *layer) {
    if (layer == NULL || atomic_fetch_sub(&layer->references, 1) != 1) return;
    gan_context *context = layer->context;
    gani_layer_drop_names(layer);
    for (int32_t i = 0; i < layer->inner_count; i++) gani_free(context, layer->inner[i].path);
    for (int32_t i = 0; i < layer->module_count; i++) {
        gani_module *module = &layer->modules[i];
        for (int32_t k = 0; k < module->tensor_count; k++) gani_tensor_drop(module->tensors[k]);
        gani_layer_drop(module->config.network); /* as deep as networks may be nested */
        gani_free(context, module->config.text);
    }
    gani_free(context, layer->inner);
    gani_free(context, layer->modules);
    gani_free(context, layer->results);
    gani_free(context, layer->outputs);
    gani_free(context, layer->inputs);
    gani_free(context, layer);
    gan_context_release(context);
}

gan_shape gani_point_shape(const gan_layer *layer, int32_t point) {
    if (point < 0) return layer->inputs[-1 - point].shape;
    const gani_module_result *result = &layer->results[point];
    const gani_module *module = &layer->modules[result->module];
    if (result->index == 0) return module->output;
    return gani_point_shape(module->config.network, module->config.network->outputs[result->index].point);
}

gan_dtype gani_input_dtype(const gan_layer *layer, int32_t index) {
    return layer->inputs[index].limit > 0 ? GAN_I32 : layer->dtype;
}

int64_t gani_point_limit(const gan_layer *layer, int32_t point) {
    return point < 0 ? layer->inputs[-1 - point].limit : 0;
}

/* ---- applying ---- */

/* Values of an input of indices, whatever its strides. */
static int check_indices(gan_tape *tape, const gani_input *input, const gan_tensor *x) {
    if (x->context != tape->context || (x->tape != NULL && x->tape != tape))
        gani_tape_fail(tape, GAN_E_ARGUMENT, "layer: input '%s' belongs to another %s", input->name,
                       x->context != tape->context ? "context" : "tape");
    else if (x->gone)
        gani_tape_fail(tape, GAN_E_STATE, "layer: input '%s' has ended: its values were given back", input->name);
    else if (x->dtype != GAN_I32)
        gani_tape_fail(tape, GAN_E_DTYPE, "layer: input '%s' holds indices: it must be of type i32", input->name);
    if (gani_failed(tape)) return 0;
    int64_t count = gani_count(x), at[GAN_MAX_RANK] = {0};
    const int32_t *value = x->data;
    for (int64_t i = 0; i < count; i++) {
        if (*value < 0 || *value >= input->limit) {
            gani_tape_fail(tape, GAN_E_ARGUMENT, "layer: input '%s' holds %ld, which is not in 0 to %lld", input->name,
                           (long)*value, (long long)input->limit - 1);
            return 0;
        }
        for (int32_t axis = x->shape.rank - 1; axis >= 0; axis--) {
            value += x->strides[axis];
            if (++at[axis] < x->shape.size[axis]) break;
            value -= at[axis] * x->strides[axis];
            at[axis] = 0;
        }
    }
    return 1;
}

int gani_layer_ready(gan_tape *tape, const gan_layer *layer, gan_tensor *const *xs, int32_t count) {
    if (gani_failed(tape)) return 0;
    for (int32_t i = 0; i < count; i++) {
        gan_shape given = xs[i]->shape, expected = layer->inputs[i].shape, item = gan_shape_0d();
        item.rank = given.rank - 1;
        for (int32_t k = 0; k + 1 < given.rank; k++) item.size[k] = given.size[k + 1];
        char a[GANI_SHAPE_TEXT], b[GANI_SHAPE_TEXT];
        if (layer->inputs[i].limit == 0 && xs[i]->dtype != 0 && !gani_is_float(xs[i]->dtype)) {
            gani_tape_fail(tape, GAN_E_DTYPE, "layer: input '%s' has type %s, the network %s%s", layer->inputs[i].name,
                           xs[i]->dtype == GAN_I32 ? "i32" : "u8", layer->dtype == GAN_F64 ? "f64" : "f32",
                           layer->input_count > 1 ? ": are two inputs exchanged?" : "");
            return 0;
        }
        if (layer->inputs[i].limit == 0 && !gani_op_ready(tape, "layer", &xs[i], 1)) return 0;
        if (layer->inputs[i].limit > 0 && !check_indices(tape, &layer->inputs[i], xs[i])) return 0;
        if (given.rank < 1 || !gan_shape_equal(item, expected)) {
            gani_tape_fail(tape, GAN_E_SHAPE, "layer: input '%s' has shape %s, the network expects batch x %s",
                           layer->inputs[i].name, gani_shape_text(given, a), gani_shape_text(expected, b));
        } else if (layer->inputs[i].limit == 0 && xs[i]->dtype != layer->dtype) {
            gani_tape_fail(tape, GAN_E_DTYPE, "layer: input '%s' has type %s, the network %s", layer->inputs[i].name,
                           xs[i]->dtype == GAN_F64 ? "f64" : "f32", layer->dtype == GAN_F64 ? "f64" : "f32");
        } else if (given.size[0] != xs[0]->shape.size[0]) {
            gani_tape_fail(tape, GAN_E_SHAPE, "layer: inputs '%s' and '%s' have batches of %lld and %lld",
                           layer->inputs[0].name, layer->inputs[i].name, (long long)xs[0]->shape.size[0],
                           (long long)given.size[0]);
        }
    }
    return !gani_failed(tape);
}

static void apply(gan_tape *tape, const gani_pass *pass, const gan_layer *layer, gan_tensor *const *xs,
                  gan_tensor **ys);

/* Gives back what a module made on the way to its result and no rule reads. */
static void drop_between(gan_tape *tape, int64_t before, const gan_tensor *result) {
    for (gan_tensor *t = tape->last; t != NULL && t->sequence > before; t = t->previous)
        if (t != result && t->node != NULL && (!t->recorded || gani_can_recompute(t))) gani_tape_drop(tape, t);
}

static void apply_module(gan_tape *tape, const gani_pass *pass, const gani_module *module, gan_tensor *const *inputs,
                         gan_tensor **results) {
    if (module->config.network != NULL) {
        apply(tape, pass, module->config.network, inputs, results);
        return;
    }
    int64_t before = tape->sequence;
    if (pass->init != NULL) gani_minibatch_fit(tape, pass->init, module, inputs);
    results[0] = module->type->forward(tape, pass, module, inputs);
    if (pass->init != NULL && gani_weight_fit(tape, pass->init, module, results[0])) {
        gani_tape_drop(tape, results[0]);
        results[0] = module->type->forward(tape, pass, module, inputs);
    }
    if (module->config.registered == NULL) drop_between(tape, before, results[0]); /* the application may keep some */
    /* each result is given back on its own: it must be a tensor of its own */
    for (int32_t k = 0; k < module->input_count; k++)
        if (results[0] == inputs[k]) results[0] = gani_identity(tape, inputs[k]);
}

/* 1 if module `index` is a normalisation, and the next one a (leaky) ReLU and the only reader of its result. */
static int is_activated(const gan_layer *layer, int32_t index, double *slope) {
    const gani_module *module = &layer->modules[index], *next = module + 1;
    int is_norm = module->type == &gani_type_batch_norm || module->type == &gani_type_instance_norm;
    if (!is_norm || index + 1 == layer->module_count || layer->results[module->result].last_reader != index + 1)
        return 0;
    double known = next->type == &gani_type_relu ? 0 : next->type == &gani_type_leaky_relu ? next->config.slope : -1;
    if (known < 0) return 0;
    *slope = known;
    return 1;
}

/* What no gradient can ask for, or can compute once more, is given back at its last reader. */
static void drop_read(gan_tape *tape, const gan_layer *layer, int32_t index, gan_tensor *const *results) {
    const gani_module *module = &layer->modules[index];
    for (int32_t k = 0; k < module->input_count; k++) {
        int32_t point = module->inputs[k];
        if (point < 0 || layer->results[point].last_reader != index) continue;
        if (!results[point]->recorded || gani_can_recompute(results[point])) gani_tape_drop(tape, results[point]);
    }
}

/* Marks what the module may overwrite: values that it reads last, and once only. */
static void mark_spare(const gan_layer *layer, int32_t index, gan_tensor *const *inputs) {
    const gani_module *module = &layer->modules[index];
    if (module->type->takes != GANI_SPARE_INPUT && module->type->takes != GANI_SPARE_INPUTS) return;
    for (int32_t k = 0; k < module->input_count; k++) {
        int32_t point = module->inputs[k], times = 0;
        for (int32_t i = 0; i < module->input_count; i++) times += inputs[i] == inputs[k];
        if (point >= 0 && layer->results[point].last_reader == index && times == 1) inputs[k]->spare = 1;
    }
}

static void apply(gan_tape *tape, const gani_pass *pass, const gan_layer *layer, gan_tensor *const *xs,
                  gan_tensor **ys) {
    gan_tensor **results = gani_scratch(tape, (size_t)layer->result_count * sizeof *results);
    for (int32_t i = 0; i < layer->module_count && !gani_failed(tape); i++) {
        const gani_module *module = &layer->modules[i];
        gan_tensor *inputs[GANI_MAX_MODULE_INPUTS];
        for (int32_t k = 0; k < module->input_count; k++)
            inputs[k] = module->inputs[k] < 0 ? xs[-1 - module->inputs[k]] : results[module->inputs[k]];
        gani_pass asked = *pass;
        int activated = is_activated(layer, i, &asked.slope);
        mark_spare(layer, i, inputs);
        apply_module(tape, &asked, module, inputs, &results[module[activated].result]);
        if (!gani_failed(tape)) drop_read(tape, layer, i, results);
        i += activated;
    }
    for (int32_t i = 0; i < layer->output_count && !gani_failed(tape); i++) {
        int32_t point = layer->outputs[i].point;
        ys[i] = point < 0 ? gani_identity(tape, xs[-1 - point]) : results[point];
    }
    if (results != NULL) gani_scratch_end(tape, results);
}

int32_t gani_layer_index_of(const gan_layer *layer, const gan_tensor *tensor) {
    for (int32_t i = 0; i < layer->tensor_count; i++)
        if (layer->tensors[i].tensor == tensor) return i;
    return -1;
}

void gani_layer_pass(gan_tape *tape, const gani_pass *pass, const gan_layer *layer, gan_tensor *const *xs,
                     gan_tensor **ys) {
    gani_layer_enter(tape);
    apply(tape, pass, layer, xs, ys);
    gani_layer_leave(tape, &tape->inert);
}

void gani_layer_apply(gan_tape *tape, gan_layer *layer, int64_t reference, gan_tensor *const *xs, gan_tensor **ys) {
    const gani_pass pass = {
        .dtype = layer->dtype, .training = layer->training, .slope = GANI_NO_ACTIVATION, .reference = reference};
    gani_layer_pass(tape, &pass, layer, xs, ys);
    for (int32_t i = 0; i < layer->output_count; i++) {
        if (gani_failed(tape)) ys[i] = &tape->inert;
        if (tape->depth == 0 && ys[i]->dtype != 0) ys[i]->hidden = 0;
    }
}

void gani_layer_forward(gan_tape *tape, gan_layer *layer, gan_tensor *const *xs, int32_t count, gan_tensor **ys) {
    if (gani_layer_ready(tape, layer, xs, count)) {
        gani_layer_apply(tape, layer, 0, xs, ys);
        return;
    }
    for (int32_t i = 0; i < layer->output_count; i++) ys[i] = &tape->inert;
}

/* What is other in the copy. */
static void take_values(const gan_layer *layer, const gan_layer *copy) {
    for (int32_t i = 0; i < layer->tensor_count; i++) {
        gan_tensor *own = layer->tensors[i].tensor;
        const void *values = copy->tensors[i].tensor->data;
        size_t size = (size_t)gani_count(own) * gan_dtype_size(own->dtype);
        if (size == 0 || memcmp(own->data, values, size) == 0) continue;
        memcpy(own->data, values, size);
        gani_tensor_touch(own);
    }
}

/* On a copy of the network, so that it is done as a whole or not at all. */
void gani_layer_init_from_data(gan_tape *tape, gan_layer *layer, gan_tensor *const *xs, int32_t count) {
    if (!gani_layer_ready(tape, layer, xs, count)) return;
    if (xs[0]->shape.size[0] == 0) {
        gani_tape_fail(tape, GAN_E_SHAPE, "init_from_data: the batch is empty");
        return;
    }
    gani_data_init init = {gani_scratch(tape, (size_t)(layer->tensor_count + 1) * sizeof *init.seen), 0};
    if (init.seen == NULL) return;
    gan_layer *copy;
    gan_status status = gani_layer_clone(&copy, layer->context, layer);
    if (status != GAN_OK)
        gani_tape_fail(tape, status, "init_from_data: out of memory for a copy of the network");
    else {
        const gani_pass pass = {
            .dtype = layer->dtype, .training = layer->training, .slope = GANI_NO_ACTIVATION, .init = &init};
        gan_tensor *ys[GANI_MAX_PORTS];
        int32_t recording = tape->recording;
        tape->recording = 0;
        gani_layer_pass(tape, &pass, copy, xs, ys);
        tape->recording = recording;
        if (init.count == 0)
            gani_tape_fail(tape, GAN_E_ARGUMENT,
                           "init_from_data: no layer is fitted to data: none has a weight of the form GAN_WEIGHT_NORM, "
                           "and none is a minibatch discrimination");
        if (!gani_failed(tape)) take_values(layer, copy);
        gani_layer_drop(copy);
    }
    gani_scratch_end(tape, init.seen);
}
