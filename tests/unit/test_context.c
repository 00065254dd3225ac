/* Contexts: options that grow, services of the host, threads, balance of memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gan.h>

#include "compare.h"
#include "host.h"

static gan_status create(const gan_context_options *options) {
    gan_context *context = (gan_context *)(uintptr_t)1;
    gan_status status = gan_context_create(&context, options);
    assert_true((status == GAN_OK) == (context != NULL));
    gan_context_release(context);
    return status;
}

static void defaults(void **state) {
    (void)state;
    gan_context *context = NULL;
    assert_int_equal(gan_context_create(&context, NULL), GAN_OK);
    assert_true(gan_context_threads(context) >= 1);
    const char *level = gan_context_level(context);
    assert_true(strcmp(level, "reference") == 0 || strcmp(level, "avx2") == 0 || strcmp(level, "avx512") == 0);
    assert_true(gan_context_seed(context) == 0);
    assert_string_equal(gan_context_error(context), "");
    gan_context_release(context);
    gan_context_release(NULL);
    assert_int_equal(gan_context_create(NULL, NULL), GAN_E_ARGUMENT);
    assert_string_equal(gan_context_error(NULL), "");
    assert_int_equal(gan_context_threads(NULL), 0);
    assert_int_equal(gan_context_set_seed(NULL, 1), GAN_E_ARGUMENT);
}

/* A caller compiled with an older or newer header: its struct is shorter or longer. */
typedef struct newer_options {
    gan_context_options known;
    int64_t added[3];
} newer_options;

static void options_grow(void **state) {
    (void)state;
    newer_options newer;
    gan_context_options_init_sized(&newer.known, sizeof newer, GAN_VERSION);
    assert_true(newer.known.struct_size == sizeof newer);
    assert_true(newer.added[0] == 0 && newer.added[2] == 0);
    assert_int_equal(newer.known.threads, GAN_THREADS_AUTO);
    assert_int_equal(newer.known.blas, GAN_BLAS_AUTO);
    assert_int_equal(newer.known.level, GAN_LEVEL_AUTO);
    assert_int_equal(create(&newer.known), GAN_OK); /* an unknown tail of zeros means nothing */
    newer.added[2] = 1;
    assert_int_equal(create(&newer.known), GAN_E_UNSUPPORTED);
    newer.added[2] = 0;
    ((unsigned char *)newer.added)[0] = 1;
    assert_int_equal(create(&newer.known), GAN_E_UNSUPPORTED);

    /* shorter: a struct that ended before `allocator`; what lies behind it is not read */
    gan_context_options older;
    memset(&older, 0xff, sizeof older);
    size_t size = offsetof(gan_context_options, allocator);
    gan_context_options_init_sized(&older, size, GAN_VERSION);
    assert_true(older.struct_size == size);
    assert_true(memcmp(&older.allocator, "\xff\xff\xff\xff", 4) == 0); /* init wrote no further either */
    older.threads = 2;
    older.seed = 99;
    gan_context *context;
    assert_int_equal(gan_context_create(&context, &older), GAN_OK);
    assert_int_equal(gan_context_threads(context), 2);
    assert_true(gan_context_seed(context) == 99);
    gan_context_release(context);

    /* never initialised */
    memset(&older, 0, sizeof older);
    assert_int_equal(create(&older), GAN_E_ARGUMENT);
    memset(&older, 0xff, sizeof older);
    assert_int_equal(create(&older), GAN_E_ARGUMENT);
    gan_context_options_init_sized(NULL, sizeof older, GAN_VERSION);
}

