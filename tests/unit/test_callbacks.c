/* What a function of the application may do to the call that it runs in: release what is in use, come in a second time,
 * take the ground away, break its promises. Never more than an error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <gan.h>

#include "host.h"
#include "tape_fixture.h"

static gan_layer *layer, *other;
static gan_optimizer *optimizer;
static gan_dataset *dataset;
static gan_loader *loader;
static gan_model *model;
static gan_session *session;
static gan_features *features;
static int64_t mark;
static enum { NOTHING, RELEASE, RESET, REWIND, REWIND_OWN, ADD, STEP, ACCUMULATE, FORGET, RENAME } deed;
static gan_status answer;

static int begin(void **state) {
    deed = NOTHING;
    return open_tape(state);
}

static gan_layer *linear(void) {
    gan_layer *made;
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(4));
    gan_add_linear(b, 4, NULL);
    gan_add_linear(b, 4, NULL);
    assert_int_equal(gan_builder_end(&made, b), GAN_OK);
    return made;
}

static gan_tensor *loss_of(gan_tape *on, gan_layer *network) {
    return gan_mean(on, gan_layer_forward(on, network, gan_normal(on, GAN_F32, gan_shape_2d(3, 4))));
}

/* ---- layers ---- */

static int32_t scale_tensors(void *user, const char *config, const gan_shape *inputs, gan_layer_slot *slots) {
    (void)user, (void)config;
    if (deed == FORGET) return 0;
    slots[0].name = deed == RENAME ? NULL : "weight";
    slots[0].shape = inputs[0];
    slots[0].is_parameter = 1;
    return 1;
}
static gan_tensor *scale(void *user, gan_tape *on, const char *config, gan_tensor *const *tensors,
                         gan_tensor *const *inputs, int32_t training) {
    (void)user, (void)config, (void)training;
    gan_layer *mine = layer;
    int64_t here = gan_tape_mark(on);
    switch (deed) {
    case RELEASE:
        layer = NULL;
        gan_layer_release(mine);
        gan_model_release(model);
        gan_session_release(session);
        model = NULL;
        session = NULL;
        break;
    case RESET:
        gan_tape_reset(on);
        for (int i = 0; i < 50; i++) gan_normal(on, GAN_F32, gan_shape_2d(30, 40)); /* over what was there */
        return gan_broadcast(on, tensors[0], gan_shape_2d(3, 4));
    case REWIND:
        answer = gan_tape_rewind(on, mark);
        for (int i = 0; i < 50; i++) gan_normal(on, GAN_F32, gan_shape_2d(30, 40));
        break;
    case REWIND_OWN:
        gan_square(on, inputs[0]);
        answer = gan_tape_rewind(on, here);
        break;
    default:
        break;
    }
    return gan_mul(on, inputs[0], tensors[0]);
}

static void begin_scale(void) {
    gan_layer_type type;
    gan_layer_type_init(&type);
    type.name = "acme.scale";
    type.tensors = scale_tensors;
    type.forward = scale;
    gan_layer_type_register(context, &type); /* once a context */
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(4));
    gan_add_registered(b, "acme.scale", NULL);
    gan_add_registered(b, "acme.scale", NULL);
    assert_int_equal(gan_builder_end(&layer, b), GAN_OK);
}

static void a_layer_that_ends_its_network(void **state) {
    (void)state;
    begin_scale();
    deed = RELEASE;
    gan_tensor *y = gan_layer_forward(tape, layer, gan_normal(tape, GAN_F32, gan_shape_2d(3, 4)));
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    assert_null(layer);
    assert_true(gan_tensor_item(y, 0) == 0);
}

static void a_layer_that_ends_its_model(void **state) {
    (void)state;
    begin_scale();
    const double zeros[8] = {0};
    gan_tensor *made = NULL, *z = host_tensor(context, GAN_F32, gan_shape_2d(2, 4), zeros);
    for (int sampled = 0; sampled < 2; sampled++) {
        gan_builder *b = gan_builder_begin(context, gan_shape_1d(4));
        gan_add_registered(b, "acme.scale", NULL);
        gan_add_registered(b, "acme.scale", NULL);
        gan_layer_release(layer);
        assert_int_equal(gan_builder_end(&layer, b), GAN_OK);
        assert_int_equal(gan_model_create(&model, layer, NULL), GAN_OK);
        deed = RELEASE;
        gan_model *mine = model;
        gan_status status = sampled ? gan_model_sample(&made, mine, 2, 5) : gan_model_generate(&made, mine, z);
        assert_int_equal(status, GAN_OK);
        assert_null(model);
        assert_true(gan_tensor_item(made, 0) == 0);
        gan_tensor_release(made);
        deed = NOTHING;
    }
    gan_tensor_release(z);
}

