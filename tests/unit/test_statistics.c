/* Standing statistics: of a layer, of a model's own samples, of the average that a run's model is made of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gan.h>

#include "compare.h"
#include "files.h"
#include "layer_fixture.h"
#include "run_fixture.h"

#define PASSES 3
#define CHANNELS 4
#define AREA 6

/* ---- of a layer ---- */

static gan_tensor *batch(const layer_fixture *f, int pass) {
    gan_shape shape = gan_shape_4d(5 + pass, CHANNELS, 2, 3);
    return host_uniform(f->context, GAN_F64, shape, -1 - pass, 2 + pass, (uint64_t)pass + 1);
}

/* Adds a share of the batch's means and unbiased variances. */
static void add_statistics(const gan_tensor *x, double share, double *means, double *vars) {
    double *values = compare_read(x);
    int64_t items = gan_tensor_shape(x).size[0];
    double count = (double)items * AREA;
    for (int64_t c = 0; c < CHANNELS; c++) {
        double mean = 0, var = 0;
        for (int64_t i = 0; i < items * AREA; i++) mean += values[(i / AREA * CHANNELS + c) * AREA + i % AREA] / count;
        for (int64_t i = 0; i < items * AREA; i++)
            var += pow(values[(i / AREA * CHANNELS + c) * AREA + i % AREA] - mean, 2) / (count - 1);
        means[c] += share * mean;
        vars[c] += share * var;
    }
    free(values);
}

static void pass_all(const layer_fixture *f, gan_layer *layer, gan_tensor *const *extra, int32_t count) {
    for (int pass = 0; pass < PASSES; pass++) {
        gan_tensor *xs[2] = {batch(f, pass), extra == NULL ? NULL : extra[pass]};
        gan_status status = gan_layer_move_statistics(f->tape, layer, xs, count, 1.0 / (pass + 1));
        if (status != GAN_OK) fail_msg("%s", gan_tape_error(f->tape));
        gan_tape_reset(f->tape);
        gan_tensor_release(xs[0]);
    }
}

static void check_means(const layer_fixture *f, const gan_layer *layer, const char *prefix) {
    double means[CHANNELS] = {0}, vars[CHANNELS] = {0};
    for (int pass = 0; pass < PASSES; pass++) {
        gan_tensor *x = batch(f, pass);
        add_statistics(x, 1.0 / PASSES, means, vars);
        gan_tensor_release(x);
    }
    for (int which = 0; which < 2; which++) {
        char name[64];
        snprintf(name, sizeof name, "%srunning_%s", prefix, which == 0 ? "mean" : "var");
        double *actual = compare_read(gan_layer_find(layer, name));
        assert_true(compare_abs(name, actual, which == 0 ? means : vars, CHANNELS, 1e-13));
        free(actual);
    }
}

/* Whatever the momentum of the layer, and in whatever mode it is. */
static void means_over_passes(void **state) {
    layer_fixture *f = *state;
    for (int training = 0; training < 2; training++) {
        gan_batch_norm_options o;
        gan_batch_norm_options_init(&o);
        o.momentum = 0.37;
        gan_builder *b = layer_fixture_begin(f, gan_shape_3d(CHANNELS, 2, 3));
        gan_add_batch_norm(b, &o);
        gan_add_leaky_relu(b, 0.2);
        gan_layer *layer = layer_fixture_end(f, b);
        for (int i = 0; i < gan_layer_tensor_count(layer); i++)
            assert_int_equal(gan_tensor_fill(gan_layer_tensor(layer, i), 3 + i), GAN_OK);
        gan_layer_set_training(layer, training);
        pass_all(f, layer, NULL, 1);
        check_means(f, layer, "0.");
        assert_int_equal(gan_layer_is_training(layer), training);
        assert_true(gan_tensor_item(gan_layer_find(layer, "0.weight"), 0) == 3);
        assert_true(gan_tensor_item(gan_layer_find(layer, "0.bias"), 1) == 4);
        gan_layer_release(layer);
    }
}

