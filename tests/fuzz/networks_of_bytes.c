/* Networks through the builder, good and bad ones. */
#include <string.h>

#include "fuzz.h"
#include "nn/layer.h"

static const char *const names[] = {"a", "b", "input", "2", "", "x y"};
static const char *name_of(fuzz_bytes *bytes) { return names[fuzz_u8(bytes) % (sizeof names / sizeof names[0])]; }

static void weights_of(fuzz_bytes *bytes, gan_weight_options *options) {
    gan_weight_options_init(options);
    uint8_t choice = fuzz_u8(bytes);
    options->bias = choice & 1;
    if (choice & 2) {
        int64_t *words[] = {&options->output_padding, &options->kernel_w,         &options->stride_w,
                            &options->padding_w,      &options->dilation,         &options->dilation_w,
                            &options->groups,         &options->output_padding_w, &options->power_iterations,
                            &options->compensated};
        for (int edits = 1 + choice / 64; edits > 0; edits--) {
            uint8_t which = fuzz_u8(bytes);
            *words[which % (sizeof words / sizeof words[0])] = fuzz_int(bytes);
        }
    }
    if (choice & 4) {
        uint8_t form = fuzz_u8(bytes);
        options->form = form % 8 - 1;
        options->compensation = form / 8 % 8 - 1;
    }
    if (choice > 250) options->struct_size = choice;
}

/* A network of its own, once or twice, under a name or none. */
static void add_network(gan_builder *b, fuzz_bytes *bytes) {
    const gan_layer *outer = gani_builder_layer(b);
    if (outer == NULL || gani_builder_failed(b)) return;
    uint8_t choice = fuzz_u8(bytes);
    gan_builder *inner = gan_builder_begin(outer->context, gan_builder_shape(b));
    gan_builder_set_dtype(inner, outer->dtype);
    if (choice & 1) gan_add_linear(inner, 1 + choice % 3, NULL);
    if (choice & 2) gan_builder_output(inner, name_of(bytes));
    if (choice & 4) gan_add_tanh(inner);
    gan_layer *layer = NULL;
    if (fuzz_status(outer->context, gan_builder_end(&layer, inner)) == GAN_OK) {
        gan_add_layer(b, layer, choice & 8 ? name_of(bytes) : NULL);
        if (choice & 16) gan_add_layer(b, layer, NULL);
    }
    gan_layer_release(layer);
}

/* Layers of ProGAN and StyleGAN. */
static void add_style(gan_builder *b, fuzz_bytes *bytes) {
    uint8_t choice = fuzz_u8(bytes);
    switch (choice % 8) {
    case 0: {
        gan_minibatch_std_options o;
        gan_minibatch_std_options_init(&o);
        if (choice & 8) o.group = fuzz_int(bytes);
        if (choice & 16) o.epsilon = fuzz_number(bytes);
        gan_add_minibatch_std(b, &o);
        break;
    }
    case 1: {
        gan_adaptive_instance_norm_options o;
        gan_adaptive_instance_norm_options_init(&o);
        o.one_plus = choice >> 3 & 1;
        gan_add_adaptive_instance_norm(b, name_of(bytes), &o);
        break;
    }
    case 2: {
        gan_noise_injection_options o;
        gan_noise_injection_options_init(&o);
        o.per_channel = choice >> 3 & 1;
        o.evaluation = choice >> 4 & 3;
        gan_add_noise_injection(b, &o);
        gan_add_gaussian_noise(b, fuzz_number(bytes), NULL);
        break;
    }
    case 3: {
        gan_blur_options o;
        gan_blur_options_init(&o);
        o.count = fuzz_u8(bytes) % 10;
        o.normalise = choice >> 3 & 1;
        if (choice & 16) o.stride = fuzz_int(bytes);
        if (choice & 32) o.before = fuzz_int(bytes);
        if (choice & 64) o.after = fuzz_int(bytes);
        if (choice & 128) o.taps[fuzz_u8(bytes) % 8] = fuzz_number(bytes);
        gan_add_blur(b, &o);
        break;
    }
    case 4:
    case 5: {
        gan_weight_options weights;
        weights_of(bytes, &weights);
        int64_t channels = fuzz_int(bytes), kernel = fuzz_int(bytes);
        if (choice & 1)
            gan_add_upsample_conv2d(b, channels, kernel, &weights);
        else
            gan_add_conv2d_downsample(b, channels, kernel, &weights);
        break;
    }
    case 6: {
        gan_truncation_options o;
        gan_truncation_options_init(&o);
        if (choice & 8) o.psi = fuzz_number(bytes);
        if (choice & 16) o.decay = fuzz_number(bytes);
        gan_add_truncation(b, &o);
        gan_add_pixel_norm(b, NULL);
        break;
    }
    default:
        if (choice & 8)
            gan_add_constant(b, fuzz_shape(bytes, 1));
        else
            gan_add_fade(b, name_of(bytes));
    }
}

