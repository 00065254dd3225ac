/* The health of a run: what is measured, what is told, what is done, and that a resumed run does the same. */
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
#include "host.h"

#define SIDE 4

static gan_context *context;
static char folder[FILES_PATH];
static char told[2048]; /* what the logger was told of health */

static void note(void *user, int32_t level, const char *event, const char *message) {
    (void)user, (void)level;
    if (strcmp(event, "run.unhealthy") != 0) return;
    size_t used = strlen(told);
    snprintf(told + used, sizeof told - used, "%s\n", message);
}

/* In place of the present one: streams begin anew. */
static gan_status fresh_context(void) {
    gan_context_options options;
    gan_context_options_init(&options);
    gan_logger logger = {.struct_size = sizeof logger};
    logger.log = note;
    options.logger = &logger;
    options.threads = 1;
    options.deterministic = 1;
    gan_context_release(context);
    return gan_context_create(&context, &options);
}

static int set_up(void **state) {
    (void)state;
    told[0] = '\0';
    files_folder(folder);
    return fresh_context() == GAN_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    gan_context_release(context);
    context = NULL;
    files_remove(folder);
    return 0;
}

typedef struct game {
    gan_dataset *dataset;
    gan_loader *loader;
    gan_layer *generator, *discriminator;
    gan_optimizer *optimizer;
    gan_model *model;
    gan_run *run;
    double loss;          /* reported as loss_d */
    double spectrum;      /* reported under this name; 0: not */
    double gradient;      /* of each of D's parameters; NaN: no step */
    int64_t still_from;   /* D makes no step from this one on */
    int64_t collapses_at; /* step in which G's weights become 0; -1: never */
} game;

static gan_status phase(void *user, gan_run *run, gan_tape *tape) {
    game *g = user;
    gan_run_report_value(run, "loss_d", g->loss);
    if (g->spectrum > 0) gan_run_report_value(run, "spectrum", g->spectrum);
    if (gan_run_step(run) == g->collapses_at) gan_tensor_fill(gan_layer_find(g->generator, "0.weight"), 0);
    if (isnan(g->gradient) || gan_run_step(run) >= g->still_from) return GAN_OK;
    gan_tensor *ones = gan_full(tape, GAN_F32, gan_shape_2d(1, 1), g->gradient);
    return gan_optimizer_step(g->optimizer, tape, gan_sum(tape, gan_layer_forward(tape, g->discriminator, ones)));
}

static gan_layer *linear(int64_t inputs, int64_t outputs, int32_t picture) {
    gan_weight_options no_bias;
    gan_weight_options_init(&no_bias);
    no_bias.bias = 0;
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(inputs));
    gan_add_linear(b, outputs, &no_bias);
    if (picture) gan_add_reshape(b, gan_shape_3d(1, SIDE, SIDE));
    gan_layer *layer;
    assert_int_equal(gan_builder_end(&layer, b), GAN_OK);
    return layer;
}

/* Data: items whose distances are those of the corners of a cube, half of them black and half white. The loader gives
 * black as `low`. */
static void begin_with(game *g, const char *where, int32_t rolls_back, double low, uint64_t sample_seed) {
    static unsigned char items[32][SIDE * SIDE];
    memset(g, 0, sizeof *g);
    g->loss = 1;
    g->gradient = NAN;
    g->still_from = INT64_MAX;
    g->collapses_at = -1;
    for (int i = 0; i < 32; i++) memset(items[i], i % 2 ? 255 : 0, sizeof items[i]);
    gan_memory_dataset d;
    gan_memory_dataset_init(&d);
    d.count = 32;
    d.shape = gan_shape_3d(1, SIDE, SIDE);
    d.dtype = GAN_U8;
    d.items = items;
    assert_int_equal(gan_memory_dataset_create(&g->dataset, context, &d), GAN_OK);
    gan_loader_options l;
    gan_loader_options_init(&l);
    l.batch_size = 8;
    l.low = low;
    assert_int_equal(gan_loader_create(&g->loader, g->dataset, &l), GAN_OK);
    g->generator = linear(3, SIDE * SIDE, 1);
    g->discriminator = linear(1, 4, 0);
    assert_int_equal(gan_tensor_fill_uniform(gan_layer_tensor(g->generator, 0), -1, 1, 1, 1, 0), GAN_OK);
    gan_sgd_options sgd;
    gan_sgd_options_init(&sgd);
    sgd.learning_rate = 1;
    assert_int_equal(gan_sgd_create(&g->optimizer, g->discriminator, &sgd), GAN_OK);
    assert_int_equal(gan_model_create(&g->model, g->generator, NULL), GAN_OK);
    gan_run_options ro;
    gan_run_options_init(&ro);
    ro.folder = where;
    ro.steps = 12;
    ro.sample_interval = 0;
    ro.checkpoint_interval = 2;
    ro.checkpoint_keep = 100;
    ro.log_interval = 1;
    ro.sample_seed = sample_seed;
    if (rolls_back) ro.on_divergence = GAN_DIVERGENCE_ROLL_BACK;
    assert_int_equal(gan_run_create(&g->run, context, &ro), GAN_OK);
    assert_int_equal(gan_run_set_loader(g->run, g->loader), GAN_OK);
    assert_int_equal(gan_run_add_layer(g->run, "generator", g->generator), GAN_OK);
    assert_int_equal(gan_run_add_layer(g->run, "discriminator", g->discriminator), GAN_OK);
    assert_int_equal(gan_run_add_optimizer(g->run, "optimizer", g->optimizer), GAN_OK);
    assert_int_equal(gan_run_add_phase(g->run, "d", phase, g), GAN_OK);
    assert_int_equal(gan_run_set_model(g->run, g->model), GAN_OK);
}

