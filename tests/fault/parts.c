#include "parts.h"

#include <stdio.h>
#include <string.h>

#include "digest.h"
#include "networks.h"

enum { BATCH = 4 };

#define TRY(CALL)                                                                                                      \
    do {                                                                                                               \
        gan_status tried = (CALL);                                                                                     \
        if (tried != GAN_OK) return tried;                                                                             \
    } while (0)

/* ---- what the cases share ---- */

static gan_tensor *noise(const parts *p, gan_shape item) {
    gan_shape shape = gan_shape_1d(BATCH);
    for (int32_t i = 0; i < item.rank; i++) shape.size[shape.rank++] = item.size[i];
    return gan_normal(p->tape, GAN_F32, shape);
}
static gan_tensor *image(const parts *p) { return noise(p, gan_shape_3d(3, 6, 6)); }

/* Of the caller's, number `at`: 0, 1, .. limit - 1, again and again. */
static gan_status indices(parts *p, int at, gan_shape shape, int32_t limit) {
    TRY(gan_tensor_create(&p->tensors[at], p->context, GAN_I32, shape));
    int32_t *values = gan_tensor_data(p->tensors[at]);
    for (int64_t i = 0; i < gan_tensor_count(p->tensors[at]); i++) values[i] = (int32_t)(i % limit);
    return GAN_OK;
}

/* One step; then the copy of network 0, and a session of it. */
static gan_status finish(parts *p, gan_tensor *loss) {
    TRY(gan_optimizer_step(p->optimizer, p->tape, loss));
    float value = (float)gan_tensor_item(loss, 0);
    p->digest = gani_hash(p->digest, &value, sizeof value);
    for (int i = 0; i < PARTS_LAYERS; i++)
        if (p->layers[i] != NULL) p->digest = digest_layer(p->digest, p->layers[i]);
    TRY(gan_layer_clone(&p->copy, p->layers[0]));
    if (digest_layer(1, p->copy) != digest_layer(1, p->layers[0])) p->broken = "the copy is not what was copied";
    return p->sessions ? gan_session_create_for_layer(&p->session, p->layers[0], NULL) : GAN_OK;
}

/* ---- forms of weights ---- */

static gan_status weight_norm(parts *p) {
    gan_weight_options norm = networks_weight_form(GAN_WEIGHT_NORM, 0), bare = norm;
    bare.bias = 0;
    gan_builder *b = gan_builder_begin(p->context, gan_shape_3d(3, 6, 6));
    gan_add_conv2d(b, 4, 3, 1, 1, &norm);
    gan_add_batch_norm(b, NULL);
    gan_add_leaky_relu(b, 0.2);
    gan_add_conv_transpose2d(b, 3, 4, 2, 1, &norm);
    gan_add_elu(b, 1);
    gan_add_prelu(b, 3, 0.25);
    gan_add_flatten(b);
    gan_add_linear(b, 1, &bare);
    TRY(gan_builder_end(&p->layers[0], b));
    gan_sgd_options sgd;
    gan_sgd_options_init(&sgd);
    sgd.momentum = 0.9;
    TRY(gan_sgd_create(&p->optimizer, p->layers[0], &sgd));
    TRY(gan_loss_hinge_create(&p->losses[0], p->context));
    gan_tensor *x = image(p);
    uint64_t before = digest_layer(1, p->layers[0]);
    gan_status status = gan_layer_init_from_data(p->tape, p->layers[0], &x, 1);
    if ((status == GAN_OK) == (digest_layer(1, p->layers[0]) == before))
        p->broken = "init_from_data did not do all or nothing";
    TRY(status);
    before = digest_layer(1, p->layers[0]);
    status = gan_layer_move_statistics(p->tape, p->layers[0], &x, 1, 0.5);
    if ((status == GAN_OK) == (digest_layer(1, p->layers[0]) == before))
        p->broken = "move_statistics did not do all or nothing";
    TRY(status);
    gan_tensor *real = gan_layer_forward(p->tape, p->layers[0], x);
    gan_tensor *loss = gan_loss_discriminator(p->tape, p->losses[0], real, gan_layer_forward(p->tape, p->layers[0], x));
    return finish(p, gan_add(p->tape, loss, gan_orthogonal_regularization(p->tape, p->layers[0], NULL)));
}

