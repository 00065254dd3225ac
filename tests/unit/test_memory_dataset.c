/* Datasets of the application's own: items in memory, items that a function gives, and some items of another set. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <gan/data.h>
#include <gan/image.h>

#include "compare.h"
#include "host.h"

static void count_call(void *user) { ++*(int *)user; }

/* Points in the plane, as doubles, with labels. */
static const double points[5][2] = {{0.5, -1.25}, {3, 1e-300}, {-0.0, 7}, {1.0 / 3, 2}, {1e30, -1}};
static const int32_t point_labels[5] = {2, 0, 1, 2, 0};

static gan_memory_dataset describe_points(void) {
    gan_memory_dataset d;
    gan_memory_dataset_init(&d);
    d.dtype = GAN_F64;
    d.shape = gan_shape_1d(2);
    d.count = 5;
    d.items = points;
    d.labels = point_labels;
    return d;
}

static void points_in_order(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *context = host_context_with(1, GAN_LEVEL_REFERENCE, 1, &memory);
    static const char *const names[3] = {"left", "right", "\xc3\xa9"};
    gan_memory_dataset d = describe_points();
    gan_dataset *set;
    assert_int_equal(gan_memory_dataset_create(&set, context, &d), GAN_OK);
    assert_int_equal(gan_dataset_count(set), 5);
    assert_int_equal(gan_dataset_dtype(set), GAN_F64);
    assert_true(gan_shape_equal(gan_dataset_shape(set), gan_shape_1d(2)));
    assert_int_equal(gan_dataset_classes(set), 3);
    assert_null(gan_dataset_class_name(set, 0));
    for (int i = 0; i < 5; i++) {
        double got[2];
        int32_t label;
        assert_int_equal(gan_dataset_read(set, i, got, sizeof got, &label), GAN_OK);
        assert_memory_equal(got, points[i], sizeof got);
        assert_int_equal(label, point_labels[i]);
        assert_int_equal(gan_dataset_read(set, i, got, sizeof(float) * 2, NULL), GAN_E_SHAPE);
    }
    gan_dataset_release(set);
    /* names and a number of classes that the labels do not reach */
    d.classes = 3;
    d.class_names = names;
    assert_int_equal(gan_memory_dataset_create(&set, context, &d), GAN_OK);
    assert_string_equal(gan_dataset_class_name(set, 2), names[2]);
    assert_null(gan_dataset_class_name(set, 3));
    gan_dataset_release(set);
    d.labels = NULL;
    d.class_names = NULL;
    assert_int_equal(gan_memory_dataset_create(&set, context, &d), GAN_OK);
    assert_int_equal(gan_dataset_classes(set), 0);
    gan_dataset_release(set);
    gan_context_release(context);
    assert_int_equal(memory.blocks, 0);
}

/* Numbers go through the loader as they are, whatever low and high say. */
static void through_the_loader(void **state) {
    (void)state;
    gan_context *context = host_context(2);
    float small[4][2][3];
    for (int i = 0; i < 24; i++) (&small[0][0][0])[i] = (float)i / 7 - 100;
    for (int32_t from = GAN_F32; from <= GAN_F64; from++)
        for (int32_t to = GAN_F32; to <= GAN_F64; to++) {
            gan_memory_dataset d = describe_points();
            if (from == GAN_F32) {
                d.dtype = GAN_F32;
                d.shape = gan_shape_2d(2, 3);
                d.count = 4;
                d.items = small;
                d.labels = NULL;
            }
            gan_dataset *set;
            assert_int_equal(gan_memory_dataset_create(&set, context, &d), GAN_OK);
            gan_loader_options options;
            gan_loader_options_init(&options);
            options.batch_size = d.count;
            options.shuffle = 0;
            options.dtype = to;
            options.low = 5;
            options.high = 6;
            gan_loader *loader;
            assert_int_equal(gan_loader_create(&loader, set, &options), GAN_OK);
            assert_int_equal(gan_loader_index(loader, 0), -1);
            gan_tensor *items, *labels;
            assert_int_equal(gan_loader_next(loader, &items, &labels), GAN_OK);
            assert_int_equal(gan_tensor_dtype(items), to);
            assert_true(
                gan_shape_equal(gan_tensor_shape(items), from == GAN_F32 ? gan_shape_3d(4, 2, 3) : gan_shape_2d(5, 2)));
            for (int64_t i = 0; i < gan_tensor_count(items); i++) {
                double value = from == GAN_F32 ? (double)(&small[0][0][0])[i] : (&points[0][0])[i];
                assert_true(gan_tensor_item(items, i) == (to == GAN_F32 ? (double)(float)value : value));
            }
            for (int64_t i = 0; i < d.count; i++) {
                assert_int_equal((int)gan_tensor_item(labels, i), from == GAN_F32 ? -1 : point_labels[i]);
                assert_int_equal(gan_loader_index(loader, i), i);
            }
            assert_int_equal(gan_loader_index(loader, d.count), -1);
            assert_int_equal(gan_loader_index(loader, -1), -1);
            gan_loader_release(loader);
            options.flip = 1; /* there is no left and right */
            assert_int_equal(gan_loader_create(&loader, set, &options), GAN_E_SHAPE);
            options.flip = 0;
            options.crop_padding = 1;
            assert_int_equal(gan_loader_create(&loader, set, &options), GAN_E_SHAPE);
            gan_dataset_release(set);
        }
    assert_int_equal(gan_loader_index(NULL, 0), -1);
    gan_context_release(context);
}