static void a_layer_that_ends_its_session(void **state) {
    (void)state;
    begin_scale();
    gan_session_options options;
    gan_session_options_init(&options);
    options.batch = 2;
    const float z[8] = {0};
    float out[8] = {1};
    const void *inputs[] = {z};
    void *outputs[] = {out};
    assert_int_equal(gan_session_create_for_layer(&session, layer, &options), GAN_OK);
    deed = RELEASE;
    assert_int_equal(gan_session_run(session, 2, inputs, outputs), GAN_OK);
    assert_null(session);
    assert_true(out[0] == 0);
}

static gan_status extract_and_release(void *user, gan_tensor *images, gan_tensor *vectors) {
    (void)user, (void)images;
    gan_features_release(features);
    features = NULL;
    return gan_tensor_fill(vectors, 1);
}

static void an_extractor_that_ends_its_features(void **state) {
    (void)state;
    gan_features_options options;
    gan_features_options_init(&options);
    options.extract = extract_and_release;
    assert_int_equal(gan_features_create(&features, context, "mine", 3, &options), GAN_OK);
    gan_tensor *images = host_uniform(context, GAN_F32, gan_shape_2d(2, 4), 0, 1, 1);
    assert_int_equal(gan_features_add(features, images), GAN_OK);
    assert_null(features);
    gan_tensor_release(images);
}

static void a_layer_that_resets_the_tape(void **state) {
    (void)state;
    begin_scale();
    deed = RESET;
    gan_tensor *x = gan_normal(tape, GAN_F32, gan_shape_2d(3, 4));
    double before = gan_tensor_item(x, 0);
    gan_layer_forward(tape, layer, x);
    assert_int_equal(gan_tape_status(tape), GAN_E_STATE);
    assert_non_null(strstr(gan_tape_error(tape), "gan_tape_reset"));
    assert_true(gan_tensor_item(x, 0) == before);
    gan_tape_reset(tape); /* from outside it does */
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    gan_layer_release(layer);
}

static void a_layer_that_rewinds_the_tape(void **state) {
    (void)state;
    begin_scale();
    mark = gan_tape_mark(tape);
    gan_tensor *x = gan_normal(tape, GAN_F32, gan_shape_2d(3, 4));
    double before = gan_tensor_item(x, 0);
    deed = REWIND;
    gan_layer_forward(tape, layer, x);
    assert_int_equal(answer, GAN_E_STATE);
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    assert_true(gan_tensor_item(x, 0) == before);
    deed = REWIND_OWN;
    gan_layer_forward(tape, layer, x);
    assert_int_equal(answer, GAN_OK);
    assert_int_equal(gan_tape_status(tape), GAN_OK);
    assert_int_equal(gan_tape_rewind(tape, mark), GAN_OK);
    gan_layer_release(layer);
}

static void a_type_that_changes_its_mind(void **state) {
    (void)state;
    begin_scale();
    char summary[1000];
    for (int i = 0; i < 2; i++) {
        deed = i == 0 ? FORGET : RENAME;
        assert_int_equal(gan_layer_tie(layer, "0.weight", "1.weight"), GAN_E_ARGUMENT);
        assert_int_equal(gan_layer_init_dcgan(layer), GAN_OK);
        assert_true(gan_layer_summary(layer, summary, sizeof summary) > 0);
        gan_layer *copy;
        assert_int_equal(gan_layer_clone(&copy, layer), GAN_OK);
        gan_layer_release(copy);
    }
    deed = NOTHING;
    assert_int_equal(gan_layer_tie(layer, "0.weight", "1.weight"), GAN_OK);
    gan_layer_release(layer);
}

/* ---- steps ---- */

static int32_t reduce(void *user, void *data, int64_t count, gan_dtype dtype) {
    (void)data, (void)count, (void)dtype;
    ++*(int *)user;
    gan_tape *own = NULL;
    switch (deed) {
    case RELEASE:
        gan_optimizer_release(optimizer);
        optimizer = NULL;
        deed = NOTHING;
        break;
    case RESET:
        gan_tape_reset(tape);
        break;
    case REWIND:
        answer = gan_tape_rewind(tape, 0);
        break;
    case ADD:
        answer = gan_optimizer_add_layer(optimizer, other, NULL);
        break;
    case STEP:
    case ACCUMULATE:
        assert_int_equal(gan_tape_create(&own, context), GAN_OK);
        answer = deed == STEP ? gan_optimizer_step(optimizer, own, loss_of(own, layer))
                              : gan_optimizer_accumulate(optimizer, own, loss_of(own, layer));
        gan_tape_release(own);
        break;
    default:
        break;
    }
    return 0;
}