static gan_status spectra(parts *p) {
    gan_weight_options lifted = networks_weight_form(GAN_WEIGHT_SPECTRAL_REGULARIZATION, GAN_COMPENSATION_STATIC);
    gan_weight_options kept = networks_weight_form(GAN_WEIGHT_SPECTRAL_REGULARIZATION, GAN_COMPENSATION_DYNAMIC);
    gan_weight_options projected = networks_weight_form(GAN_WEIGHT_SPECTRAL_NORM, GAN_COMPENSATION_STATIC);
    gan_builder *b = gan_builder_begin(p->context, gan_shape_3d(3, 6, 6));
    gan_add_conv2d(b, 4, 3, 2, 1, &lifted);
    gan_add_tanh(b);
    gan_add_conv_transpose2d(b, 3, 3, 1, 1, &kept);
    gan_add_tanh(b);
    gan_add_flatten(b);
    gan_add_linear(b, 4, &projected);
    gan_add_softplus(b);
    gan_add_linear(b, 1, &kept);
    TRY(gan_builder_end(&p->layers[0], b));
    TRY(gan_rmsprop_create(&p->optimizer, p->layers[0], NULL));
    TRY(gan_optimizer_set_averaging(p->optimizer, 1));
    TRY(gan_optimizer_set_clipping(p->optimizer, 1, 1));
    TRY(gan_loss_wasserstein_create(&p->losses[0], p->context, NULL));
    TRY(gan_loss_r1_create(&p->losses[1], p->context, 10));
    TRY(gan_optimizer_accumulate(p->optimizer, p->tape,
                                 gan_mean(p->tape, gan_layer_forward(p->tape, p->layers[0], image(p)))));
    gan_tensor *points = gan_loss_penalty_points(p->tape, p->losses[1], image(p), NULL);
    gan_tensor *real = gan_layer_forward(p->tape, p->layers[0], points);
    gan_tensor *fake = gan_layer_forward(p->tape, p->layers[0], image(p));
    gan_tensor *loss = gan_loss_discriminator(p->tape, p->losses[0], real, fake);
    loss = gan_add(p->tape, loss, gan_loss_penalty(p->tape, p->losses[1], real, points));
    TRY(finish(p, loss));
    TRY(gan_layer_compensate(p->tape, p->layers[0]));
    TRY(gan_loss_constrain(p->losses[0], p->layers[0]));
    p->digest = digest_layer(p->digest, p->layers[0]);
    return GAN_OK;
}

static gan_status attention(parts *p) {
    gan_weight_options spectral = networks_weight_form(GAN_WEIGHT_SPECTRAL_NORM, 0);
    gan_self_attention_options o;
    spectral.bias = 0;
    gan_self_attention_options_init(&o);
    o.weights = &spectral;
    gan_builder *b = gan_builder_begin(p->context, gan_shape_3d(3, 6, 6));
    gan_add_conv2d(b, 4, 1, 1, 0, NULL);
    gan_add_self_attention(b, &o);
    o.weights = NULL;
    o.pool = 1;
    o.output = 0;
    gan_add_self_attention(b, &o);
    gan_add_flatten(b);
    gan_add_linear(b, 1, NULL);
    TRY(gan_builder_end(&p->layers[0], b));
    TRY(gan_adam_create(&p->optimizer, p->layers[0], NULL));
    TRY(gan_loss_gradient_penalty_create(&p->losses[0], p->context, NULL));
    TRY(gan_loss_relativistic_create(&p->losses[1], p->context, NULL));
    gan_tensor *real = image(p), *fake = gan_diff_augment(p->tape, image(p), NULL);
    gan_tensor *points = gan_loss_penalty_points(p->tape, p->losses[0], real, fake);
    gan_tensor *term =
        gan_loss_penalty(p->tape, p->losses[0], gan_layer_forward(p->tape, p->layers[0], points), points);
    gan_tensor *loss = gan_loss_discriminator(p->tape, p->losses[1], gan_layer_forward(p->tape, p->layers[0], real),
                                              gan_layer_forward(p->tape, p->layers[0], fake));
    return finish(p, gan_add(p->tape, loss, term));
}