static void bad_values(void **state) {
    (void)state;
    gan_context_options o;
#define REFUSED(STATUS, MEMBER, VALUE)                                                                                 \
    do {                                                                                                               \
        gan_context_options_init(&o);                                                                                  \
        o.MEMBER = (VALUE);                                                                                            \
        assert_int_equal(create(&o), (STATUS));                                                                        \
    } while (0)
    REFUSED(GAN_E_ARGUMENT, threads, 0);
    REFUSED(GAN_E_ARGUMENT, threads, -2);
    REFUSED(GAN_E_ARGUMENT, threads, 257);
    REFUSED(GAN_E_ARGUMENT, deterministic, 2);
    REFUSED(GAN_E_ARGUMENT, blas, 3);
    REFUSED(GAN_E_ARGUMENT, blas, -1);
    REFUSED(GAN_E_ARGUMENT, level, 3);
    REFUSED(GAN_E_ARGUMENT, level, -2);
    REFUSED(GAN_E_UNSUPPORTED, version, GAN_VERSION + 1000000);
    REFUSED(GAN_E_UNSUPPORTED, version, 0);
    gan_allocator allocator;
    memset(&allocator, 0, sizeof allocator);
    allocator.struct_size = sizeof allocator;
    REFUSED(GAN_E_ARGUMENT, allocator, &allocator);
    gan_executor executor;
    memset(&executor, 0, sizeof executor);
    executor.struct_size = sizeof executor;
    executor.workers = 1;
    REFUSED(GAN_E_ARGUMENT, executor, &executor);
    /* structs that end before the functions: nothing behind them is read */
    size_t *shorter = calloc(2, sizeof *shorter);
    shorter[0] = 2 * sizeof *shorter;
    REFUSED(GAN_E_ARGUMENT, allocator, (const gan_allocator *)(const void *)shorter);
    REFUSED(GAN_E_ARGUMENT, executor, (const gan_executor *)(const void *)shorter);
    free(shorter);
}

static gan_layer *make_net(gan_context *context) {
    gan_builder *b = gan_builder_begin(context, gan_shape_3d(3, 8, 8));
    gan_add_conv2d(b, 8, 4, 2, 1, NULL);
    gan_add_batch_norm(b, NULL);
    gan_add_leaky_relu(b, 0.2);
    gan_add_flatten(b);
    gan_add_linear(b, 1, NULL);
    gan_layer *net = NULL;
    (void)gan_builder_end(&net, b);
    return net;
}

/* A few steps of training; the output's value afterwards, or NaN with the status of what failed. */
static gan_status work(gan_context *context, double *result) {
    gan_layer *net = make_net(context);
    gan_optimizer *adam = NULL;
    gan_tape *tape = NULL;
    gan_tensor *x = NULL;
    gan_status status = net == NULL ? GAN_E_MEMORY : gan_adam_create(&adam, net, NULL);
    if (status == GAN_OK) status = gan_tape_create(&tape, context);
    if (status == GAN_OK) status = gan_tensor_create(&x, context, GAN_F32, gan_shape_4d(16, 3, 8, 8));
    if (status == GAN_OK) status = gan_tensor_fill_normal(x, 0, 1, 5, 8, 0);
    for (int i = 0; i < 3 && status == GAN_OK; i++) {
        gan_tape_reset(tape);
        gan_tensor *loss = gan_bce_with_logits(tape, gan_layer_forward(tape, net, x), 1);
        status = gan_optimizer_step(adam, tape, loss);
        *result = gan_tensor_item(loss, 0);
    }
    gan_tensor_release(x);
    gan_tape_release(tape);
    gan_optimizer_release(adam);
    gan_layer_release(net);
    return status;
}

static void memory_is_balanced(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *context = host_context_with(2, GAN_LEVEL_AUTO, 0, &memory);
    double value = 0;
    assert_int_equal(work(context, &value), GAN_OK);
    assert_true(atomic_load(&memory.calls) > 20);
    gan_context_release(context);
    assert_true(atomic_load(&memory.blocks) == 0);
    assert_true(atomic_load(&memory.bytes) == 0);
}

/* Every allocation fails once: an error code, no leak, no crash. */
static void every_allocation_may_fail(void **state) {
    (void)state;
    for (long long fail_at = 1;; fail_at++) {
        host_memory memory = {0};
        memory.fail_at = fail_at;
        gan_allocator allocator = host_allocator(&memory);
        gan_context_options options;
        gan_context_options_init(&options);
        options.threads = 1;
        options.allocator = &allocator;
        gan_context *context = NULL;
        double value = 0;
        gan_status status = gan_context_create(&context, &options);
        if (status == GAN_OK) status = work(context, &value);
        gan_context_release(context);
        assert_true(atomic_load(&memory.blocks) == 0);
        assert_true(atomic_load(&memory.bytes) == 0);
        if (status == GAN_OK) {
            assert_true(fail_at > 20);
            break;
        }
        assert_int_equal(status, GAN_E_MEMORY);
    }
}