static void copied_or_not(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *context = host_context_with(1, GAN_LEVEL_REFERENCE, 1, &memory);
    uint8_t pixels[3][4] = {{1, 2, 3, 4}, {5, 6, 7, 8}, {9, 10, 11, 12}}, got[4];
    int32_t labels[3] = {0, 1, 0};
    int released = 0;
    gan_memory_dataset d;
    gan_memory_dataset_init(&d);
    d.shape = gan_shape_3d(1, 2, 2);
    d.count = 3;
    d.items = pixels;
    d.labels = labels;
    gan_dataset *copy, *own;
    assert_int_equal(gan_memory_dataset_create(&copy, context, &d), GAN_OK);
    d.copy = 0;
    d.release = count_call;
    d.user = &released;
    assert_int_equal(gan_memory_dataset_create(&own, context, &d), GAN_OK);
    assert_true(gan_dataset_fingerprint(copy) == gan_dataset_fingerprint(own));
    long long bytes = memory.bytes;
    pixels[1][0] = 99;
    assert_int_equal(gan_dataset_read(copy, 1, got, sizeof got, NULL), GAN_OK);
    assert_int_equal(got[0], 5);
    assert_int_equal(gan_dataset_read(own, 1, got, sizeof got, NULL), GAN_OK);
    assert_int_equal(got[0], 99);
    assert_int_equal(memory.bytes, bytes);
    /* contents, labels, shape, type: each makes another set */
    uint64_t seen[6] = {gan_dataset_fingerprint(own)};
    d.release = NULL;
    for (int k = 1; k < 6; k++) {
        gan_dataset *other;
        if (k == 2) labels[2] = 1;
        if (k == 3) d.shape = gan_shape_1d(4);
        if (k == 4) d.labels = NULL;
        if (k == 5) d.count = 2;
        assert_int_equal(gan_memory_dataset_create(&other, context, &d), GAN_OK);
        seen[k] = gan_dataset_fingerprint(other);
        for (int i = 0; i < k; i++) assert_true(seen[i] != seen[k]);
        gan_dataset_release(other);
    }
    /* the memory is given back when nobody needs it any more, and once */
    gan_loader_options options;
    gan_loader_options_init(&options);
    options.batch_size = 1;
    gan_loader *loader;
    assert_int_equal(gan_loader_create(&loader, own, &options), GAN_OK);
    gan_dataset_release(own);
    assert_int_equal(released, 0);
    gan_loader_release(loader);
    assert_int_equal(released, 1);
    gan_dataset_release(copy);
    gan_context_release(context);
    assert_int_equal(memory.blocks, 0);
    assert_int_equal(released, 1);
}