/* ---- styles ---- */

static gan_status make_style_generator(parts *p) {
    gan_weight_options equal = networks_weight_form(GAN_WEIGHT_EQUALIZED, 0);
    gan_noise_injection_options fresh;
    gan_noise_injection_options_init(&fresh);
    fresh.evaluation = GAN_NOISE_FRESH;
    gan_builder *b = gan_builder_begin(p->context, gan_shape_1d(5));
    gan_add_pixel_norm(b, NULL);
    gan_add_linear(b, 8, &equal);
    gan_add_truncation(b, NULL);
    gan_builder_label(b, "style");
    gan_add_constant(b, gan_shape_3d(4, 3, 3));
    gan_add_noise_injection(b, &fresh);
    gan_add_adaptive_instance_norm(b, "style", NULL);
    gan_add_upsample_conv2d(b, 3, 3, &equal);
    gan_builder_label(b, "old");
    gan_add_blur(b, NULL);
    gan_add_noise_injection(b, NULL);
    gan_add_fade(b, "old");
    gan_add_tanh(b);
    return gan_builder_end(&p->layers[0], b);
}

static gan_status make_resampling_critic(parts *p) {
    gan_weight_options equal = networks_weight_form(GAN_WEIGHT_EQUALIZED, 0);
    gan_builder *b = gan_builder_begin(p->context, gan_shape_3d(3, 6, 6));
    gan_add_gaussian_noise(b, 0.1, NULL);
    gan_add_upsample(b, 2, GAN_BILINEAR);
    gan_add_avg_pool2d(b, 2, 2, 0);
    gan_add_pad2d(b, 1, 1, 1, 1, GAN_PAD_REFLECT);
    gan_add_conv2d_downsample(b, 4, 3, &equal);
    gan_add_max_pool2d(b, 2, 2, 0);
    gan_add_upsample(b, 2, GAN_NEAREST);
    gan_add_instance_norm(b, NULL);
    gan_add_leaky_relu(b, 0.2);
    gan_add_minibatch_std(b, NULL);
    gan_add_global_avg_pool(b);
    gan_add_layer_norm(b, NULL);
    gan_add_linear(b, 1, &equal);
    return gan_builder_end(&p->layers[1], b);
}

static gan_status styles(parts *p) {
    TRY(make_style_generator(p));
    TRY(make_resampling_critic(p));
    TRY(gan_adamw_create(&p->optimizer, p->layers[0], NULL));
    TRY(gan_optimizer_add_layer(p->optimizer, p->layers[1], NULL));
    TRY(gan_loss_least_squares_create(&p->losses[0], p->context, NULL));
    TRY(gan_loss_path_length_create(&p->losses[1], p->context, NULL));
    gan_tensor *w = gan_loss_path_length_latents(p->tape, p->losses[1], noise(p, gan_shape_1d(5)));
    gan_tensor *images = gan_layer_forward(p->tape, p->layers[0], w);
    gan_tensor *term = gan_loss_path_length(p->tape, p->losses[1], images, w);
    gan_tensor *fake = gan_layer_forward(p->tape, p->layers[0], noise(p, gan_shape_1d(5)));
    gan_tensor *scores = gan_layer_forward(p->tape, p->layers[1], fake);
    gan_tensor *loss = gan_loss_generator(p->tape, p->losses[0], scores);
    loss = gan_add(p->tape, loss, gan_drift_penalty(p->tape, scores, 1e-3));
    return finish(p, gan_add(p->tape, loss, term));
}