static void of_conditional_ones(void **state) {
    layer_fixture *f = *state;
    gan_tensor *labels[PASSES], *gains[PASSES];
    for (int pass = 0; pass < PASSES; pass++) {
        int64_t items = 5 + pass;
        assert_int_equal(gan_tensor_create(&labels[pass], f->context, GAN_I32, gan_shape_1d(items)), GAN_OK);
        assert_int_equal(gan_tensor_fill(labels[pass], 1), GAN_OK);
        gains[pass] = host_uniform(f->context, GAN_F64, gan_shape_2d(items, CHANNELS), 0, 1, 9);
    }
    for (int modulated = 0; modulated < 2; modulated++) {
        gan_builder *b = layer_fixture_begin(f, gan_shape_3d(CHANNELS, 2, 3));
        if (modulated) {
            gan_builder_input(b, "gain", gan_shape_1d(CHANNELS));
            gan_builder_from(b, "input");
            gan_add_modulated_batch_norm(b, "gain", "gain", NULL);
        } else {
            gan_builder_input_indices(b, "label", gan_shape_0d(), 2);
            gan_builder_from(b, "input");
            gan_add_conditional_batch_norm(b, "label", 2, NULL);
        }
        gan_layer *layer = layer_fixture_end(f, b);
        pass_all(f, layer, modulated ? gains : labels, 2);
        check_means(f, layer, "0.");
        gan_layer_release(layer);
    }
    for (int pass = 0; pass < PASSES; pass++) {
        gan_tensor_release(labels[pass]);
        gan_tensor_release(gains[pass]);
    }
}

/* A network inside another is reached; dropout is off, power iterations rest, weights stay. */
static void everything_else_evaluates(void **state) {
    layer_fixture *f = *state;
    gan_builder *b = layer_fixture_begin(f, gan_shape_3d(CHANNELS, 2, 3));
    gan_add_dropout(b, 0.5);
    gan_add_batch_norm(b, NULL);
    gan_layer *inner = layer_fixture_end(f, b);
    gan_weight_options spectral;
    gan_weight_options_init(&spectral);
    spectral.form = GAN_WEIGHT_SPECTRAL_NORM;
    b = layer_fixture_begin(f, gan_shape_3d(CHANNELS, 2, 3));
    gan_add_layer(b, inner, "inner");
    gan_add_flatten(b);
    gan_add_linear(b, 2, &spectral);
    gan_layer *layer = layer_fixture_end(f, b);
    gan_layer *before;
    assert_int_equal(gan_layer_clone(&before, layer), GAN_OK);
    pass_all(f, layer, NULL, 1);
    check_means(f, layer, "inner.1.");
    int moved = 0;
    for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++) {
        const char *name = gan_layer_tensor_name(layer, i);
        int same = compare_same_bits(NULL, gan_layer_tensor(layer, i), gan_layer_tensor(before, i));
        if (same == (strstr(name, "running") != NULL)) fail_msg("%s %s", name, same ? "stayed" : "moved");
        moved += !same;
    }
    assert_int_equal(moved, 2);
    gan_layer_release(before);
    gan_layer_release(inner);
    gan_layer_release(layer);
}