static void functions_inside_a_step(void **state) {
    (void)state;
    for (int i = RELEASE; i <= ACCUMULATE; i++) {
        if (i == REWIND_OWN) continue;
        int calls = 0;
        layer = linear();
        other = linear();
        assert_int_equal(gan_adam_create(&optimizer, layer, NULL), GAN_OK);
        assert_int_equal(gan_optimizer_set_all_reduce(optimizer, reduce, &calls), GAN_OK);
        double before = gan_tensor_item(gan_layer_find(layer, "1.bias"), 0);
        deed = i;
        answer = GAN_E_STATE;
        assert_int_equal(gan_optimizer_step(optimizer, tape, loss_of(tape, layer)), GAN_OK);
        deed = NOTHING;
        assert_int_equal(answer, GAN_E_STATE);
        assert_int_equal(calls, 4);
        double after = gan_tensor_item(gan_layer_find(layer, "1.bias"), 0);
        assert_true(isfinite(after) && after != before);
        if (i == RELEASE) assert_null(optimizer);
        if (i != RELEASE) assert_int_equal(gan_optimizer_steps(optimizer), 1);
        assert_int_equal(gan_tape_status(tape), i == RESET ? GAN_E_STATE : GAN_OK);
        gan_tape_reset(tape);
        if (i != RELEASE) { /* after the step all is as ever */
            assert_int_equal(gan_optimizer_add_layer(optimizer, other, NULL), GAN_OK);
            assert_int_equal(gan_optimizer_step(optimizer, tape, loss_of(tape, layer)), GAN_OK);
            gan_tape_reset(tape);
        }
        gan_optimizer_release(optimizer);
        gan_layer_release(layer);
        gan_layer_release(other);
    }
}

/* ---- items ---- */

static gan_status read_item(void *user, int64_t index, void *item, int32_t *label) {
    (void)user;
    memset(item, (int)index, 4);
    *label = 1;
    if (deed != RELEASE) return GAN_OK;
    gan_loader_release(loader);
    gan_dataset_release(dataset);
    loader = NULL;
    dataset = NULL;
    return GAN_OK;
}
static void count_ends(void *user) { ++*(int *)user; }

static void an_item_that_ends_its_dataset(void **state) {
    (void)state;
    int ends = 0;
    for (int i = 0; i < 2; i++) {
        gan_callback_dataset d;
        gan_callback_dataset_init(&d);
        d.shape = gan_shape_1d(4);
        d.count = 4;
        d.classes = 2;
        d.read = read_item;
        d.release = count_ends;
        d.user = &ends;
        assert_int_equal(gan_callback_dataset_create(&dataset, context, &d), GAN_OK);
        gan_loader_options options;
        gan_loader_options_init(&options);
        options.batch_size = 2;
        uint8_t item[4];
        int32_t label = -1;
        if (i == 1) assert_int_equal(gan_loader_create(&loader, dataset, &options), GAN_OK);
        deed = RELEASE;
        if (i == 0) {
            assert_int_equal(gan_dataset_read(dataset, 3, item, sizeof item, &label), GAN_OK);
            assert_int_equal(item[2], 3);
            assert_int_equal(label, 1);
        } else {
            assert_int_equal(gan_loader_next(loader, NULL, NULL), GAN_OK);
        }
        deed = NOTHING;
        assert_int_equal(ends, i + 1);
    }
}

/* ---- phases ---- */

static gan_status give_answer(void *user, gan_run *run, gan_tape *on) {
    (void)run, (void)on;
    if (user != NULL) gan_digits_create(NULL, context, NULL); /* fails, and says so */
    return answer;
}

static void phases_and_their_status(void **state) {
    (void)state;
    static const struct {
        gan_status returned, expected;
        int calls;
        const char *words;
    } cases[] = {{GAN_E_CANCELLED, GAN_E_CANCELLED, 0, "phase 'p': "},
                 {-1000, -1000, 0, "phase 'p': "},
                 {7, GAN_E_ARGUMENT, 0, "phase 'p' returned 7"},
                 {GAN_E_IO, GAN_E_IO, 1, "gan_digits_create"},
                 {GAN_OK, GAN_OK, 0, "an older one"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        gan_run_options options;
        gan_run_options_init(&options);
        options.steps = 1;
        gan_run *run;
        assert_int_equal(gan_run_create(&run, context, &options), GAN_OK);
        assert_int_equal(gan_run_add_phase(run, "p", give_answer, cases[i].calls ? &answer : NULL), GAN_OK);
        assert_int_equal(gan_run_add_phase(run, "an older one", give_answer, NULL), GAN_E_ARGUMENT);
        answer = cases[i].returned;
        assert_int_equal(gan_run_train(run), cases[i].expected);
        if (strstr(gan_context_error(context), cases[i].words) == NULL) fail_msg("%s", gan_context_error(context));
        gan_run_release(run);
    }
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, begin, close_tape)
    const struct CMUnitTest tests[] = {
        TEST(a_layer_that_ends_its_network), TEST(a_layer_that_resets_the_tape),
        TEST(a_layer_that_rewinds_the_tape), TEST(a_type_that_changes_its_mind),
        TEST(functions_inside_a_step),       TEST(an_item_that_ends_its_dataset),
        TEST(phases_and_their_status),       TEST(a_layer_that_ends_its_model),
        TEST(a_layer_that_ends_its_session), TEST(an_extractor_that_ends_its_features),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