/* ---- classes ---- */

static gan_status classes(parts *p) {
    enum { CLASSES = 3 };
    gan_builder *b = gan_builder_begin(p->context, gan_shape_3d(3, 6, 6));
    gan_add_dropout(b, 0.2);
    gan_add_conv2d(b, 4, 3, 2, 0, NULL);
    gan_add_maxout(b, 2);
    gan_add_flatten(b);
    gan_builder_output(b, "features");
    gan_add_minibatch_discrimination(b, 3, 2, NULL);
    gan_add_linear(b, CLASSES, NULL);
    gan_builder_output(b, "logits");
    TRY(gan_builder_end(&p->layers[0], b));
    TRY(gan_adam_create(&p->optimizer, p->layers[0], NULL));
    TRY(gan_loss_semi_supervised_create(&p->losses[0], p->context, CLASSES, NULL));
    TRY(gan_loss_feature_matching_create(&p->losses[1], p->context, NULL));
    TRY(gan_loss_historical_averaging_create(&p->losses[2], p->layers[0], NULL));
    TRY(gan_loss_historical_averaging_update(p->losses[2]));
    TRY(indices(p, 0, gan_shape_1d(BATCH), CLASSES));
    gan_tensor *seen[3][2];
    for (int i = 0; i < 3; i++) {
        gan_tensor *x = image(p);
        gan_layer_forward_many(p->tape, p->layers[0], &x, 1, seen[i], 2);
    }
    gan_cross_entropy_options smooth;
    gan_cross_entropy_options_init(&smooth);
    smooth.label_smoothing = 0.1;
    smooth.ignore = 1;
    smooth.ignore_index = 2;
    gan_tensor *loss =
        gan_loss_semi_supervised(p->tape, p->losses[0], seen[0][1], p->tensors[0], seen[1][1], seen[2][1]);
    loss = gan_add(p->tape, loss, gan_cross_entropy(p->tape, seen[0][1], p->tensors[0], &smooth));
    loss = gan_add(p->tape, loss, gan_loss_feature_matching(p->tape, p->losses[1], &seen[1][0], &seen[2][0], 1));
    loss = gan_add(p->tape, loss, gan_loss_historical_averaging(p->tape, p->losses[2]));
    TRY(gan_optimizer_step(p->optimizer, p->tape, loss));
    TRY(gan_loss_historical_averaging_update(p->losses[2]));
    gan_tape_reset(p->tape);
    gan_tensor *x = image(p);
    gan_layer_forward_many(p->tape, p->layers[0], &x, 1, seen[0], 2);
    return finish(p, gan_loss_generator(p->tape, p->losses[0], seen[0][1]));
}

/* ---- conditions ---- */

static gan_status make_conditioned(parts *p) {
    gan_residual_options residual;
    gan_residual_options_init(&residual);
    residual.resample = GAN_RESAMPLE_UP;
    residual.batch_norm = 1;
    residual.condition = "condition";
    gan_builder *b = gan_builder_begin(p->context, gan_shape_1d(5));
    gan_builder_input_indices(b, "label", gan_shape_0d(), 3);
    gan_add_embedding(b, 3, 2);
    gan_builder_label(b, "class");
    gan_builder_from(b, "input");
    gan_add_slice(b, 0, 2);
    gan_add_concat(b, "class");
    gan_builder_label(b, "condition");
    gan_builder_from(b, "input");
    gan_add_linear(b, 3 * 3 * 3, NULL);
    gan_add_reshape(b, gan_shape_3d(3, 3, 3));
    gan_add_virtual_batch_norm(b, NULL);
    gan_add_residual_block(b, 3, &residual);
    gan_add_conditional_batch_norm(b, "label", 3, NULL);
    gan_add_concat_spatial(b, "class");
    gan_add_conv2d(b, 3, 3, 1, 1, NULL);
    return gan_builder_end(&p->layers[0], b);
}