/* A batch of one is enough for images and too little for vectors: the first layer had moved by then. */
static void all_or_nothing(void **state) {
    layer_fixture *f = *state;
    gan_builder *b = layer_fixture_begin(f, gan_shape_3d(CHANNELS, 2, 3));
    gan_add_batch_norm(b, NULL);
    gan_add_flatten(b);
    gan_add_linear(b, 2, NULL);
    gan_add_batch_norm(b, NULL);
    gan_layer *layer = layer_fixture_end(f, b), *before;
    assert_int_equal(gan_layer_clone(&before, layer), GAN_OK);
    gan_tensor *one = host_uniform(f->context, GAN_F64, gan_shape_4d(1, CHANNELS, 2, 3), -1, 1, 1);
    gan_tensor *two = host_uniform(f->context, GAN_F64, gan_shape_4d(2, CHANNELS, 2, 3), -1, 1, 1), *none = NULL;
    gan_tensor *empty = host_uniform(f->context, GAN_F64, gan_shape_4d(0, CHANNELS, 2, 3), -1, 1, 1);
    const struct {
        gan_tensor **x;
        double momentum;
        gan_status status;
        const char *says;
    } cases[] = {{&one, 1, GAN_E_SHAPE, "fewer than 2 values a channel"},
                 {&empty, 1, GAN_E_SHAPE, "fewer than 2 values a channel"},
                 {&two, 0, GAN_E_ARGUMENT, "move_statistics: momentum is 0; it must be above 0 and at most 1"},
                 {&two, 1.5, GAN_E_ARGUMENT, "momentum is 1.5"},
                 {&two, NAN, GAN_E_ARGUMENT, "momentum is nan"},
                 {&none, 1, GAN_E_ARGUMENT, "NULL"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(gan_layer_move_statistics(f->tape, layer, cases[i].x, 1, cases[i].momentum), cases[i].status);
        if (strstr(gan_tape_error(f->tape), cases[i].says) == NULL) fail_msg("message: %s", gan_tape_error(f->tape));
        gan_tape_reset(f->tape);
        for (int32_t k = 0; k < gan_layer_tensor_count(layer); k++)
            assert_true(compare_same_bits("as it was", gan_layer_tensor(layer, k), gan_layer_tensor(before, k)));
    }
    assert_int_equal(gan_layer_move_statistics(NULL, layer, &two, 1, 1), GAN_E_ARGUMENT);
    assert_int_equal(gan_layer_move_statistics(f->tape, layer, &two, 2, 1), GAN_E_ARGUMENT);
    gan_tape_reset(f->tape);
    assert_int_equal(gan_layer_move_statistics(f->tape, layer, &two, 1, 1), GAN_OK);
    assert_false(
        compare_same_bits(NULL, gan_layer_find(layer, "0.running_mean"), gan_layer_find(before, "0.running_mean")));
    gan_tensor_release(one);
    gan_tensor_release(two);
    gan_tensor_release(empty);
    gan_layer_release(before);
    gan_layer_release(layer);
}

/* Statistics that are always the batch's, and a tape that records before and after. */
static void without_running_ones(void **state) {
    layer_fixture *f = *state;
    gan_batch_norm_options o;
    gan_batch_norm_options_init(&o);
    o.track_running_stats = 0;
    gan_builder *b = layer_fixture_begin(f, gan_shape_3d(CHANNELS, 2, 3));
    gan_add_batch_norm(b, &o);
    gan_layer *layer = layer_fixture_end(f, b);
    gan_tensor *x = batch(f, 0), *weight = gan_layer_find(layer, "0.weight");
    assert_int_equal(gan_layer_move_statistics(f->tape, layer, &x, 1, 1), GAN_OK);
    gan_tensor *loss = gan_sum(f->tape, gan_layer_forward(f->tape, layer, x));
    gan_gradient(f->tape, loss, weight, 0);
    assert_int_equal(gan_tape_status(f->tape), GAN_OK);
    gan_tape_reset(f->tape);
    gan_tensor_release(x);
    gan_layer_release(layer);
}

/* ---- of a model ---- */

static gan_layer *small_generator(const layer_fixture *f) {
    gan_builder *b = layer_fixture_begin(f, gan_shape_1d(3));
    gan_add_linear(b, CHANNELS, NULL);
    gan_add_batch_norm(b, NULL);
    return layer_fixture_end(f, b);
}

/* 63 samples are one batch; 129, three of 43. */
static void of_samples(void **state) {
    layer_fixture *f = *state;
    gan_layer *layer = small_generator(f), *by_hand;
    gan_model *model;
    assert_int_equal(gan_layer_clone(&by_hand, layer), GAN_OK);
    assert_int_equal(gan_model_create(&model, layer, NULL), GAN_OK);
    for (int64_t count = 63; count <= 129; count += 66) {
        int64_t passes = count == 63 ? 1 : 3, some = count / passes;
        gan_tensor *z, *part;
        assert_int_equal(gan_model_latent(&z, model, count, 11), GAN_OK);
        for (int64_t k = 0; k < passes; k++) {
            assert_int_equal(gan_tensor_create(&part, f->context, GAN_F64, gan_shape_2d(some, 3)), GAN_OK);
            memcpy(gan_tensor_data(part), (const double *)gan_tensor_const_data(z) + k * some * 3,
                   (size_t)some * 3 * sizeof(double));
            assert_int_equal(gan_layer_move_statistics(f->tape, by_hand, &part, 1, 1 / (double)(k + 1)), GAN_OK);
            gan_tape_reset(f->tape);
            gan_tensor_release(part);
        }
        gan_tensor_release(z);
        for (int again = 0; again < 2; again++) { /* nothing is left of what was there */
            assert_int_equal(gan_model_update_statistics(model, count, 11), GAN_OK);
            for (int32_t k = 0; k < gan_layer_tensor_count(layer); k++)
                assert_true(compare_same_bits("samples", gan_layer_tensor(layer, k), gan_layer_tensor(by_hand, k)));
        }
    }
    assert_int_equal(gan_model_update_statistics(model, 1, 11), GAN_E_ARGUMENT);
    assert_non_null(strstr(gan_context_error(f->context), "count is 1; statistics need 2 items"));
    assert_int_equal(gan_model_update_statistics(NULL, 2, 11), GAN_E_ARGUMENT);
    gan_model_release(model);
    gan_model_options o;
    gan_model_options_init(&o);
    o.input = GAN_INPUT_IMAGE;
    assert_int_equal(gan_model_create(&model, layer, &o), GAN_OK);
    assert_int_equal(gan_model_update_statistics(model, 2, 11), GAN_E_UNSUPPORTED);
    gan_model_release(model);
    gan_layer_release(by_hand);
    gan_layer_release(layer);
}

static int32_t countdown(void *user) { return --*(int *)user <= 0; }

/* Between batches; what had moved goes back. */
static void cancelled(void **state) {
    (void)state;
    int calls = 0;
    gan_context_options options;
    gan_context_options_init(&options);
    options.cancelled = countdown;
    options.cancelled_user = &calls;
    layer_fixture f;
    assert_int_equal(gan_context_create(&f.context, &options), GAN_OK);
    gan_layer *layer = small_generator(&f), *before;
    gan_model *model;
    assert_int_equal(gan_layer_clone(&before, layer), GAN_OK);
    assert_int_equal(gan_model_create(&model, layer, NULL), GAN_OK);
    calls = 2; /* of three that are asked about */
    assert_int_equal(gan_model_update_statistics(model, 256, 1), GAN_E_CANCELLED);
    for (int32_t k = 0; k < gan_layer_tensor_count(layer); k++)
        assert_true(compare_same_bits("as it was", gan_layer_tensor(layer, k), gan_layer_tensor(before, k)));
    calls = 4;
    assert_int_equal(gan_model_update_statistics(model, 256, 1), GAN_OK);
    gan_model_release(model);
    gan_layer_release(before);
    gan_layer_release(layer);
    gan_context_release(f.context);
}

/* What it is for: normalised by copied statistics, an average of moved weights is not normalised. */
static void averages_are_normalised(void **state) {
    layer_fixture *f = *state;
    gan_layer *layer = small_generator(f);
    gan_ema *ema;
    gan_model *model;
    gan_tensor *weight = gan_layer_find(layer, "0.weight");
    assert_int_equal(gan_ema_create(&ema, layer, 0.9), GAN_OK);
    assert_int_equal(gan_model_create(&model, gan_ema_layer(ema), NULL), GAN_OK);
    for (int t = 0; t < 20; t++) {
        assert_int_equal(gan_tensor_fill_uniform(weight, -2, 2, 3, 99, (uint64_t)t * 100), GAN_OK);
        gan_tensor *x;
        assert_int_equal(gan_model_latent(&x, model, 64, (uint64_t)t), GAN_OK);
        layer_fixture_forward(f, layer, x);
        gan_tape_reset(f->tape);
        gan_tensor_release(x);
        assert_int_equal(gan_ema_update(ema), GAN_OK);
    }
    for (int settled = 0; settled < 2; settled++) {
        double means[CHANNELS] = {0}, squares[CHANNELS] = {0}, worst = 0;
        gan_tensor *y;
        if (settled) assert_int_equal(gan_model_update_statistics(model, 4096, 5), GAN_OK);
        assert_int_equal(gan_model_sample(&y, model, 4096, 6), GAN_OK);
        double *values = compare_read(y);
        for (int64_t i = 0; i < gan_tensor_count(y); i++) {
            means[i % CHANNELS] += values[i] / 4096;
            squares[i % CHANNELS] += values[i] * values[i] / 4096;
        }
        for (int c = 0; c < CHANNELS; c++) worst = fmax(worst, fabs(sqrt(squares[c] - means[c] * means[c]) - 1));
        if (settled ? worst > 0.05 : worst < 0.2) fail_msg("deviations are off by %g", worst);
        free(values);
        gan_tensor_release(y);
    }
    gan_model_release(model);
    gan_ema_release(ema);
    gan_layer_release(layer);
}

/* ---- of a run ---- */

/* The model's file, the average itself, and what it should be. */
static void of_a_run(void **state) {
    (void)state;
    for (int64_t count = 0; count <= 128; count += 64) {
        char folder[FILES_PATH], path[FILES_PATH];
        gan_run_options options;
        fixture_setup setup = fixture_default();
        run_fixture f;
        gan_model *saved, *expected;
        gan_layer *copy;
        fixture_options(&options, count == 128 ? NULL : files_folder(folder), 12); /* no folder: settled at the end */
        options.statistics_count = count;
        fixture_begin(&f, &setup, &options);
        assert_int_equal(gan_run_train(f.run), GAN_OK);
        gan_layer *average = gan_ema_layer(f.ema);
        assert_int_equal(gan_layer_clone(&copy, average), GAN_OK);
        assert_int_equal(gan_model_create(&expected, copy, NULL), GAN_OK);
        if (count > 0) assert_int_equal(gan_model_update_statistics(expected, count, options.sample_seed + 1), GAN_OK);
        for (int i = 0; i < 2; i++) {
            static const char *const names[] = {"1.running_mean", "1.running_var"};
            const gan_tensor *own = gan_layer_find(average, names[i]);
            assert_true(compare_same_bits(names[i], own, gan_layer_find(copy, names[i])));
            int copied = compare_same_bits(NULL, own, gan_layer_find(f.generator, names[i]));
            assert_int_equal(copied, count == 0);
        }
        if (count < 128) {
            assert_int_equal(gan_model_load(&saved, f.context, files_join(path, folder, "model.safetensors")), GAN_OK);
            for (int32_t k = 0; k < gan_layer_tensor_count(average); k++)
                assert_true(compare_same_bits("file", gan_layer_tensor(gan_model_layer(saved), k),
                                              gan_layer_tensor(average, k)));
            gan_model_release(saved);
            files_remove(folder);
        }
        gan_model_release(expected);
        gan_layer_release(copy);
        fixture_end(&f);
    }
}

/* What phases see of the average does not depend on sheets, looks, and runs that stop in between: what the network had
 * at the end of the step before. */
typedef struct seen {
    run_fixture f;
    double mean; /* of the network after its last step; NAN: not known */
} seen;
static gan_status see_copies(void *user, gan_run *run, gan_tape *tape) {
    seen *s = user;
    (void)run, (void)tape;
    double copied = gan_tensor_item(gan_layer_find(gan_ema_layer(s->f.ema), "1.running_mean"), 5);
    if (!isnan(s->mean)) assert_true(copied == s->mean);
    s->mean = gan_tensor_item(gan_layer_find(s->f.generator, "1.running_mean"), 5);
    return GAN_OK;
}

static void begin_seen(seen *s, const char *folder) {
    fixture_setup setup = fixture_default();
    gan_run_options options;
    gan_monitor_options watch;
    fixture_options(&options, folder, 12);
    options.sample_interval = 3;
    options.checkpoint_interval = 4;
    fixture_begin(&s->f, &setup, &options);
    gan_monitor_options_init(&watch);
    watch.interval = 2;
    assert_int_equal(gan_run_set_monitor(s->f.run, &watch), GAN_OK);
    assert_int_equal(gan_run_add_phase(s->f.run, "see", see_copies, s), GAN_OK);
    s->mean = NAN;
}

static int settled(const run_fixture *f) {
    return !compare_same_bits(NULL, gan_layer_find(gan_ema_layer(f->ema), "1.running_var"),
                              gan_layer_find(f->generator, "1.running_var"));
}

static void phases_see_copies(void **state) {
    (void)state;
    char folder[FILES_PATH], other[FILES_PATH];
    seen s;
    begin_seen(&s, files_folder(folder));
    s.f.cancel_at = 6;
    assert_int_equal(gan_run_train(s.f.run), GAN_E_CANCELLED);
    assert_true(settled(&s.f)); /* for the application */
    s.f.cancel_at = 0;
    assert_int_equal(gan_run_train(s.f.run), GAN_OK);
    assert_true(settled(&s.f));
    uint64_t digest = fixture_digest(&s.f);
    fixture_end(&s.f);
    begin_seen(&s, files_folder(other));
    s.f.cancel_at = 5;
    assert_int_equal(gan_run_train(s.f.run), GAN_E_CANCELLED);
    fixture_end(&s.f);
    begin_seen(&s, other);
    assert_int_equal(gan_run_resume(s.f.run, other), GAN_OK);
    assert_false(settled(&s.f)); /* a checkpoint has the copies */
    s.mean = gan_tensor_item(gan_layer_find(s.f.generator, "1.running_mean"), 5);
    assert_int_equal(gan_run_train(s.f.run), GAN_OK);
    assert_true(fixture_digest(&s.f) == digest);
    fixture_end(&s.f);
    files_remove(folder);
    files_remove(other);
}

/* A model of the network itself keeps what training left, and an average that is not in the model its copies. */
static void only_averages(void **state) {
    (void)state;
    char folder[FILES_PATH];
    gan_run_options options;
    fixture_setup setup = fixture_default();
    run_fixture f;
    gan_model *plain;
    uint64_t digests[2];
    for (int pictures = 0; pictures < 2; pictures++) {
        fixture_options(&options, pictures ? files_folder(folder) : NULL, 8);
        options.sample_interval = 1;
        fixture_begin(&f, &setup, &options);
        assert_int_equal(gan_model_create(&plain, f.generator, NULL), GAN_OK);
        assert_int_equal(gan_run_set_model(f.run, plain), GAN_OK);
        assert_int_equal(gan_run_train(f.run), GAN_OK);
        assert_false(settled(&f));
        digests[pictures] = fixture_digest(&f);
        gan_model_release(plain);
        fixture_end(&f);
    }
    assert_true(digests[0] == digests[1]);
    files_remove(folder);
}

static void refused_counts(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    gan_run_options options;
    gan_run *run;
    gan_run_options_init(&options);
    assert_int_equal(options.statistics_count, 4096);
    static const int64_t counts[] = {-1, 1, 1048577};
    for (int i = 0; i < 3; i++) {
        options.statistics_count = counts[i];
        assert_int_equal(gan_run_create(&run, context, &options), GAN_E_ARGUMENT);
        assert_non_null(strstr(gan_context_error(context), "statistics_count is "));
    }
    gan_context_release(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(means_over_passes, layer_fixture_open, layer_fixture_close),
        cmocka_unit_test_setup_teardown(of_conditional_ones, layer_fixture_open, layer_fixture_close),
        cmocka_unit_test_setup_teardown(everything_else_evaluates, layer_fixture_open, layer_fixture_close),
        cmocka_unit_test_setup_teardown(all_or_nothing, layer_fixture_open, layer_fixture_close),
        cmocka_unit_test_setup_teardown(without_running_ones, layer_fixture_open, layer_fixture_close),
        cmocka_unit_test_setup_teardown(of_samples, layer_fixture_open, layer_fixture_close),
        cmocka_unit_test_setup_teardown(averages_are_normalised, layer_fixture_open, layer_fixture_close),
        cmocka_unit_test(cancelled),
        cmocka_unit_test(of_a_run),
        cmocka_unit_test(phases_see_copies),
        cmocka_unit_test(only_averages),
        cmocka_unit_test(refused_counts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