static void memory_refusals(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    static const char *const names[3] = {"a", NULL, "c"};
    static const int32_t negative[5] = {0, 0, -1, 0, 0};
    int released = 0;
    gan_dataset *set;
    for (int k = 0; k < 22; k++) {
        gan_memory_dataset d = describe_points();
        gan_status expected = GAN_E_ARGUMENT;
        if (k == 0) d.struct_size = 0;
        if (k == 1) d.items = NULL;
        if (k == 2) d.count = 0;
        if (k == 3) d.count = -1;
        if (k == 4) d.copy = 2;
        if (k == 5) d.release = count_call; /* with copy 1 */
        if (k == 6) d.classes = 2;          /* there is a label 2 */
        if (k == 7) d.classes = 0;
        if (k == 8) d.classes = -2;
        if (k == 9) d.labels = negative;
        if (k == 10) d.class_names = names; /* without a number of classes */
        if (k == 11) d.classes = 3, d.class_names = names;
        if (k == 12) d.labels = NULL, d.classes = 1, d.class_names = names;
        if (k == 13) d.copy = 0, d.items = (const char *)points + 1;
        if (k == 14) d.dtype = GAN_I32, expected = GAN_E_DTYPE;
        if (k == 15) d.dtype = 0, expected = GAN_E_DTYPE;
        if (k == 16) d.shape = gan_shape_0d(), expected = GAN_E_SHAPE;
        if (k == 17) d.shape.rank = 8, expected = GAN_E_SHAPE;
        if (k == 18) d.shape.rank = -1, expected = GAN_E_SHAPE;
        if (k == 19) d.shape = gan_shape_2d(2, 0), expected = GAN_E_SHAPE;
        if (k == 20) d.shape = gan_shape_1d((int64_t)1 << 60), d.count = 16, expected = GAN_E_LIMIT;
        if (k == 21) d.shape = gan_shape_1d((int64_t)1 << 40), d.count = (int64_t)1 << 20, expected = GAN_E_LIMIT;
        if (d.release != NULL) d.user = &released;
        set = (gan_dataset *)context;
        int status = gan_memory_dataset_create(&set, context, &d);
        if (status != expected) print_error("case %d: %s\n", k, gan_context_error(context));
        assert_int_equal(status, expected);
        assert_null(set);
    }
    assert_int_equal(released, 0);
    gan_memory_dataset d = describe_points();
    assert_int_equal(gan_memory_dataset_create(NULL, context, &d), GAN_E_ARGUMENT);
    assert_int_equal(gan_memory_dataset_create(&set, NULL, &d), GAN_E_ARGUMENT);
    assert_int_equal(gan_memory_dataset_create(&set, context, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_dataset_dtype(NULL), 0);
    gan_context_release(context);
}

/* ---- items that a function gives ---- */

typedef struct source {
    gan_context *context;
    int64_t calls, fail_at; /* this item fails; -1: none */
    int status;             /* with this */
    int32_t labels;         /* first label given; others follow modulo 3 */
    const char *missing;    /* a file that a failing call tries to read */
    int released;
} source;

static gan_status give(void *user, int64_t index, void *item, int32_t *label) {
    source *s = user;
    float *out = item;
    s->calls++;
    assert_non_null(item);
    if (index == s->fail_at) {
        gan_tensor *picture;
        if (s->missing != NULL) return gan_png_read(&picture, s->context, s->missing);
        return s->status;
    }
    for (int i = 0; i < 12; i++) out[i] = (float)(index * 100 + i);
    *label = s->labels + (int32_t)(index % 3);
    return GAN_OK;
}

static void release_source(void *user) { ((source *)user)->released++; }

static gan_callback_dataset describe_source(source *s) {
    gan_callback_dataset d;
    gan_callback_dataset_init(&d);
    d.dtype = GAN_F32;
    d.shape = gan_shape_3d(3, 2, 2);
    d.count = 10;
    d.classes = 3;
    d.read = give;
    d.release = release_source;
    d.user = s;
    return d;
}

static void callbacks(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *context = host_context_with(4, GAN_LEVEL_AUTO, 0, &memory);
    source s = {context, 0, -1, 0, 0, NULL, 0};
    static const char *const names[3] = {"a", "b", "c"};
    gan_callback_dataset d = describe_source(&s);
    d.class_names = names;
    gan_dataset *set;
    assert_int_equal(gan_callback_dataset_create(&set, context, &d), GAN_OK);
    assert_int_equal(s.calls, 0);
    assert_string_equal(gan_dataset_class_name(set, 1), "b");
    float item[12];
    int32_t label;
    assert_int_equal(gan_dataset_read(set, 7, item, sizeof item, &label), GAN_OK);
    assert_true(item[11] == 711);
    assert_int_equal(label, 1);
    gan_loader_options options;
    gan_loader_options_init(&options);
    options.batch_size = 4;
    options.dtype = GAN_F64;
    gan_loader *loader;
    assert_int_equal(gan_loader_create(&loader, set, &options), GAN_OK);
    gan_tensor *items, *labels;
    long long calls = memory.calls;
    for (int step = 0; step < 5; step++) {
        assert_int_equal(gan_loader_next(loader, &items, &labels), GAN_OK);
        for (int i = 0; i < 4; i++) {
            int64_t index = gan_loader_index(loader, i);
            assert_true(gan_tensor_item(items, i * 12 + 5) == (double)(index * 100 + 5));
            assert_int_equal((int)gan_tensor_item(labels, i), (int)(index % 3));
        }
    }
    assert_int_equal(memory.calls, calls);
    /* labels alone: the function still gets a place for the item */
    assert_int_equal(gan_loader_next(loader, NULL, &labels), GAN_OK);
    /* a failure goes through, and the position stays where it was */
    int64_t position = gan_loader_position(loader);
    assert_int_equal(gan_loader_next(loader, &items, &labels), GAN_OK);
    int64_t second = gan_loader_index(loader, 1);
    assert_int_equal(gan_loader_set_position(loader, position), GAN_OK);
    s.fail_at = second;
    s.status = GAN_E_IO;
    assert_int_equal(gan_loader_next(loader, &items, &labels), GAN_E_IO);
    assert_null(items);
    assert_null(labels);
    assert_int_equal(gan_loader_position(loader), position);
    assert_non_null(strstr(gan_context_error(context), gan_status_text(GAN_E_IO)));
    s.missing = "/nonexistent/x.png"; /* its own message says more, every time */
    for (int k = 0; k < 2; k++) {
        assert_int_equal(gan_dataset_read(set, second, item, sizeof item, NULL), GAN_E_IO);
        assert_non_null(strstr(gan_context_error(context), "nonexistent/x.png"));
        assert_non_null(strstr(gan_context_error(context), "item "));
    }
    s.missing = NULL;
    s.status = 5;
    assert_int_equal(gan_loader_next(loader, &items, &labels), GAN_E_ARGUMENT);
    s.fail_at = -1;
    s.labels = 1; /* 3 is no class */
    assert_int_equal(gan_dataset_read(set, 2, item, sizeof item, NULL), GAN_E_ARGUMENT);
    s.labels = -1;
    assert_int_equal(gan_dataset_read(set, 0, item, sizeof item, &label), GAN_E_ARGUMENT);
    s.labels = 0;
    assert_int_equal(gan_loader_next(loader, &items, &labels), GAN_OK);
    assert_int_equal(gan_loader_index(loader, 1), second);
    gan_loader_release(loader);
    gan_dataset_release(set);
    assert_int_equal(s.released, 1);
    /* without classes labels are not looked at */
    d.classes = 0;
    d.class_names = NULL;
    s.labels = 77;
    assert_int_equal(gan_callback_dataset_create(&set, context, &d), GAN_OK);
    assert_int_equal(gan_dataset_read(set, 2, item, sizeof item, &label), GAN_OK);
    assert_int_equal(label, -1);
    uint64_t plain = gan_dataset_fingerprint(set);
    gan_dataset_release(set);
    d.fingerprint = 1;
    assert_int_equal(gan_callback_dataset_create(&set, context, &d), GAN_OK);
    assert_true(gan_dataset_fingerprint(set) != plain);
    gan_dataset_release(set);
    gan_context_release(context);
    assert_int_equal(s.released, 3);
    assert_int_equal(memory.blocks, 0);
}

static void callback_refusals(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    static const char *const names[3] = {"a", NULL, "c"};
    source s = {context, 0, -1, 0, 0, NULL, 0};
    gan_dataset *set;
    for (int k = 0; k < 8; k++) {
        gan_callback_dataset d = describe_source(&s);
        gan_status expected = GAN_E_ARGUMENT;
        if (k == 0) d.struct_size = 0;
        if (k == 1) d.read = NULL;
        if (k == 2) d.count = 0;
        if (k == 3) d.classes = -1;
        if (k == 4) d.class_names = names;
        if (k == 5) d.classes = 0, d.class_names = names;
        if (k == 6) d.dtype = 9, expected = GAN_E_DTYPE;
        if (k == 7) d.shape = gan_shape_0d(), expected = GAN_E_SHAPE;
        set = (gan_dataset *)context;
        assert_int_equal(gan_callback_dataset_create(&set, context, &d), expected);
        assert_null(set);
    }
    gan_callback_dataset d = describe_source(&s);
    assert_int_equal(gan_callback_dataset_create(NULL, context, &d), GAN_E_ARGUMENT);
    assert_int_equal(gan_callback_dataset_create(&set, NULL, &d), GAN_E_ARGUMENT);
    assert_int_equal(gan_callback_dataset_create(&set, context, NULL), GAN_E_ARGUMENT);
    assert_int_equal(s.calls, 0);
    assert_int_equal(s.released, 0);
    gan_context_release(context);
}

static void no_memory(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *context = host_context_with(1, GAN_LEVEL_REFERENCE, 1, &memory);
    static const char *const names[3] = {"a", "b", "c"};
    long long idle = memory.blocks;
    source s = {context, 0, -1, 0, 0, NULL, 0};
    for (int kind = 0; kind < 2; kind++) {
        gan_memory_dataset m = describe_points();
        m.classes = 3;
        m.class_names = names;
        gan_callback_dataset c = describe_source(&s);
        c.class_names = names;
        gan_dataset *set = NULL;
        int status = GAN_E_MEMORY;
        for (long long k = 1; status != GAN_OK; k++) {
            memory.fail_at = memory.calls + k;
            status = kind == 0 ? gan_memory_dataset_create(&set, context, &m)
                               : gan_callback_dataset_create(&set, context, &c);
            memory.fail_at = 0;
            assert_true(status == GAN_OK || status == GAN_E_MEMORY);
            if (status != GAN_OK) assert_int_equal(memory.blocks, idle);
            assert_true(k < 50);
        }
        assert_string_equal(gan_dataset_class_name(set, 2), "c");
        gan_dataset_release(set);
    }
    assert_int_equal(s.released, 1); /* only by the set that came to be */
    gan_context_release(context);
    assert_int_equal(memory.blocks, 0);
}

/* ---- slices ---- */

static void slices(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *context = host_context_with(1, GAN_LEVEL_REFERENCE, 1, &memory);
    static const char *const names[3] = {"left", "right", "up"};
    gan_memory_dataset d = describe_points();
    gan_dataset *set, *part, *inner, *same;
    d.classes = 3;
    d.class_names = names;
    assert_int_equal(gan_memory_dataset_create(&set, context, &d), GAN_OK);
    assert_int_equal(gan_dataset_slice(&part, set, 1, 4), GAN_OK);
    assert_int_equal(gan_dataset_slice(&inner, part, 2, 2), GAN_OK);
    assert_int_equal(gan_dataset_slice(&same, set, 3, 2), GAN_OK);
    assert_true(gan_dataset_fingerprint(inner) == gan_dataset_fingerprint(same));
    assert_true(gan_dataset_fingerprint(part) != gan_dataset_fingerprint(set));
    gan_dataset_release(same);
    assert_int_equal(gan_dataset_slice(&same, set, 0, 4), GAN_OK);
    assert_true(gan_dataset_fingerprint(part) != gan_dataset_fingerprint(same));
    gan_dataset_release(same);
    gan_dataset_release(set); /* the slices keep it */
    assert_int_equal(gan_dataset_count(part), 4);
    assert_int_equal(gan_dataset_dtype(part), GAN_F64);
    assert_int_equal(gan_dataset_classes(part), 3);
    assert_string_equal(gan_dataset_class_name(inner, 2), "up");
    for (int i = 0; i < 4; i++) {
        double got[2];
        int32_t label;
        assert_int_equal(gan_dataset_read(part, i, got, sizeof got, &label), GAN_OK);
        assert_memory_equal(got, points[i + 1], sizeof got);
        assert_int_equal(label, point_labels[i + 1]);
        if (i >= 2) continue;
        assert_int_equal(gan_dataset_read(inner, i, got, sizeof got, &label), GAN_OK);
        assert_memory_equal(got, points[i + 3], sizeof got);
    }
    double beyond[2];
    assert_int_equal(gan_dataset_read(inner, 2, beyond, sizeof beyond, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_dataset_read(part, -1, beyond, sizeof beyond, NULL), GAN_E_ARGUMENT);
    static const int64_t wrong[][2] = {{-1, 2}, {0, 0}, {0, -1},        {0, 5},
                                       {3, 2},  {4, 1}, {1, INT64_MAX}, {INT64_MAX, 1}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        same = part;
        assert_int_equal(gan_dataset_slice(&same, part, wrong[i][0], wrong[i][1]), GAN_E_ARGUMENT);
        assert_null(same);
        assert_non_null(strstr(gan_context_error(context), "are not in the 4 items"));
    }
    assert_int_equal(gan_dataset_slice(NULL, part, 0, 1), GAN_E_ARGUMENT);
    assert_int_equal(gan_dataset_slice(&same, NULL, 0, 1), GAN_E_ARGUMENT);
    gan_dataset_release(inner);
    gan_dataset_release(part);
    gan_context_release(context);
    assert_int_equal(memory.blocks, 0);
}

/* Of items that a function gives: it is called for these alone, one at a time, and its failure goes through. */
static void slices_of_callbacks(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *context = host_context_with(4, GAN_LEVEL_AUTO, 0, &memory);
    source s = {context, 0, -1, 0, 0, NULL, 0};
    gan_callback_dataset d = describe_source(&s);
    gan_dataset *set, *part;
    gan_loader *loader;
    gan_loader_options options;
    gan_loader_options_init(&options);
    options.batch_size = 2;
    options.shuffle = 0;
    assert_int_equal(gan_callback_dataset_create(&set, context, &d), GAN_OK);
    assert_int_equal(gan_dataset_slice(&part, set, 4, 4), GAN_OK);
    gan_dataset_release(set);
    assert_int_equal(gan_loader_create(&loader, part, &options), GAN_OK);
    gan_tensor *items, *labels;
    assert_int_equal(gan_loader_next(loader, NULL, &labels), GAN_OK); /* the function gets a place for the item */
    assert_int_equal((int)gan_tensor_item(labels, 1), 5 % 3);
    assert_int_equal(gan_loader_next(loader, &items, NULL), GAN_OK);
    assert_true(gan_tensor_item(items, 12) == 700);
    assert_int_equal((int)s.calls, 4);
    s.fail_at = 5;
    s.status = GAN_E_IO;
    assert_int_equal(gan_loader_next(loader, &items, &labels), GAN_E_IO);
    gan_loader_release(loader);
    assert_int_equal(s.released, 0);
    gan_dataset_release(part);
    assert_int_equal(s.released, 1);
    gan_context_release(context);
    assert_int_equal(memory.blocks, 0);
}

/* A loader reads a slice as it reads a set of these items; digits keep their factors. */
static void slices_in_loaders(void **state) {
    (void)state;
    gan_context *context = host_context(2);
    gan_digits_options options;
    gan_digits_options_init(&options);
    options.count = 40;
    gan_dataset *digits, *part;
    gan_loader *loader;
    gan_loader_options l;
    gan_loader_options_init(&l);
    l.batch_size = 5;
    assert_int_equal(gan_digits_create(&digits, context, &options), GAN_OK);
    assert_int_equal(gan_dataset_slice(&part, digits, 30, 10), GAN_OK);
    assert_int_equal(gan_loader_create(&loader, part, &l), GAN_OK);
    assert_int_equal(gan_loader_batches(loader), 2);
    int seen[10] = {0};
    for (int batch = 0; batch < 2; batch++) {
        gan_tensor *images, *labels;
        assert_int_equal(gan_loader_next(loader, &images, &labels), GAN_OK);
        for (int i = 0; i < 5; i++) {
            uint8_t image[784];
            int32_t label;
            int64_t index = gan_loader_index(loader, i);
            double slant[2], width[2];
            seen[index]++;
            assert_int_equal(gan_dataset_read(digits, 30 + index, image, sizeof image, &label), GAN_OK);
            assert_int_equal((int)gan_tensor_item(labels, i), label);
            for (int k = 0; k < 784; k++)
                assert_true(fabs(gan_tensor_item(images, i * 784 + k) - (image[k] / 127.5 - 1)) < 1e-6);
            assert_int_equal(gan_digits_factors(digits, 30 + index, &slant[0], &width[0]), GAN_OK);
            assert_int_equal(gan_digits_factors(part, index, &slant[1], &width[1]), GAN_OK);
            assert_true(slant[0] == slant[1] && width[0] == width[1]);
        }
    }
    for (int i = 0; i < 10; i++) assert_int_equal(seen[i], 1);
    double slant, width;
    assert_int_equal(gan_digits_factors(part, 10, &slant, &width), GAN_E_ARGUMENT);
    gan_loader_release(loader);
    gan_dataset_release(part);
    gan_dataset_release(digits);
    gan_context_release(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_in_order),   cmocka_unit_test(through_the_loader),
        cmocka_unit_test(copied_or_not),     cmocka_unit_test(memory_refusals),
        cmocka_unit_test(callbacks),         cmocka_unit_test(callback_refusals),
        cmocka_unit_test(no_memory),         cmocka_unit_test(slices),
        cmocka_unit_test(slices_in_loaders), cmocka_unit_test(slices_of_callbacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