static gan_status make_projecting(parts *p) {
    gan_weight_options spectral = networks_weight_form(GAN_WEIGHT_SPECTRAL_NORM, 0);
    gan_residual_options residual;
    gan_residual_options_init(&residual);
    residual.resample = GAN_RESAMPLE_DOWN;
    residual.weight = &spectral;
    gan_builder *b = gan_builder_begin(p->context, gan_shape_3d(3, 6, 6));
    gan_builder_input_indices(b, "label", gan_shape_0d(), 3);
    gan_add_one_hot(b, 3);
    gan_builder_label(b, "one_hot");
    gan_builder_from(b, "input");
    gan_add_residual_block(b, 4, &residual);
    gan_add_cyclegan_block(b, 0, NULL);
    gan_add_global_sum_pool(b);
    gan_add_concat(b, "one_hot");
    gan_add_projection(b, "label", 3, &spectral);
    return gan_builder_end(&p->layers[1], b);
}

static gan_status conditions(parts *p) {
    TRY(make_conditioned(p));
    TRY(make_projecting(p));
    TRY(gan_adam_create(&p->optimizer, p->layers[0], NULL));
    TRY(gan_optimizer_add_layer(p->optimizer, p->layers[1], NULL));
    TRY(gan_loss_bce_create(&p->losses[0], p->context, NULL));
    TRY(gan_loss_mutual_information_create(&p->losses[1], p->context, NULL));
    TRY(gan_loss_add_categorical(p->losses[1], 3));
    TRY(gan_loss_add_uniform(p->losses[1], 2, GAN_SIGMA_LEARNED));
    TRY(indices(p, 0, gan_shape_1d(BATCH), 3));
    gan_tensor *codes = gan_loss_sample_codes(p->tape, p->losses[1], GAN_F32, BATCH);
    gan_tensor *xs[2] = {codes, p->tensors[0]}, *reference[2] = {noise(p, gan_shape_1d(5)), p->tensors[0]}, *ys[2];
    gan_layer_set_reference(p->tape, p->layers[0], reference, 2);
    gan_layer_forward_many(p->tape, p->layers[0], xs, 2, &ys[0], 1);
    gan_layer_forward_reference(p->tape, p->layers[0], reference, xs, 2, &ys[1], 1);
    gan_tensor *scores[2], *bound;
    for (int i = 0; i < 2; i++) {
        gan_tensor *judged[2] = {ys[i], p->tensors[0]};
        gan_layer_forward_many(p->tape, p->layers[1], judged, 2, &scores[i], 1);
    }
    gan_tensor *loss = gan_loss_discriminator(p->tape, p->losses[0], scores[0], scores[1]);
    gan_tensor *posterior = gan_slice(p->tape, gan_reshape(p->tape, ys[0], gan_shape_2d(BATCH, 108)), 1, 0, 7);
    loss = gan_add(p->tape, loss, gan_loss_mutual_information(p->tape, p->losses[1], posterior, codes, &bound, NULL));
    return finish(p, loss);
}

/* ---- two domains, and pairs ---- */