/* Objects outlive the handle of the context, in any order. */
static void any_order_of_release(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *context = host_context_with(1, GAN_LEVEL_AUTO, 0, &memory);
    gan_layer *net = make_net(context);
    gan_optimizer *adam;
    gan_tape *tape;
    gan_tensor *x = host_uniform(context, GAN_F32, gan_shape_4d(2, 3, 8, 8), -1, 1, 1), *view;
    gan_loss *loss;
    assert_int_equal(gan_adam_create(&adam, net, NULL), GAN_OK);
    assert_int_equal(gan_tape_create(&tape, context), GAN_OK);
    assert_int_equal(gan_loss_bce_create(&loss, context, NULL), GAN_OK);
    assert_int_equal(gan_tensor_slice(&view, x, 0, 1, 1), GAN_OK);
    gan_tensor *y = gan_layer_forward(tape, net, x);
    gan_context_release(context);
    gan_layer_release(net);
    gan_tensor_release(x);
    assert_int_equal(gan_optimizer_step(adam, tape, gan_loss_generator(tape, loss, y)), GAN_OK);
    gan_optimizer_release(adam);
    gan_loss_release(loss);
    gan_tape_release(tape);
    assert_int_equal(gan_tensor_fill(view, 3), GAN_OK);
    gan_tensor_release(view);
    assert_true(atomic_load(&memory.blocks) == 0);
    assert_true(atomic_load(&memory.bytes) == 0);
}

/* A host's executor: runs everything itself, backwards, with changing worker numbers. */
typedef struct host_executor {
    int64_t calls, tasks;
    int32_t workers;
} host_executor;
static void backwards(void *user, int64_t count, void (*task)(void *argument, int64_t index, int32_t worker),
                      void *argument) {
    host_executor *host = user;
    host->calls++;
    for (int64_t i = count - 1; i >= 0; i--) task(argument, i, (int32_t)(host->tasks++ % host->workers));
}

static void the_hosts_executor(void **state) {
    (void)state;
    double own = 0, hosted = 0;
    for (int32_t workers = 1; workers <= 3; workers++) {
        gan_context *context = host_context_with(workers, GAN_LEVEL_AUTO, 1, NULL);
        assert_int_equal(work(context, &own), GAN_OK);
        gan_context_release(context);
        host_executor host = {0, 0, workers};
        gan_executor executor = {sizeof executor, &host, backwards, workers, 0};
        gan_context_options options;
        gan_context_options_init(&options);
        options.deterministic = 1;
        options.threads = workers == 2 ? 0 : 7; /* ignored, whatever it is */
        options.executor = &executor;
        assert_int_equal(gan_context_create(&context, &options), GAN_OK);
        assert_int_equal(gan_context_threads(context), workers);
        assert_int_equal(work(context, &hosted), GAN_OK);
        gan_context_release(context);
        assert_true(host.calls > 0 || workers == 1);
        assert_true(hosted == own); /* same bits */
    }
}

static void threads(void **state) {
    (void)state;
    double first = 0, value = 0;
    for (int32_t count = 1; count <= 3; count++) {
        gan_context *context = host_context_with(count, GAN_LEVEL_AUTO, 1, NULL);
        assert_int_equal(gan_context_threads(context), count);
        assert_int_equal(work(context, &value), GAN_OK);
        if (count == 1) first = value;
        assert_true(value == first);
        gan_context_release(context);
    }
}

/* A context that is kept by itself, and objects that know theirs. */
static void whose(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *context = host_context_with(1, GAN_LEVEL_REFERENCE, 1, &memory);
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(2));
    gan_layer *layer;
    gan_model *model;
    gan_tensor *tensor;
    gan_add_linear(b, 1, NULL);
    assert_int_equal(gan_builder_end(&layer, b), GAN_OK);
    assert_int_equal(gan_model_create(&model, layer, NULL), GAN_OK);
    assert_int_equal(gan_tensor_create(&tensor, context, GAN_F32, gan_shape_1d(1)), GAN_OK);
    assert_ptr_equal(gan_layer_context(layer), context);
    assert_ptr_equal(gan_model_context(model), context);
    assert_ptr_equal(gan_tensor_context(tensor), context);
    assert_null(gan_layer_context(NULL));
    assert_null(gan_model_context(NULL));
    assert_null(gan_tensor_context(NULL));
    assert_null(gan_context_retain(NULL));
    assert_null(gan_model_retain(NULL));
    assert_ptr_equal(gan_context_retain(context), context);
    assert_ptr_equal(gan_model_retain(model), model);
    gan_tensor_release(tensor);
    gan_layer_release(layer);
    gan_model_release(model);
    assert_ptr_equal(gan_model_layer(model), layer); /* the second reference keeps both */
    gan_model_release(model);
    gan_context_release(context);
    assert_true(memory.blocks > 0);
    assert_int_equal(gan_context_seed(context), 0);
    gan_context_release(context);
    assert_int_equal(memory.blocks, 0);
}