static void add_residual(gan_builder *b, fuzz_bytes *bytes) {
    gan_residual_options o;
    gan_residual_options_init(&o);
    uint8_t choice = fuzz_u8(bytes);
    o.resample = choice & 3;
    o.batch_norm = choice >> 2 & 1;
    o.preactivation = choice >> 3 & 1;
    o.shortcut = (choice >> 4 & 3) - 1;
    if (choice & 64) o.hidden = fuzz_int(bytes);
    if (choice & 128) o.labels = name_of(bytes);
    o.classes = fuzz_u8(bytes);
    if (o.classes > 200) o.condition = name_of(bytes);
    gan_add_residual_block(b, fuzz_int(bytes), &o);
}

/* Layers for conditions, and those that look at a batch as a whole. */
static void add_conditional(gan_builder *b, fuzz_bytes *bytes) {
    gan_minibatch_discrimination_options minibatch;
    gan_virtual_batch_norm_options virtual_norm;
    uint8_t choice = fuzz_u8(bytes);
    const char *name = name_of(bytes);
    int64_t size = fuzz_int(bytes);
    switch (choice % 12) {
    case 0:
        gan_minibatch_discrimination_options_init(&minibatch);
        minibatch.include_self = choice >> 4 & 1;
        minibatch.bias = choice >> 5 & 1;
        minibatch.weight_norm = choice >> 6 & 1;
        gan_add_minibatch_discrimination(b, size, fuzz_int(bytes), &minibatch);
        break;
    case 1:
        gan_virtual_batch_norm_options_init(&virtual_norm);
        virtual_norm.affine = choice >> 4 & 1;
        virtual_norm.combine = choice >> 5 & 1;
        if (choice > 200) virtual_norm.epsilon = fuzz_number(bytes);
        gan_add_virtual_batch_norm(b, &virtual_norm);
        break;
    case 2:
        gan_add_conditional_batch_norm(b, name, size, NULL);
        break;
    case 3:
        gan_add_modulated_batch_norm(b, name, name_of(bytes), NULL);
        break;
    case 4:
        gan_add_conditional_batch_norm_vector(b, name, NULL, NULL);
        break;
    case 5:
        gan_add_one_hot(b, size);
        break;
    case 6:
        gan_add_replicate(b, size, fuzz_int(bytes));
        break;
    case 7:
        gan_add_concat_spatial(b, name);
        break;
    case 8:
        gan_add_slice(b, size, fuzz_int(bytes));
        break;
    case 9:
        gan_add_projection(b, name, size, NULL);
        break;
    case 10:
        gan_add_global_sum_pool(b);
        gan_add_inner_product(b, name);
        break;
    default:
        if (choice & 16)
            gan_add_cyclegan_block(b, choice & 32 ? fuzz_number(bytes) : 0, NULL);
        else
            add_residual(b, bytes);
    }
}

/* Masked convolutions and what walks over images. */
static void add_pixel_layer(gan_builder *b, fuzz_bytes *bytes) {
    gan_masked_conv_options masked;
    gan_pixel_lstm_options lstm;
    gan_masked_conv_options_init(&masked);
    gan_pixel_lstm_options_init(&lstm);
    uint8_t choice = fuzz_u8(bytes);
    int64_t channels = fuzz_int(bytes), kernel = fuzz_int(bytes);
    masked.bias = lstm.bias = choice & 1;
    lstm.learned_state = choice >> 1 & 1;
    if (choice & 4) masked.colors = lstm.colors = fuzz_int(bytes);
    if (choice & 8) masked.kernel_w = fuzz_int(bytes);
    if (choice & 16)
        gan_add_masked_conv2d(b, channels, kernel, choice >> 5, &masked);
    else if (choice & 32)
        gan_add_row_lstm(b, channels, kernel, &lstm);
    else
        gan_add_diagonal_bilstm(b, channels, &lstm);
}