static void begin(game *g, const char *where, int32_t rolls_back) { begin_with(g, where, rolls_back, -1, 0); }

static void end(game *g) {
    gan_run_release(g->run);
    gan_model_release(g->model);
    gan_optimizer_release(g->optimizer);
    gan_layer_release(g->generator);
    gan_layer_release(g->discriminator);
    gan_loader_release(g->loader);
    gan_dataset_release(g->dataset);
}

static void watch(game *g, int64_t interval, int32_t policy) {
    gan_monitor_options m;
    gan_monitor_options_init(&m);
    m.interval = interval;
    m.samples = 32;
    m.policy = policy;
    if (gan_run_set_monitor(g->run, &m) != GAN_OK) fail_msg("%s", gan_context_error(context));
}

static void train(game *g) {
    if (gan_run_train(g->run) != GAN_OK) fail_msg("%s", gan_context_error(context));
}

static int count_of(const char *text, const char *words) {
    int count = 0;
    for (; (text = strstr(text, words)) != NULL; text++) count++;
    return count;
}

/* The ratio of the two mean distances; `range` is the loader's, from black to white. */
static double true_diversity(const game *g, double range, uint64_t seed) {
    /* half of the 32 are black, half white: of 496 pairs 256 are apart, by range sqrt 16 */
    double reals = 256.0 / 496 * range * SIDE, fakes = 0;
    gan_tensor *samples;
    assert_int_equal(gan_model_sample(&samples, g->model, 32, seed), GAN_OK);
    for (int64_t i = 0; i < 32; i++)
        for (int64_t k = 0; k < i; k++) {
            double square = 0;
            for (int64_t p = 0; p < SIDE * SIDE; p++)
                square += pow(gan_tensor_item(samples, i * 16 + p) - gan_tensor_item(samples, k * 16 + p), 2);
            fakes += sqrt(square) / 496;
        }
    gan_tensor_release(samples);
    return fakes / reals;
}

static double logged_diversity(const char *log) {
    return strtod(strstr(log, "\"diversity\":") + strlen("\"diversity\":"), NULL);
}

/* Nothing is said of a run that is well, and its figures are in the log: diversity is the ratio of the two mean
 * distances, the norm is that of the gradient. */
static void figures(void **state) {
    (void)state;
    game g;
    begin(&g, folder, 0);
    watch(&g, 3, GAN_HEALTH_WARN);
    g.gradient = 5; /* four parameters: a norm of 10 */
    assert_true(isnan(gan_optimizer_gradient_norm(g.optimizer)));
    train(&g);
    assert_true(compare_number("norm", gan_optimizer_gradient_norm(g.optimizer), 10, 1e-6));
    assert_string_equal(told, "");
    char *log = files_read_log(folder);
    assert_int_equal(count_of(log, "\"gradient_norm\":10"), 4);
    assert_int_equal(count_of(log, "\"diversity\":"), 4);
    assert_int_equal(count_of(log, "unhealthy"), 0);
    assert_true(compare_number("diversity", logged_diversity(log), true_diversity(&g, 2, 0), 1e-9));
    free(log);
    end(&g);
}