/* Messages are of the last failing call, and contexts do not see each other. */
static void messages(void **state) {
    (void)state;
    gan_context *a = host_context(1), *b = host_context(1);
    gan_tensor *t;
    assert_int_equal(gan_tensor_create(&t, a, GAN_F32, gan_shape_1d(-1)), GAN_E_SHAPE);
    assert_null(t);
    assert_non_null(strstr(gan_context_error(a), "gan_tensor_create"));
    assert_string_equal(gan_context_error(b), "");
    assert_int_equal(gan_tensor_create(&t, a, 77, gan_shape_1d(1)), GAN_E_DTYPE);
    assert_non_null(strstr(gan_context_error(a), "77"));
    assert_int_equal(gan_tensor_create(&t, a, GAN_F32, gan_shape_1d(1)), GAN_OK);
    assert_non_null(strstr(gan_context_error(a), "77")); /* success leaves it */
    gan_tensor_release(t);
    gan_context_release(a);
    gan_context_release(b);
}

/* The sentence of a failure is told for its own status only. */
static void explanations(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    gan_tensor *t;
    assert_string_equal(gan_context_explain(context, GAN_E_SHAPE), gan_status_text(GAN_E_SHAPE));
    assert_int_equal(gan_tensor_create(&t, context, GAN_F32, gan_shape_1d(-1)), GAN_E_SHAPE);
    assert_string_equal(gan_context_explain(context, GAN_E_SHAPE), gan_context_error(context));
    /* a handle was NULL: there is no sentence, and the older one is of something else */
    assert_string_equal(gan_context_explain(context, GAN_E_ARGUMENT), gan_status_text(GAN_E_ARGUMENT));
    assert_string_equal(gan_context_explain(context, GAN_OK), gan_status_text(GAN_OK));
    assert_string_equal(gan_context_explain(NULL, GAN_E_IO), gan_status_text(GAN_E_IO));
    gan_context_release(context);
}

typedef struct listener {
    int calls;
    int32_t level;
    char id[32], text[200];
} listener;
static void listen(void *user, int32_t level, const char *id, const char *text) {
    listener *l = user;
    l->calls++;
    l->level = level;
    snprintf(l->id, sizeof l->id, "%s", id);
    snprintf(l->text, sizeof l->text, "%s", text);
}

/* Why there is no context, the logger is told. */
static void refusals_are_told(void **state) {
    (void)state;
    listener heard = {0};
    gan_logger logger;
    gan_logger_init(&logger);
    logger.user = &heard;
    logger.log = listen;
    gan_allocator allocator;
    gan_allocator_init(&allocator);
    assert_int_equal(allocator.struct_size, sizeof allocator);
    gan_executor executor;
    gan_executor_init(&executor);
    gan_context_options o;
#define TOLD(MEMBER, VALUE, WORDS)                                                                                     \
    do {                                                                                                               \
        gan_context_options_init(&o);                                                                                  \
        o.logger = &logger;                                                                                            \
        o.MEMBER = (VALUE);                                                                                            \
        heard.calls = 0;                                                                                               \
        assert_true(create(&o) < 0);                                                                                   \
        assert_int_equal(heard.calls, 1);                                                                              \
        assert_int_equal(heard.level, GAN_LOG_ERROR);                                                                  \
        assert_string_equal(heard.id, "context.refused");                                                              \
        if (strstr(heard.text, WORDS) == NULL) fail_msg("%s", heard.text);                                             \
    } while (0)
    TOLD(threads, 1000, "1000 threads: 1 to 256");
    TOLD(level, 9, "level is 9; it must be in -1 to 2");
    TOLD(memory_limit, -2, "memory_limit is -2");
    TOLD(memory_limit, 10, "out of memory");
    TOLD(version, 2000000, "headers of libgan 2.0");
    TOLD(allocator, &allocator, "allocate or deallocate is NULL");
    TOLD(executor, &executor, "an executor needs a parallel_for");
    allocator.struct_size = 0;
    TOLD(allocator, &allocator, "allocator: options have struct_size 0");
}

static void count_end(void *user) { ++*(int *)user; }

/* With the last of its objects, not before, a context says that it has ended. */
static void ends_are_told(void **state) {
    (void)state;
    int ended = 0;
    gan_context_options options;
    gan_context_options_init(&options);
    options.ended = count_end;
    options.ended_user = &ended;
    gan_context *context;
    gan_tensor *t;
    assert_int_equal(gan_context_create(&context, &options), GAN_OK);
    assert_int_equal(gan_tensor_create(&t, context, GAN_F32, gan_shape_1d(3)), GAN_OK);
    gan_context_release(context);
    assert_int_equal(ended, 0);
    gan_tensor_release(t);
    assert_int_equal(ended, 1);
    options.threads = 1000;
    assert_int_equal(create(&options), GAN_E_ARGUMENT);
    assert_int_equal(ended, 1);
}