static void add_attention(gan_builder *b, fuzz_bytes *bytes) {
    gan_weight_options weights;
    gan_self_attention_options attention;
    gan_self_attention_options_init(&attention);
    weights_of(bytes, &weights);
    if (fuzz_u8(bytes) & 1) attention.weights = &weights;
    attention.key_channels = fuzz_int(bytes);
    attention.value_channels = fuzz_int(bytes);
    attention.pool = fuzz_int(bytes);
    attention.output = fuzz_u8(bytes) & 1;
    gan_add_self_attention(b, &attention);
}

static void add_more(gan_builder *b, fuzz_bytes *bytes) {
    switch (fuzz_u8(bytes) % 4) {
    case 0:
        add_style(b, bytes);
        break;
    case 1:
        add_pixel_layer(b, bytes);
        break;
    case 2:
        add_attention(b, bytes);
        break;
    default:
        add_conditional(b, bytes);
    }
}

static void add_layer(gan_builder *b, fuzz_bytes *bytes) {
    gan_weight_options weights;
    gan_batch_norm_options norm;
    switch (fuzz_u8(bytes) % 32) {
    case 0:
        weights_of(bytes, &weights);
        gan_add_linear(b, fuzz_int(bytes), &weights);
        break;
    case 1:
    case 2: {
        weights_of(bytes, &weights);
        int64_t channels = fuzz_int(bytes), kernel = fuzz_int(bytes), stride = fuzz_int(bytes);
        gan_add_conv2d(b, channels, kernel, stride, fuzz_int(bytes), &weights);
        break;
    }
    case 3:
    case 4: {
        weights_of(bytes, &weights);
        int64_t channels = fuzz_int(bytes), kernel = fuzz_int(bytes), stride = fuzz_int(bytes);
        gan_add_conv_transpose2d(b, channels, kernel, stride, fuzz_int(bytes), &weights);
        break;
    }
    case 5:
        gan_batch_norm_options_init(&norm);
        norm.affine = fuzz_u8(bytes) % 2;
        norm.track_running_stats = fuzz_u8(bytes) % 2;
        if (fuzz_u8(bytes) > 200) norm.epsilon = fuzz_number(bytes);
        if (fuzz_u8(bytes) > 200) norm.momentum = fuzz_number(bytes);
        gan_add_batch_norm(b, &norm);
        break;
    case 6:
        gan_add_relu(b);
        break;
    case 7:
        gan_add_leaky_relu(b, fuzz_number(bytes));
        break;
    case 8:
        gan_add_tanh(b);
        gan_add_sigmoid(b);
        break;
    case 9:
        gan_add_reshape(b, fuzz_shape(bytes, 1));
        break;
    case 10:
        gan_add_flatten(b);
        break;
    case 11:
        gan_add_sum(b, name_of(bytes));
        break;
    case 12:
        gan_add_concat(b, name_of(bytes));
        break;
    case 13:
        gan_builder_label(b, name_of(bytes));
        break;
    case 15: {
        gan_instance_norm_options instance;
        gan_layer_norm_options layer;
        gan_instance_norm_options_init(&instance);
        gan_layer_norm_options_init(&layer);
        uint8_t choice = fuzz_u8(bytes);
        instance.affine = layer.affine = choice & 1;
        if (choice > 200) instance.epsilon = layer.epsilon = fuzz_number(bytes);
        if (choice & 2)
            gan_add_instance_norm(b, &instance);
        else
            gan_add_layer_norm(b, &layer);
        break;
    }
    case 16:
        gan_add_softplus(b);
        gan_add_product(b, name_of(bytes));
        break;
    case 17:
        gan_add_global_avg_pool(b);
        break;
    case 18: {
        int64_t factor = fuzz_int(bytes);
        gan_add_upsample(b, factor, fuzz_u8(bytes) % 4);
        break;
    }
    case 19:
    case 20: {
        int64_t kernel = fuzz_int(bytes), stride = fuzz_int(bytes), padding = fuzz_int(bytes);
        if (kernel & 1)
            gan_add_avg_pool2d(b, kernel, stride, padding);
        else
            gan_add_max_pool2d(b, kernel, stride, padding);
        break;
    }
    case 28: {
        int64_t sides[4];
        for (int i = 0; i < 4; i++) sides[i] = fuzz_int(bytes);
        gan_add_pad2d(b, sides[0], sides[1], sides[2], sides[3], fuzz_u8(bytes) % 4);
        break;
    }
    case 29:
        gan_add_elu(b, fuzz_number(bytes));
        gan_add_prelu(b, fuzz_int(bytes), fuzz_number(bytes));
        gan_add_dropout(b, fuzz_number(bytes));
        break;
    case 30:
        gan_add_maxout(b, fuzz_int(bytes));
        if (fuzz_u8(bytes) & 1)
            gan_add_softmax(b);
        else
            gan_add_log_softmax(b);
        break;
    case 31: {
        int64_t count = fuzz_int(bytes), size = fuzz_int(bytes);
        weights_of(bytes, &weights);
        gan_add_embedding_with(b, count, size, &weights);
        break;
    }
    case 14:
        gan_builder_from(b, name_of(bytes));
        break;
    case 21:
        gan_builder_split(b);
        break;
    case 22:
        gan_builder_next(b);
        break;
    case 23:
        gan_builder_join(b, fuzz_u8(bytes) % 4);
        break;
    case 24:
        gan_builder_output(b, name_of(bytes));
        break;
    case 25:
        add_network(b, bytes);
        break;
    case 26:
        add_more(b, bytes);
        break;
    default: {
        const char *name = name_of(bytes);
        uint8_t choice = fuzz_u8(bytes);
        gan_shape shape = fuzz_shape(bytes, choice > 200);
        if (choice & 1)
            gan_builder_input_indices(b, name, shape, fuzz_int(bytes));
        else
            gan_builder_input(b, name, shape);
    }
    }
}