/* Real items are compared as the loader gives them, samples are those of the sheets' seed. */
static void range_and_seed(void **state) {
    (void)state;
    static const double lows[] = {0, -1};
    static const uint64_t seeds[] = {0, 5};
    for (int i = 0; i < 2; i++) {
        game g;
        files_remove(folder);
        begin_with(&g, files_folder(folder), 0, lows[i], seeds[i]);
        watch(&g, 12, GAN_HEALTH_WARN);
        train(&g);
        char *log = files_read_log(folder);
        double expected = true_diversity(&g, 1 - lows[i], seeds[i]);
        assert_true(compare_number("diversity", logged_diversity(log), expected, 1e-9));
        assert_true(fabs(expected - true_diversity(&g, 2, 0)) > 1e-4); /* that of the defaults is another one */
        free(log);
        end(&g);
    }
}

typedef struct companion {
    gan_layer *layer;
    gan_optimizer *optimizer;
    double gradient;
} companion;

static gan_status companion_phase(void *user, gan_run *run, gan_tape *tape) {
    companion *c = user;
    (void)run;
    gan_tensor *ones = gan_full(tape, GAN_F32, gan_shape_2d(1, 1), c->gradient);
    return gan_optimizer_step(c->optimizer, tape, gan_sum(tape, gan_layer_forward(tape, c->layer, ones)));
}

/* Of two optimizers the larger norm counts, whichever comes first. */
static void largest_gradient(void **state) {
    (void)state;
    for (int first = 0; first <= 1; first++) {
        game g;
        companion c = {.gradient = first ? 1 : 5};
        files_remove(folder);
        begin(&g, files_folder(folder), 0);
        g.gradient = first ? 5 : 1;
        c.layer = linear(1, 4, 0);
        assert_int_equal(gan_sgd_create(&c.optimizer, c.layer, NULL), GAN_OK);
        assert_int_equal(gan_run_add_layer(g.run, "companion", c.layer), GAN_OK);
        assert_int_equal(gan_run_add_optimizer(g.run, "second", c.optimizer), GAN_OK);
        assert_int_equal(gan_run_add_phase(g.run, "c", companion_phase, &c), GAN_OK);
        watch(&g, 12, GAN_HEALTH_WARN);
        train(&g);
        char *log = files_read_log(folder);
        assert_int_equal(count_of(log, "\"gradient_norm\":10"), 1);
        free(log);
        end(&g);
        gan_optimizer_release(c.optimizer);
        gan_layer_release(c.layer);
    }
}

/* Each figure that is out of bounds is told once a look. */
static void warnings(void **state) {
    (void)state;
    game g;
    begin(&g, folder, 0);
    watch(&g, 4, GAN_HEALTH_WARN);
    g.collapses_at = 5; /* seen at 8 and 12 */
    train(&g);
    assert_int_equal(count_of(told, "diversity is 0, less than 0.3"), 2);
    assert_int_equal(count_of(told, "\n"), 2);
    assert_non_null(strstr(told, "after step 8: the run goes on\n"));
    char *log = files_read_log(folder);
    assert_int_equal(count_of(log, "{\"event\":\"unhealthy\",\"step\":8,"), 1);
    assert_int_equal(count_of(log, "\"what\":\"diversity\",\"value\":0,\"bound\":0.3"), 2);
    free(log);
    end(&g);
    told[0] = '\0';
    files_remove(folder);
    begin(&g, files_folder(folder), 0);
    watch(&g, 12, GAN_HEALTH_WARN);
    g.loss = 0.001;
    g.gradient = 1000; /* the first that is found counts */
    train(&g);
    assert_int_equal(count_of(told, "\n"), 1);
    assert_non_null(strstr(told, "loss_d is 0.001, less than 0.01"));
    end(&g);
    told[0] = '\0';
    files_remove(folder);
    begin(&g, files_folder(folder), 0);
    watch(&g, 12, GAN_HEALTH_WARN);
    g.gradient = 1000;
    train(&g);
    assert_non_null(strstr(told, "gradient_norm is 2000, more than 100"));
    end(&g);
}

static void lower_rates(void **state) {
    (void)state;
    game g;
    begin(&g, folder, 0);
    watch(&g, 4, GAN_HEALTH_LOWER);
    g.gradient = 1000;
    train(&g);
    assert_true(gan_optimizer_learning_rate(g.optimizer) == 0.125); /* after steps 4, 8 and 12 */
    assert_int_equal(count_of(told, "goes on with lower learning rates"), 3);
    end(&g);
}