/* What gan_context_memory says is what the allocator saw. */
static void memory_is_counted(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *context = host_context_with(2, GAN_LEVEL_AUTO, 0, &memory);
    size_t base, current, peak;
    gan_context_memory(context, &base, &peak);
    assert_true(base > 0 && peak >= base);
    assert_true((long long)base == atomic_load(&memory.bytes));
    gan_tensor *t = NULL;
    assert_int_equal(gan_tensor_create(&t, context, GAN_F32, gan_shape_1d(100000)), GAN_OK);
    gan_context_memory(context, &current, NULL);
    assert_true(current >= base + 400000 && current < base + 401000);
    assert_true((long long)current == atomic_load(&memory.bytes));
    gan_tensor_release(t);
    gan_context_memory(context, &current, &peak);
    assert_true(current == base && peak >= base + 400000 && peak < base + 401000);
    memory.fail_at = atomic_load(&memory.calls) + 1; /* what the allocator refuses does not count */
    assert_int_equal(gan_tensor_create(&t, context, GAN_F32, gan_shape_1d(1000)), GAN_E_MEMORY);
    assert_null(strstr(gan_context_error(context), "memory_limit"));
    gan_context_memory(context, &current, NULL);
    assert_true(current == base);
    gan_context_release(context);
    assert_true(atomic_load(&memory.bytes) == 0);
    current = peak = 7;
    gan_context_memory(NULL, &current, &peak);
    assert_true(current == 0 && peak == 0);
    gan_context_memory(NULL, NULL, NULL);
}

static gan_status create_limited(gan_context **out, int64_t limit) {
    gan_context_options options;
    gan_context_options_init(&options);
    options.threads = 1;
    options.memory_limit = limit;
    return gan_context_create(out, &options);
}

static void memory_is_limited(void **state) {
    (void)state;
    gan_context *context = NULL;
    assert_int_equal(create_limited(&context, -2), GAN_E_ARGUMENT);
    assert_int_equal(create_limited(&context, 0), GAN_E_MEMORY);
    assert_null(context);
    assert_int_equal(create_limited(&context, INT64_MAX), GAN_OK);
    gan_context_release(context);
    assert_int_equal(create_limited(&context, 4000000), GAN_OK);
    gan_tensor *t = NULL, *more = NULL;
    assert_int_equal(gan_tensor_create(&t, context, GAN_F32, gan_shape_1d(900000)), GAN_OK);
    size_t before, current, peak;
    gan_context_memory(context, &before, NULL);
    assert_int_equal(gan_tensor_create(&more, context, GAN_F32, gan_shape_1d(100000)), GAN_E_MEMORY);
    assert_non_null(strstr(gan_context_error(context), "400064 bytes were wanted"));
    assert_non_null(strstr(gan_context_error(context), "memory_limit's 4000000"));
    gan_context_memory(context, &current, &peak);
    assert_true(current == before && peak <= 4000000);
    gan_tape *tape = NULL;
    assert_int_equal(gan_tape_create(&tape, context), GAN_OK);
    gan_mul(tape, t, t);
    assert_int_equal(gan_tape_status(tape), GAN_E_MEMORY);
    assert_non_null(strstr(gan_tape_error(tape), "900000"));
    assert_non_null(strstr(gan_tape_error(tape), "memory_limit's 4000000"));
    gan_tape_release(tape);
    gan_tensor_release(t);
    assert_int_equal(gan_tensor_create(&t, context, GAN_F32, gan_shape_1d(100000)), GAN_OK); /* there is room again */
    gan_tensor_release(t);
    gan_context_release(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults),
        cmocka_unit_test(options_grow),
        cmocka_unit_test(bad_values),
        cmocka_unit_test(memory_is_balanced),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(any_order_of_release),
        cmocka_unit_test(the_hosts_executor),
        cmocka_unit_test(threads),
        cmocka_unit_test(whose),
        cmocka_unit_test(messages),
        cmocka_unit_test(explanations),
        cmocka_unit_test(refusals_are_told),
        cmocka_unit_test(ends_are_told),
        cmocka_unit_test(memory_is_counted),
        cmocka_unit_test(memory_is_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