gan_layer *fuzz_network(gan_context *context, fuzz_bytes *bytes) {
    uint8_t choice = fuzz_u8(bytes);
    gan_builder *b = gan_builder_begin(context, fuzz_shape(bytes, choice > 200));
    if (choice & 1) gan_builder_set_dtype(b, choice & 2 ? GAN_F64 : (gan_dtype)fuzz_int(bytes));
    for (int layers = fuzz_u8(bytes) % 8; layers > 0; layers--) add_layer(b, bytes);
    gan_builder_shape(b);
    gan_layer *layer = NULL;
    gan_status status = fuzz_status(context, gan_builder_end(&layer, b));
    fuzz_expect((status == GAN_OK) == (layer != NULL), "a status and its result disagree");
    if (layer != NULL && choice & 4) {
        int32_t count = gan_layer_tensor_count(layer) + 1; /* the last has no name */
        const char *name = gan_layer_tensor_name(layer, fuzz_u8(bytes) % count);
        fuzz_status(context, gan_layer_tie(layer, name, gan_layer_tensor_name(layer, fuzz_u8(bytes) % count)));
        fuzz_status(context, gan_layer_set_trainable(layer, name, choice >> 3 & 1));
    }
    return layer;
}

double fuzz_cost(const gan_layer *layer) {
    double cost = 0;
    for (int32_t i = 0; i < layer->module_count; i++) {
        const gani_module *module = &layer->modules[i];
        const gani_config *config = &module->config;
        gan_shape in = gani_point_shape(layer, module->inputs[0]), out = module->output;
        if (config->network != NULL) cost += fuzz_cost(config->network);
        double padding = (double)(config->padding > config->padding_w ? config->padding : config->padding_w);
        if (config->before > padding || config->after > padding)
            padding = (double)(config->before > config->after ? config->before : config->after);
        double padded = 2 * padding, weights = 0, positions = 1;
        cost += (double)gan_shape_count(in) + (double)gan_shape_count(out);
        if (in.rank != 3 || out.rank != 3) continue;
        for (int32_t k = 0; k < module->tensor_count; k++) weights += (double)gan_tensor_count(module->tensors[k]);
        double in_positions = ((double)in.size[1] + padded) * ((double)in.size[2] + padded);
        double out_positions = ((double)out.size[1] + padded) * ((double)out.size[2] + padded);
        if (module->tensor_count == 0 && config->kernel > 0) { /* pools: windows, but none larger than the image */
            double window = (double)config->kernel * (double)config->kernel;
            cost += (double)gan_shape_count(out) * (window < in_positions ? window : in_positions);
        }
        positions = in_positions > out_positions ? in_positions : out_positions;
        if (module->type == &gani_type_diagonal_bilstm) /* on the skewed map; a step has its price, however small */
            positions = ((double)in.size[1] + 64) * (double)(in.size[1] + in.size[2]);
        if (module->type == &gani_type_row_lstm) positions += 64 * (double)in.size[1];
        cost += positions * ((double)in.size[0] + (double)out.size[0] + weights);
    }
    return cost;
}