/* Not the defaults, 0.01 and 0.5. */
static void own_bounds(void **state) {
    (void)state;
    gan_monitor_options m;
    for (int above = 0; above <= 1; above++) {
        game g;
        told[0] = '\0';
        files_remove(folder);
        begin(&g, files_folder(folder), 0);
        gan_monitor_options_init(&m);
        m.interval = 4;
        m.policy = GAN_HEALTH_LOWER;
        m.lower_factor = 0.25;
        m.saturation = above ? 0.0001 : 2;
        g.loss = above ? 0.001 : 1;
        assert_int_equal(gan_run_set_monitor(g.run, &m), GAN_OK);
        train(&g);
        assert_int_equal(count_of(told, "loss_d is 1, less than 2"), above ? 0 : 3);
        assert_int_equal(count_of(told, "\n"), above ? 0 : 3);
        assert_true(gan_optimizer_learning_rate(g.optimizer) == (above ? 1 : 1.0 / 64)); /* after 4, 8 and 12 */
        end(&g);
    }
}

/* Back to the checkpoint before the collapse, and on, with what roll-backs change; not for ever. */
static void roll_back(void **state) {
    (void)state;
    game g;
    begin(&g, folder, 1);
    watch(&g, 3, GAN_HEALTH_ROLL_BACK);
    g.collapses_at = 4;
    assert_int_equal(gan_run_train(g.run), GAN_E_NUMERIC);
    assert_int_equal(count_of(told, "goes back to a checkpoint"), 4);
    assert_non_null(strstr(gan_context_error(context), "diversity is 0, less than 0.3, after step 6"));
    assert_non_null(strstr(gan_context_error(context), "after 3 roll-backs"));
    char *log = files_read_log(folder);
    assert_int_equal(count_of(log, "\"event\":\"roll_back\""), 3);
    free(log);
    end(&g);
    /* what is mended is not found again */
    files_remove(folder);
    told[0] = '\0';
    begin(&g, files_folder(folder), 1);
    watch(&g, 3, GAN_HEALTH_ROLL_BACK);
    g.loss = 0; /* at step 3: back to 2 */
    gan_monitor_options m;
    gan_monitor_options_init(&m);
    m.discriminator_loss = NULL; /* replaces the first one */
    m.policy = GAN_HEALTH_ROLL_BACK;
    assert_int_equal(gan_run_set_monitor(g.run, &m), GAN_OK);
    train(&g);
    assert_string_equal(told, "");
    end(&g);
}

/* `gradient`: D's only steps are the first five, and large ones; otherwise G collapses. */
static void begin_unwell(game *g, int gradient) {
    begin(g, folder, 0);
    watch(g, 3, GAN_HEALTH_LOWER);
    if (gradient) {
        g->gradient = 1000;
        g->still_from = 5;
    } else
        g->collapses_at = 4;
}

/* Killed after a step and resumed: the log's events and the state are those of a run that was not. */
static void resume_unwell(int gradient, int events) {
    char path[FILES_PATH];
    size_t sizes[2];
    unsigned char *ends[2];
    for (int k = 0; k < 2; k++) {
        game g;
        files_remove(folder);
        files_folder(folder);
        assert_int_equal(fresh_context(), GAN_OK);
        begin_unwell(&g, gradient);
        train(&g);
        if (k == 1) {
            end(&g);
            assert_int_equal(fresh_context(), GAN_OK);
            begin_unwell(&g, gradient);
            assert_int_equal(gan_run_resume(g.run, files_join(path, folder, "checkpoint-000006.safetensors")), GAN_OK);
            train(&g);
        }
        ends[k] = files_read(files_join(path, folder, "checkpoint-000012.safetensors"), &sizes[k]);
        char *log = files_read_log(folder);
        assert_int_equal(count_of(log, "\"event\":\"unhealthy\""), events);
        free(log);
        end(&g);
    }
    assert_int_equal(sizes[0], sizes[1]);
    assert_memory_equal(ends[0], ends[1], sizes[0]);
    free(ends[0]);
    free(ends[1]);
}
static void resumes(void **state) {
    (void)state;
    resume_unwell(0, 3);
}
/* The norm is looked at long after the step that it was of. */
static void resumes_with_gradient(void **state) {
    (void)state;
    resume_unwell(1, 4);
}

/* diag(4, 2, 1) has the spectrum 1, 1/2, 1/4. */
static void spectrum(void **state) {
    (void)state;
    game g;
    begin(&g, folder, 0);
    gan_layer *diagonal = linear(3, 3, 0);
    gan_tensor_fill(gan_layer_tensor(diagonal, 0), 0);
    for (int i = 0; i < 3; i++) ((float *)gan_tensor_data(gan_layer_tensor(diagonal, 0)))[4 * i] = (float)(4 >> i);
    gan_monitor_options m;
    gan_monitor_options_init(&m);
    m.interval = 12;
    m.spectrum_of = diagonal;
    m.spectrum = 0.6;
    assert_int_equal(gan_run_set_monitor(g.run, &m), GAN_OK);
    gan_layer_release(diagonal);
    train(&g);
    assert_non_null(strstr(told, "spectrum is 0.5833, less than 0.6"));
    end(&g);
}