static gan_status pairs(parts *p) {
    for (int i = 0; i < 2; i++) {
        gan_builder *b = gan_builder_begin(p->context, gan_shape_1d(5));
        gan_add_linear(b, 5, NULL);
        gan_add_softmax(b);
        TRY(gan_builder_end(&p->layers[i], b));
    }
    TRY(gan_adam_create(&p->optimizer, p->layers[0], NULL));
    TRY(gan_optimizer_add_layer(p->optimizer, p->layers[1], NULL));
    TRY(gan_loss_cycle_create(&p->losses[0], p->context, NULL));
    TRY(gan_loss_veegan_create(&p->losses[1], p->context, NULL));
    TRY(gan_loss_bce_create(&p->losses[2], p->context, NULL));
    gan_tensor *a = noise(p, gan_shape_1d(5)), *b = noise(p, gan_shape_1d(5));
    gan_tensor *ab = gan_layer_forward(p->tape, p->layers[0], a), *ba = gan_layer_forward(p->tape, p->layers[1], b);
    gan_tensor *aba = gan_layer_forward(p->tape, p->layers[1], ab), *bab = gan_layer_forward(p->tape, p->layers[0], ba);
    gan_tensor *loss = gan_add(p->tape, gan_loss_cycle(p->tape, p->losses[0], a, aba, b, bab),
                               gan_loss_identity(p->tape, p->losses[0], a, ba, b, ab));
    loss = gan_add(p->tape, loss, gan_loss_veegan_reconstruction(p->tape, p->losses[1], a, aba));
    loss = gan_add(p->tape, loss, gan_loss_discriminator(p->tape, p->losses[1], ab, ba));
    loss = gan_add(p->tape, loss, gan_loss_matching_discriminator(p->tape, p->losses[2], ab, ba, bab));
    return finish(p, loss);
}

/* ---- pixels ---- */

static gan_status pixels(parts *p) {
    enum { LEVELS = 4, SIZE = 4, MIXTURES = 2 };
    gan_builder *b = gan_builder_begin(p->context, gan_shape_3d(1, SIZE, SIZE));
    gan_add_masked_conv2d(b, 4, 3, GAN_MASK_A, NULL);
    gan_builder_split(b);
    gan_add_row_lstm(b, 2, 3, NULL);
    gan_add_masked_conv2d(b, 4, 1, GAN_MASK_B, NULL);
    gan_builder_next(b);
    gan_builder_join(b, GAN_JOIN_SUM);
    gan_add_diagonal_bilstm(b, 2, NULL);
    gan_builder_label(b, "h");
    gan_add_masked_conv2d(b, LEVELS, 1, GAN_MASK_B, NULL);
    gan_builder_output(b, "levels");
    gan_builder_from(b, "h");
    gan_add_masked_conv2d(b, 3 * MIXTURES, 1, GAN_MASK_B, NULL);
    gan_builder_output(b, "mixture");
    TRY(gan_builder_end(&p->layers[0], b));
    TRY(gan_adam_create(&p->optimizer, p->layers[0], NULL));
    TRY(indices(p, 0, gan_shape_4d(BATCH, 1, SIZE, SIZE), LEVELS));
    gan_tensor *x = noise(p, gan_shape_3d(1, SIZE, SIZE)), *ys[2];
    gan_layer_forward_many(p->tape, p->layers[0], &x, 1, ys, 2);
    gan_tensor *loss = gan_nll_categorical(p->tape, ys[0], p->tensors[0], GAN_NATS_PER_IMAGE);
    loss = gan_add(p->tape, loss, gan_nll_logistic_mixture(p->tape, ys[1], p->tensors[0], MIXTURES, GAN_BITS_PER_DIM));
    gan_tensor *drawn = gan_categorical(p->tape, ys[0], 1);
    TRY(gan_tape_status(p->tape) == GAN_OK ? gan_tensor_clone(&p->tensors[1], drawn) : GAN_OK);
    return finish(p, loss);
}

const parts_case parts_cases[] = {
    {"weight norm", weight_norm}, {"spectra", spectra},       {"attention", attention}, {"styles", styles},
    {"classes", classes},         {"conditions", conditions}, {"pairs", pairs},         {"pixels", pixels},
};
const int parts_count = (int)(sizeof parts_cases / sizeof parts_cases[0]);

/* ---- the sweep ---- */

static void drop(parts *p) {
    gan_tape_release(p->tape);
    for (int i = 0; i < PARTS_LAYERS; i++) gan_layer_release(p->layers[i]);
    for (int i = 0; i < PARTS_LOSSES; i++) gan_loss_release(p->losses[i]);
    for (int i = 0; i < PARTS_TENSORS; i++) gan_tensor_release(p->tensors[i]);
    gan_optimizer_release(p->optimizer);
    gan_session_release(p->session);
    gan_layer_release(p->copy);
    *p = (parts){.context = p->context, .sessions = p->sessions, .broken = p->broken};
}