/* A program may have a measure of its own. */
static void reported_spectrum(void **state) {
    (void)state;
    for (int less = 0; less < 2; less++) {
        game g;
        begin(&g, folder, 0);
        gan_monitor_options m;
        gan_monitor_options_init(&m);
        m.interval = 12;
        m.spectrum = 0.6;
        g.spectrum = less ? 0.5 : 0.7;
        assert_int_equal(gan_run_set_monitor(g.run, &m), GAN_OK);
        train(&g);
        if (less)
            assert_non_null(strstr(told, "spectrum is 0.5, less than 0.6, after step 12"));
        else
            assert_string_equal(told, "");
        end(&g);
        files_remove(folder);
        files_folder(folder);
    }
}

/* The mean over two weights, of which one has the spectrum 1, 1, 1; the noise, a 2 x 2 buffer, is no weight. */
static void mean_spectrum(void **state) {
    (void)state;
    game g;
    gan_layer *layer;
    gan_monitor_options m;
    begin(&g, folder, 0);
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(3));
    gan_add_linear(b, 3, NULL);
    gan_add_linear(b, 4, NULL);
    gan_add_reshape(b, gan_shape_3d(1, 2, 2));
    gan_add_noise_injection(b, NULL);
    assert_int_equal(gan_builder_end(&layer, b), GAN_OK);
    assert_int_equal(gan_tensor_shape(gan_layer_find(layer, "3.noise")).rank, 2);
    float *first = gan_tensor_data(gan_layer_find(layer, "0.weight"));
    float *second = gan_tensor_data(gan_layer_find(layer, "1.weight"));
    for (int i = 0; i < 9; i++) first[i] = i % 4 == 0 ? (float)(4 >> i / 4) : 0;
    for (int i = 0; i < 12; i++) second[i] = i % 4 == 0 ? 1 : 0;
    gan_monitor_options_init(&m);
    m.interval = 12;
    m.spectrum_of = layer;
    m.spectrum = 0.9;
    assert_int_equal(gan_run_set_monitor(g.run, &m), GAN_OK);
    gan_layer_release(layer);
    train(&g);
    assert_non_null(strstr(told, "spectrum is 0.7917, less than 0.9")); /* (7/12 + 1) / 2 */
    end(&g);
}

static void refused(game *g, const gan_monitor_options *m, const char *words) {
    assert_int_equal(gan_run_set_monitor(g->run, m), GAN_E_ARGUMENT);
    if (strstr(gan_context_error(context), words) == NULL) fail_msg("%s: %s", words, gan_context_error(context));
}

static void bad_options(void **state) {
    (void)state;
    game g;
    begin(&g, folder, 0);
    gan_monitor_options m;
    assert_int_equal(gan_run_set_monitor(NULL, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_run_set_monitor(g.run, NULL), GAN_OK);
#define WRONG(member, value, words)                                                                                    \
    gan_monitor_options_init(&m);                                                                                      \
    m.member = value;                                                                                                  \
    refused(&g, &m, words)
    WRONG(interval, 0, "interval is below 1");
    WRONG(samples, 1, "samples is not 2 to 4096");
    WRONG(samples, 4097, "samples is not 2 to 4096");
    WRONG(diversity, -1, "diversity is not 0 or more");
    WRONG(gradient_norm, 0, "gradient_norm is not above 0");
    WRONG(saturation, NAN, "saturation is no number");
    WRONG(spectrum, 1.5, "spectrum is not in 0 to 1");
    WRONG(lower_factor, 0, "lower_factor is not above 0");
    WRONG(policy, 3, "policy is not one of");
    WRONG(discriminator_loss, "a b", "cannot be a metric's name");
    WRONG(policy, GAN_HEALTH_ROLL_BACK, "must have been made with GAN_DIVERGENCE_ROLL_BACK");
    end(&g);
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, set_up, tear_down)
    const struct CMUnitTest tests[] = {TEST(figures),    TEST(range_and_seed),    TEST(largest_gradient),
                                       TEST(warnings),   TEST(lower_rates),       TEST(own_bounds),
                                       TEST(roll_back),  TEST(resumes),           TEST(resumes_with_gradient),
                                       TEST(spectrum),   TEST(reported_spectrum), TEST(mean_spectrum),
                                       TEST(bad_options)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