/* Memory is never zeros by chance: what is read before it was written shows. Of large blocks the beginning will do. */
static void *allocate_dirty(void *user, size_t alignment, size_t size) {
    void *block = host_allocator(user).allocate(user, alignment, size);
    return block == NULL ? NULL : memset(block, 0xA5, size < 16384 ? size : 16384);
}

/* From the beginning of every stream. What it made stays in `p`. */
static gan_status run(parts *p, const parts_case *c) {
    for (int32_t i = 0; i < GAN_STREAM_COUNT; i++) TRY(gan_context_set_position(p->context, i, 0));
    p->digest = GANI_HASH_START;
    TRY(gan_tape_create(&p->tape, p->context));
    return c->run(p);
}

static int complain(const parts_case *c, long long site, int stays, const char *problem, const char *message) {
    fprintf(stderr, "%s: allocation %lld fails %s: %s (message: '%s')\n", c->name, site,
            stays ? "from then on" : "once", problem, message);
    return 0;
}

/* *digest: 0, or what the results must be. *calls: how many allocations there were. */
static int check_site(const parts_case *c, int sessions, long long site, int stays, uint64_t *digest,
                      long long *calls) {
    host_memory memory = {.fail_at = site, .once = !stays};
    gan_allocator allocator = host_allocator(&memory);
    allocator.allocate = allocate_dirty;
    gan_context_options options;
    parts p = {.sessions = sessions};
    int good = 1;
    gan_context_options_init(&options);
    options.threads = 1;
    options.allocator = &allocator;
    gan_status status = gan_context_create(&p.context, &options);
    if (status == GAN_OK) status = run(&p, c);
    *calls = atomic_load(&memory.calls);
    const char *message = p.context == NULL ? "" : gan_context_error(p.context);
    if (status != GAN_OK && (status != GAN_E_MEMORY || site == 0))
        good = complain(c, site, stays, gan_status_text(status), message);
    if (status == GAN_E_MEMORY && p.context != NULL && strstr(message, "memory") == NULL)
        good = complain(c, site, stays, "the message is about something else", message);
    if (status == GAN_OK && site == 0) *digest = p.digest;
    if (status == GAN_OK && p.digest != *digest) good = complain(c, site, stays, "it succeeded with other results", "");
    memory.fail_at = 0;
    if (status != GAN_OK && p.context != NULL) {
        drop(&p);
        if (run(&p, c) != GAN_OK) good = complain(c, site, stays, "it cannot be done afterwards", message);
        if (p.digest != *digest) good = complain(c, site, stays, "it gives other results afterwards", "");
    }
    if (p.broken != NULL) good = complain(c, site, stays, p.broken, "");
    drop(&p);
    gan_context_release(p.context);
    if (atomic_load(&memory.blocks) != 0 || atomic_load(&memory.bytes) != 0)
        good = complain(c, site, stays, "memory was not given back", "");
    return good;
}

int parts_sweep(int sessions, long long coarse, long long least) {
    int good = 1;
    long long sites = 0, step = host_sweep_step(coarse);
    if (step < least) step = least;
    for (int i = 0; i < parts_count; i++) {
        const parts_case *c = &parts_cases[i];
        uint64_t digest = 0;
        long long calls = 0, needed;
        int fine = check_site(c, sessions, 0, 0, &digest, &needed);
        for (int stays = 0; stays <= 1; stays++)
            for (long long site = 1 + stays * (step > 1); site <= needed && fine; site += step, sites++)
                fine = check_site(c, sessions, site, stays, &digest, &calls);
        good &= fine;
        printf("%s: %lld allocations\n", c->name, needed);
    }
    printf("%lld failures\n", sites);
    return good && sites > 100;
}
