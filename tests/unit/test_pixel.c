/* Masked convolutions and PixelRNN's LSTMs as parts of networks: parameter counts, what depends on what (to the last
 * bit), gradients of what a mask hides, refusals, sampling. Numbers: tests/golden/test_golden_pixel.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gan.h>

#include "compare.h"
#include "layer_fixture.h"
#include "networks.h"
#include "nn/pixel.h"

static gan_pixel_lstm_options lstm_options(int32_t learned, int64_t colors) {
    gan_pixel_lstm_options o;
    gan_pixel_lstm_options_init(&o);
    o.learned_state = learned;
    o.colors = colors;
    return o;
}

static gan_shape with_batch(int64_t n, gan_shape item) {
    return gan_shape_4d(n, item.size[0], item.size[1], item.size[2]);
}

/* ---- counts of parameters ---- */

enum { CNN, ROW, DIAGONAL, KINDS };

/* The paper's residual blocks, with tanh for ReLU, so that no unit is dead: `layers` of width h. */
static gan_layer *network(const layer_fixture *f, gan_dtype dtype, int kind, gan_shape image, int64_t h, int layers,
                          int32_t learned, int64_t head, int64_t outputs) {
    int64_t colors = image.size[0];
    gan_pixel_lstm_options o = lstm_options(learned, colors);
    gan_builder *b = gan_builder_begin(f->context, image);
    gan_builder_set_dtype(b, dtype);
    networks_masked_conv(b, 2 * h, 7, GAN_MASK_A, colors);
    for (int i = 0; i < layers; i++) {
        gan_builder_split(b);
        if (kind == CNN) {
            gan_add_tanh(b);
            networks_masked_conv(b, h, 1, GAN_MASK_B, colors);
            gan_add_tanh(b);
            networks_masked_conv(b, h, 3, GAN_MASK_B, colors);
            gan_add_tanh(b);
        }
        if (kind == ROW) gan_add_row_lstm(b, h, 3, &o);
        if (kind == DIAGONAL) gan_add_diagonal_bilstm(b, h, &o);
        networks_masked_conv(b, 2 * h, 1, GAN_MASK_B, colors);
        gan_builder_next(b);
        gan_builder_join(b, GAN_JOIN_SUM);
    }
    for (int i = 0; i < 2; i++) {
        gan_add_tanh(b);
        networks_masked_conv(b, head, 1, GAN_MASK_B, colors);
    }
    networks_masked_conv(b, outputs, 1, GAN_MASK_B, colors);
    return layer_fixture_end(f, b);
}

static void counts(void **state) {
    static const struct {
        int kind;
        int64_t h;
        int layers;
        int32_t learned;
        int64_t expected;
    } cases[] = {{CNN, 16, 7, 0, 27489},      {ROW, 16, 7, 0, 72513},
                 {DIAGONAL, 16, 7, 0, 65793}, {DIAGONAL, 16, 7, 1, 65793 + 12544},
                 {DIAGONAL, 32, 1, 0, 41505}, {DIAGONAL, 32, 1, 1, 41505 + 3584}};
    layer_fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        gan_layer *layer = network(f, GAN_F32, cases[i].kind, gan_shape_3d(1, 28, 28), cases[i].h, cases[i].layers,
                                   cases[i].learned, 32, 1);
        assert_int_equal(gan_layer_parameter_count(layer), cases[i].expected);
        gan_layer_release(layer);
    }
    gan_layer *layer = network(f, GAN_F32, DIAGONAL, gan_shape_3d(3, 32, 32), 128, 12, 0, 1024, 768);
    assert_int_equal(gan_layer_parameter_count(layer), 8837888);
    gan_layer_release(layer);
}

/* Of PixelCNN's 27489 parameters 19521 are live: gradients of exactly the others are 0, and Adam does not move them. */
static void live(void **state) {
    layer_fixture *f = *state;
    gan_layer *layer = network(f, GAN_F64, CNN, gan_shape_3d(1, 28, 28), 16, 7, 0, 32, 1), *before;
    assert_int_equal(gan_layer_clone(&before, layer), GAN_OK);
    gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_4d(1, 1, 28, 28), -1, 1, 3), *ps[64], *gs[64];
    gan_tensor *loss = gan_mean(f->tape, gan_square(f->tape, gan_layer_forward(f->tape, layer, x)));
    int32_t count = gan_layer_tensor_count(layer);
    assert_true(count <= 64);
    for (int32_t i = 0; i < count; i++) ps[i] = gan_layer_tensor(layer, i);
    gan_gradients(f->tape, loss, NULL, ps, count, GAN_GRAD_RETAIN, gs);
    assert_int_equal(gan_tape_status(f->tape), GAN_OK);
    double *zero[64];
    int64_t living = 0;
    for (int32_t i = 0; i < count; i++) {
        zero[i] = compare_read(gs[i]);
        for (int64_t k = 0; k < gan_tensor_count(gs[i]); k++) living += zero[i][k] != 0;
    }
    assert_int_equal(living, 19521);
    gan_optimizer *adam;
    assert_int_equal(gan_adam_create(&adam, layer, NULL), GAN_OK);
    assert_int_equal(gan_optimizer_step(adam, f->tape, loss), GAN_OK);
    for (int32_t i = 0; i < count; i++) {
        double *now = compare_read(ps[i]), *then = compare_read(gan_layer_tensor(before, i));
        for (int64_t k = 0; k < gan_tensor_count(ps[i]); k++) assert_int_equal(now[k] == then[k], zero[i][k] == 0);
        free(now);
        free(then);
        free(zero[i]);
    }
    gan_optimizer_release(adam);
    gan_tape_reset(f->tape);
    gan_layer_release(layer);
    gan_layer_release(before);
    gan_tensor_release(x);
}

/* ---- what depends on what ---- */

enum { H = 4, W = 5, PLACES = H * W * 3 };

/* Place p is a colour of a pixel, in their order: pixel p / colors, colour p % colors. sees[p][q]: p depends on q. */
typedef struct relation {
    unsigned char sees[PLACES][PLACES];
} relation;

/* Rows and columns that q's pixel is above and left of p's; colours decide at the pixel itself. */
typedef int sight(int64_t down, int64_t right, int64_t to, int64_t from);
static int square_a(int64_t down, int64_t right, int64_t to, int64_t from) {
    if (down == 0 && right == 0) return from < to;
    return down == 0 ? right == 1 : down == 1 && right >= -1 && right <= 1;
}
static int square_b(int64_t down, int64_t right, int64_t to, int64_t from) {
    return square_a(down, right, to, from) || (down == 0 && right == 0 && from == to);
}
static int point_b(int64_t down, int64_t right, int64_t to, int64_t from) {
    return down == 0 && right == 0 && from <= to;
}
/* k = 3: with each row above, one more on both sides; and the input's part, one more to the left */
static int triangle(int64_t down, int64_t right, int64_t to, int64_t from) {
    if (down == 0 && right == 0) return from <= to;
    return down >= 0 && right >= -down && right <= down + 1;
}
/* everything that is before */
static int everything(int64_t down, int64_t right, int64_t to, int64_t from) {
    if (down == 0 && right == 0) return from <= to;
    return down > 0 || (down == 0 && right > 0);
}
static int itself(int64_t down, int64_t right, int64_t to, int64_t from) {
    return down == 0 && right == 0 && from == to;
}

/* What is seen through one more layer: by what `next` sees, all that they see. */
static void look(relation *r, sight *next, sight *also, int64_t colors) {
    relation before = *r;
    int64_t places = H * W * colors;
    memset(r, 0, sizeof *r);
    for (int64_t p = 0; p < places; p++)
        for (int64_t m = 0; m < places; m++) {
            int64_t down = p / colors / W - m / colors / W, right = p / colors % W - m / colors % W;
            if (!next(down, right, p % colors, m % colors) && !also(down, right, p % colors, m % colors)) continue;
            for (int64_t q = 0; q < places; q++) r->sees[p][q] |= before.sees[m][q];
        }
}

/* Moves each colour of each pixel; the results that change are exactly those that the relation says. */
static void check_sight(const layer_fixture *f, const char *name, gan_layer *layer, const relation *r, int64_t colors) {
    gan_shape out = gan_layer_output_shape(layer, 0);
    gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_4d(1, colors, H, W), -1, 1, 21);
    double *base = compare_read(gan_layer_forward(f->tape, layer, x)), *data = gan_tensor_data(x);
    for (int64_t q = 0; q < H * W * colors; q++) {
        double *at = &data[q % colors * H * W + q / colors], kept = *at;
        *at = kept + 0.75;
        gan_tape_reset(f->tape);
        double *moved = compare_read(gan_layer_forward(f->tape, layer, x));
        assert_int_equal(gan_tape_status(f->tape), GAN_OK);
        *at = kept;
        for (int64_t p = 0; p < H * W * colors; p++) {
            int changed = 0;
            for (int64_t c = 0; c < out.size[0]; c++)
                if (c * colors / out.size[0] == p % colors)
                    changed |= moved[c * H * W + p / colors] != base[c * H * W + p / colors];
            if (changed != r->sees[p][q])
                fail_msg("%s: place %d %s on place %d", name, (int)p, changed ? "depends" : "does not depend", (int)q);
        }
        free(moved);
    }
    free(base);
    gan_tensor_release(x);
    gan_tape_reset(f->tape);
}

static gan_layer *finish(const layer_fixture *f, gan_builder *b) {
    gan_layer *layer = layer_fixture_end(f, b);
    for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++) /* states too, which are 0 at first */
        assert_int_equal(gan_tensor_fill_uniform(gan_layer_tensor(layer, i), -1, 1, 5, 99, (uint64_t)i * 10000),
                         GAN_OK);
    return layer;
}

static void look_at_itself(relation *r, int64_t colors) {
    memset(r, 0, sizeof *r);
    for (int64_t p = 0; p < H * W * colors; p++) r->sees[p][p] = 1;
}

/* Nothing of it, and nothing later, is seen by any place. */
static void assert_causal(const relation *r, int64_t colors) {
    for (int64_t p = 0; p < H * W * colors; p++)
        for (int64_t q = p; q < H * W * colors; q++) assert_int_equal(r->sees[p][q], 0);
}

static void one_layer(void **state) {
    layer_fixture *f = *state;
    for (int64_t colors = 1; colors <= 3; colors += 2)
        for (int kind = 0; kind < 4; kind++) {
            static sight *const sights[] = {square_a, square_b, triangle, everything};
            static const char *const names[] = {"mask A", "mask B", "row LSTM", "diagonal BiLSTM"};
            gan_pixel_lstm_options o = lstm_options(1, colors);
            gan_builder *b = layer_fixture_begin(f, gan_shape_3d(colors, H, W));
            if (kind < 2) networks_masked_conv(b, 7, 3, kind == 0 ? GAN_MASK_A : GAN_MASK_B, colors);
            if (kind == 2) gan_add_row_lstm(b, 4, 3, &o);
            if (kind == 3) gan_add_diagonal_bilstm(b, 4, &o);
            gan_layer *layer = finish(f, b);
            relation r;
            look_at_itself(&r, colors);
            look(&r, sights[kind], sights[kind], colors);
            check_sight(f, names[kind], layer, &r, colors);
            gan_layer_release(layer);
        }
}

/* Networks: mask A, blocks of the paper, and a head. The relation of each is that of its layers, one after the other:
 * PixelCNN has its blind spot, and what the last pixel of a diagonal BiLSTM sees is all there is before it. */
static void networks(void **state) {
    layer_fixture *f = *state;
    for (int64_t colors = 1; colors <= 3; colors += 2)
        for (int kind = 0; kind < KINDS; kind++) {
            static sight *const sights[] = {square_b, triangle, everything};
            static const char *const names[] = {"PixelCNN", "row LSTM", "diagonal BiLSTM"};
            gan_pixel_lstm_options o = lstm_options(0, colors);
            gan_builder *b = layer_fixture_begin(f, gan_shape_3d(colors, H, W));
            relation r;
            look_at_itself(&r, colors);
            networks_masked_conv(b, 6, 3, GAN_MASK_A, colors);
            look(&r, square_a, square_a, colors);
            for (int i = 0; i < 2; i++) {
                gan_builder_split(b);
                if (kind == CNN) networks_masked_conv(b, 4, 3, GAN_MASK_B, colors);
                if (kind == ROW) gan_add_row_lstm(b, 4, 3, &o);
                if (kind == DIAGONAL) gan_add_diagonal_bilstm(b, 4, &o);
                gan_add_tanh(b);
                networks_masked_conv(b, 6, 1, GAN_MASK_B, colors);
                gan_builder_next(b);
                gan_builder_join(b, GAN_JOIN_SUM);
                look(&r, sights[kind], itself, colors);
                look(&r, point_b, itself, colors);
            }
            networks_masked_conv(b, 2 * colors, 1, GAN_MASK_B, colors);
            look(&r, point_b, point_b, colors);
            gan_layer *layer = finish(f, b);
            assert_causal(&r, colors);
            int64_t last = H * W * colors - 1, seen = 0;
            for (int64_t q = 0; q < last; q++) seen += r.sees[last][q];
            assert_int_equal(seen == last, kind == DIAGONAL); /* the others have a blind spot here */
            check_sight(f, names[kind], layer, &r, colors);
            gan_layer_release(layer);
        }
}

/* In single precision, at sizes where plain convolutions are done by minimal filtering, which mixes neighbours: results
 * before a pixel keep their bits. */
static void single_precision(void **state) {
    layer_fixture *f = *state;
    enum { SIDE = 16, PIXELS = SIDE * SIDE };
    for (int kind = 0; kind < KINDS; kind++) {
        gan_layer *layer = network(f, GAN_F32, kind, gan_shape_3d(1, SIDE, SIDE), 16, 2, 1, 32, 1);
        gan_tensor *x = host_uniform(f->context, GAN_F32, gan_shape_4d(2, 1, SIDE, SIDE), -1, 1, 4);
        gan_tensor *y = gan_layer_forward(f->tape, layer, x);
        for (int64_t q = 3; q < PIXELS; q += 41) {
            gan_tensor *moved;
            assert_int_equal(gan_tensor_clone(&moved, x), GAN_OK);
            ((float *)gan_tensor_data(moved))[q] += 10;
            const float *a = gan_tensor_const_data(y),
                        *b = gan_tensor_const_data(gan_layer_forward(f->tape, layer, moved));
            assert_int_equal(gan_tape_status(f->tape), GAN_OK);
            assert_memory_equal(a, b, (size_t)(q + 1) * sizeof *a);
            assert_memory_equal(a + PIXELS, b + PIXELS, PIXELS * sizeof *a); /* another image */
            assert_true(memcmp(a + q + 1, b + q + 1, (size_t)(PIXELS - q - 1) * sizeof *a) != 0);
            gan_tensor_release(moved);
        }
        gan_tensor_release(x);
        gan_layer_release(layer);
        gan_tape_reset(f->tape);
    }
}

/* ---- skewing ---- */

static void skew(void **state) {
    layer_fixture *f = *state;
    static const int64_t sizes[][2] = {{3, 4}, {4, 3}, {1, 5}, {5, 1}, {1, 1}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        int64_t h = sizes[i][0], w = sizes[i][1], t = w + h - 1;
        gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_4d(2, 3, h, w), 1, 2, 8);
        gan_tensor *y = gani_skew(f->tape, x);
        assert_true(gan_shape_equal(gan_tensor_shape(y), gan_shape_4d(2, 3, h, t)));
        for (int64_t k = 0; k < 6 * h * t; k++) {
            int64_t column = k % t - k / t % h;
            double expected = column < 0 || column >= w ? 0 : gan_tensor_item(x, k / t * w + column);
            assert_true(gan_tensor_item(y, k) == expected);
        }
        assert_true(compare_same_bits("unskewed", gani_unskew(f->tape, y), x));
        gan_tensor_release(x);
        gan_tape_reset(f->tape);
    }
}

/* ---- derivatives, types, sizes ---- */

static void add_masked(gan_builder *b) { networks_masked_conv(b, 4, 3, GAN_MASK_B, 3); }
static void add_row(gan_builder *b) { gan_add_row_lstm(b, 2, 3, NULL); }
static void add_diagonal(gan_builder *b) { gan_add_diagonal_bilstm(b, 2, NULL); }

static void derivatives(void **state) {
    static const struct {
        const char *name;
        void (*add)(gan_builder *b);
    } cases[] = {{"masked_conv2d", add_masked}, {"row_lstm", add_row}, {"diagonal_bilstm", add_diagonal}};
    layer_fixture *f = *state;
    for (int i = 0; i < 3; i++) {
        gan_shape item = gan_shape_3d(3, 3, 2);
        gan_builder *b = layer_fixture_begin(f, item);
        cases[i].add(b);
        gan_layer *layer = finish(f, b), *copy;
        gan_tensor *x = host_uniform(f->context, GAN_F64, with_batch(2, item), -1, 1, 5);
        layer_fixture_check_layer(f, cases[i].name, layer, x);
        gan_tensor *y = gan_layer_forward(f->tape, layer, x);
        assert_int_equal(gan_layer_clone(&copy, layer), GAN_OK);
        assert_true(compare_same_bits("cloned", gan_layer_forward(f->tape, copy, x), y));
        gan_layer_set_training(layer, 0);
        assert_true(compare_same_bits("evaluated", gan_layer_forward(f->tape, layer, x), y));
        gan_tape_set_recording(f->tape, 0);
        assert_true(compare_tensors("not recorded", gan_layer_forward(f->tape, layer, x), y, 1e-14));
        gan_tape_set_recording(f->tape, 1);
        y = gan_layer_forward(f->tape, layer, gan_slice(f->tape, x, 0, 0, 0));
        assert_true(gan_tensor_shape(y).size[0] == 0 && gan_tensor_shape(y).rank == 4);
        assert_int_equal(gan_tape_status(f->tape), GAN_OK);
        layer_fixture_single(f, cases[i].name, cases[i].add, item);
        gan_tensor_release(x);
        gan_layer_release(layer);
        gan_layer_release(copy);
    }
}

/* Slices of one tensor add to one gradient, each to its part of it: along every axis, apart, overlapping, empty, and
 * beside what else reads the tensor, before and after; an alias of the gradient is left alone. */
static gan_tensor *slices(gan_tape *t, gan_tensor *const *xs, void *user) {
    (void)user;
    gan_tensor *x = xs[0], *sum = gan_sum(t, gan_square(t, x));
    for (int32_t axis = 0; axis < 3; axis++)
        for (int64_t first = 0; first < 3; first++)
            for (int64_t count = 0; first + count <= 3; count++) {
                gan_tensor *part = gan_slice(t, x, axis, first, count);
                sum = gan_add(t, sum, gan_sum(t, gan_mul(t, gan_exp(t, part), part)));
            }
    gan_tensor *whole = gan_reshape(t, x, gan_shape_1d(36));
    return gan_add(t, sum, gan_sum(t, gan_mul(t, gan_reshape(t, gan_slice(t, x, 0, 0, 3), gan_shape_1d(36)), whole)));
}
static void gradients_of_slices(void **state) {
    layer_fixture *f = *state;
    gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_3d(3, 4, 3), -1, 1, 5);
    layer_fixture_check(f, "slices", slices, NULL, &x, 1);
    gan_tensor *gs[2];
    for (int i = 0; i < 2; i++) { /* the fused path and the rule */
        gan_tensor *w = gan_watch(f->tape, x);
        gs[i] = gan_gradient(f->tape, slices(f->tape, &w, NULL), w, i == 0 ? 0 : GAN_GRAD_DIFFERENTIABLE);
    }
    assert_true(compare_tensors("both paths", gs[0], gs[1], 1e-14));
    gan_tensor_release(x);
}

/* One row, one column, one pixel; rows of more than 64, where results are joined twice. */
static void sizes(void **state) {
    layer_fixture *f = *state;
    static const int64_t sizes[][2] = {{1, 3}, {3, 1}, {1, 1}, {70, 2}, {2, 70}};
    for (int kind = 0; kind < 2; kind++)
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            gan_shape item = gan_shape_3d(2, sizes[i][0], sizes[i][1]);
            gan_builder *b = layer_fixture_begin(f, item);
            if (kind == 0)
                gan_add_row_lstm(b, 2, 3, NULL);
            else
                gan_add_diagonal_bilstm(b, 2, NULL);
            gan_layer *layer = finish(f, b);
            gan_tensor *x = host_uniform(f->context, GAN_F64, with_batch(1, item), -1, 1, 5);
            gan_tensor *w = gan_watch(f->tape, x), *y = gan_layer_forward(f->tape, layer, w);
            assert_true(gan_shape_equal(gan_tensor_shape(y), with_batch(1, item)));
            gan_tensor *g = gan_gradient(f->tape, gan_sum(f->tape, y), w, 0);
            if (gan_tape_status(f->tape) != GAN_OK) fail_msg("%s", gan_tape_error(f->tape));
            for (int64_t k = 0; k < gan_tensor_count(g); k++) assert_true(isfinite(gan_tensor_item(g, k)));
            gan_tensor_release(x);
            gan_layer_release(layer);
            gan_tape_reset(f->tape);
        }
}

static void no_allocations(void **state) {
    layer_fixture *f = *state;
    for (int kind = 0; kind < KINDS; kind++) {
        gan_layer *layer = network(f, GAN_F32, kind, gan_shape_3d(3, 6, 5), 4, 2, 1, 8, 6);
        gan_optimizer *adam;
        assert_int_equal(gan_adam_create(&adam, layer, NULL), GAN_OK);
        gan_tensor *x = host_uniform(f->context, GAN_F32, gan_shape_4d(2, 3, 6, 5), 0, 1, 3), *known;
        assert_int_equal(gan_tensor_create(&known, f->context, GAN_U8, gan_shape_4d(2, 3, 6, 5)), GAN_OK);
        long long calls = 0;
        for (int step = 0; step < 6; step++) {
            if (step == 3) calls = atomic_load(&f->memory.calls);
            gan_tape_reset(f->tape);
            gan_tensor *y = gan_layer_forward(f->tape, layer, x);
            gan_categorical(f->tape, y, 1);
            assert_int_equal(
                gan_optimizer_step(adam, f->tape, gan_nll_categorical(f->tape, y, known, GAN_BITS_PER_DIM)), GAN_OK);
        }
        assert_true(atomic_load(&f->memory.calls) == calls);
        gan_tape_reset(f->tape);
        gan_optimizer_release(adam);
        gan_tensor_release(x);
        gan_tensor_release(known);
        gan_layer_release(layer);
    }
}

/* Each allocation of a step fails in turn: the tape says so, and nothing is lost. */
static void no_memory(void **state) {
    layer_fixture *f = *state;
    for (int kind = 0; kind < KINDS; kind++) {
        gan_layer *layer = network(f, GAN_F64, kind, gan_shape_3d(3, 6, 5), 4, 1, 1, 8, 6);
        gan_tensor *x = host_uniform(f->context, GAN_F64, gan_shape_4d(2, 3, 6, 5), 0, 1, 3), *known;
        assert_int_equal(gan_tensor_create(&known, f->context, GAN_U8, gan_shape_4d(2, 3, 6, 5)), GAN_OK);
        int failures = 0;
        for (gan_status status = GAN_E_MEMORY; status != GAN_OK; failures++) {
            gan_tape *tape = NULL;
            assert_int_equal(gan_tape_create(&tape, f->context), GAN_OK);
            f->memory.fail_at = atomic_load(&f->memory.calls) + 1 + failures;
            gan_tensor *w = gan_watch(tape, x), *y = gan_layer_forward(tape, layer, w);
            gan_categorical(tape, y, 1);
            gan_gradient(tape, gan_nll_categorical(tape, y, known, GAN_BITS_PER_DIM), w, 0);
            status = gan_tape_status(tape);
            f->memory.fail_at = 0;
            assert_true(status == GAN_OK || status == GAN_E_MEMORY);
            gan_tape_release(tape);
        }
        assert_true(failures > 1);
        gan_tensor_release(x);
        gan_tensor_release(known);
        gan_layer_release(layer);
    }
}

/* ---- refusals ---- */

static void refused_conv(const layer_fixture *f, gan_shape input, int64_t channels, int64_t kernel, int64_t kernel_w,
                         gan_mask mask, int64_t colors, gan_status status, const char *what) {
    gan_masked_conv_options o;
    gan_masked_conv_options_init(&o);
    o.kernel_w = kernel_w;
    o.colors = colors;
    gan_builder *b = layer_fixture_begin(f, input);
    gan_add_masked_conv2d(b, channels, kernel, mask, &o);
    layer_fixture_refused(f, b, status, "layer 0 (masked_conv2d)", what);
}
static void refused_lstm(const layer_fixture *f, gan_shape input, int kind, int64_t channels, int64_t kernel,
                         int64_t colors, gan_status status, const char *what) {
    gan_pixel_lstm_options o = lstm_options(1, colors);
    gan_builder *b = layer_fixture_begin(f, input);
    if (kind == ROW)
        gan_add_row_lstm(b, channels, kernel, &o);
    else
        gan_add_diagonal_bilstm(b, channels, &o);
    layer_fixture_refused(f, b, status, kind == ROW ? "layer 0 (row_lstm)" : "layer 0 (diagonal_bilstm)", what);
}

static void refusals(void **state) {
    layer_fixture *f = *state;
    gan_shape image = gan_shape_3d(3, 4, 5);
    refused_conv(f, gan_shape_1d(5), 4, 3, -1, GAN_MASK_A, 1, GAN_E_SHAPE, "not channels x height x width");
    refused_conv(f, image, 0, 3, -1, GAN_MASK_A, 1, GAN_E_ARGUMENT, "0 channels");
    refused_conv(f, image, 4, 4, -1, GAN_MASK_A, 1, GAN_E_ARGUMENT, "4 x 4: both must be odd");
    refused_conv(f, image, 4, 3, 2, GAN_MASK_A, 1, GAN_E_ARGUMENT, "3 x 2: both must be odd");
    refused_conv(f, image, 4, -1, 1, GAN_MASK_A, 1, GAN_E_ARGUMENT, "-1 x 1");
    refused_conv(f, image, 4, 3, -1, 0, 1, GAN_E_ARGUMENT, "no mask 0");
    refused_conv(f, image, 4, 3, -1, 3, 1, GAN_E_ARGUMENT, "no mask 3");
    refused_conv(f, image, 4, 3, -1, GAN_MASK_A, 0, GAN_E_ARGUMENT, "0 colors: 1 to 3");
    refused_conv(f, image, 4, 3, -1, GAN_MASK_A, 4, GAN_E_ARGUMENT, "4 colors: 1 to 3");
    refused_conv(f, image, 2, 3, -1, GAN_MASK_A, 3, GAN_E_ARGUMENT, "3 colors: 1 to 2");
    refused_conv(f, image, 4, 1, -1, GAN_MASK_A, 1, GAN_E_ARGUMENT, "mask A leaves nothing");
    for (int kind = ROW; kind <= DIAGONAL; kind++) {
        refused_lstm(f, gan_shape_1d(5), kind, 4, 3, 1, GAN_E_SHAPE, "not channels x height x width");
        refused_lstm(f, image, kind, 0, 3, 1, GAN_E_ARGUMENT, "0 channels");
        refused_lstm(f, image, kind, INT64_MAX, 3, 1, GAN_E_ARGUMENT, "channels: 1 to");
        refused_lstm(f, image, kind, 4, 3, 4, GAN_E_ARGUMENT, "4 colors: 1 to 3");
        refused_lstm(f, image, kind, 4, 3, -1, GAN_E_ARGUMENT, "-1 colors");
    }
    refused_lstm(f, image, ROW, 4, 2, 1, GAN_E_ARGUMENT, "kernel of 2: it must be odd");
    refused_lstm(f, gan_shape_3d(1, 4097, 1), ROW, 4, 3, 1, GAN_E_LIMIT, "4097 rows; 4096");
    refused_lstm(f, gan_shape_3d(1, 4000, 98), DIAGONAL, 4, 3, 1, GAN_E_LIMIT, "4097 diagonals; 4096");
    gan_pixel_lstm_options o = lstm_options(2, 1);
    gan_builder *b = layer_fixture_begin(f, image);
    gan_add_row_lstm(b, 4, 3, &o);
    layer_fixture_refused(f, b, GAN_E_ARGUMENT, "row_lstm", "learned_state is 2, neither 0 nor 1");
}

/* ---- probabilities of whole images, and drawing them ---- */

/* -log2 p of all images of `levels` levels, as many as there are */
static double *all_images(const layer_fixture *f, gan_layer *layer, gan_shape image, int64_t levels, int64_t count) {
    double *found = malloc((size_t)count * sizeof *found), dims = (double)gan_shape_count(image);
    assert_non_null(found);
    gan_tensor *x, *known;
    assert_int_equal(gan_tensor_create(&x, f->context, GAN_F64, with_batch(1, image)), GAN_OK);
    assert_int_equal(gan_tensor_create(&known, f->context, GAN_U8, with_batch(1, image)), GAN_OK);
    for (int64_t i = 0; i < count; i++) {
        int64_t rest = i;
        for (int64_t k = 0; k < gan_shape_count(image); k++, rest /= levels) {
            ((uint8_t *)gan_tensor_data(known))[k] = (uint8_t)(rest % levels);
            ((double *)gan_tensor_data(x))[k] = (double)(rest % levels) * 2 - 1;
        }
        gan_tape_reset(f->tape);
        gan_tensor *y = gan_layer_forward(f->tape, layer, x);
        gan_tensor *bits = image.size[0] == 1 ? gan_nll_bernoulli(f->tape, y, known, GAN_BITS_PER_DIM)
                                              : gan_nll_categorical(f->tape, y, known, GAN_BITS_PER_DIM);
        if (gan_tape_status(f->tape) != GAN_OK) fail_msg("%s", gan_tape_error(f->tape));
        found[i] = gan_tensor_item(bits, 0) * dims;
    }
    gan_tensor_release(x);
    gan_tensor_release(known);
    gan_tape_reset(f->tape);
    return found;
}

/* The probabilities of all images add up to 1. */
static void normalisation(void **state) {
    layer_fixture *f = *state;
    for (int kind = 0; kind < KINDS; kind++)
        for (int rgb = 0; rgb < 2; rgb++) {
            gan_shape image = rgb ? gan_shape_3d(3, 1, 2) : gan_shape_3d(1, 3, 3);
            int64_t count = rgb ? 3 * 3 * 3 * 3 * 3 * 3 : 512, levels = rgb ? 3 : 2;
            gan_layer *layer = network(f, GAN_F64, kind, image, 3, 2, 1, 6, rgb ? 9 : 1);
            for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++)
                gan_tensor_fill_uniform(gan_layer_tensor(layer, i), -1, 1, 5, 99, (uint64_t)i * 1000);
            double *bits = all_images(f, layer, image, levels, count), total = 0, least = 1e9, most = 0;
            for (int64_t i = 0; i < count; i++) {
                total += exp2(-bits[i]);
                least = fmin(least, bits[i]);
                most = fmax(most, bits[i]);
            }
            assert_true(compare_abs("all images", &total, &(double){1}, 1, 1e-12));
            assert_true(most - least > 1); /* they are not all alike */
            free(bits);
            gan_layer_release(layer);
        }
}

/* 5.8 (d): with all parameters 0 an image of 784 pixels has 784 ln 2 nats, one of colours 8 bits a dimension. */
static void zeros(void **state) {
    layer_fixture *f = *state;
    for (int rgb = 0; rgb < 2; rgb++) {
        gan_shape image = rgb ? gan_shape_3d(3, 4, 4) : gan_shape_3d(1, 28, 28);
        gan_layer *layer = network(f, GAN_F64, DIAGONAL, image, 4, 1, 1, 6, rgb ? 768 : 1);
        for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++) gan_tensor_fill(gan_layer_tensor(layer, i), 0);
        gan_tensor *x = host_uniform(f->context, GAN_F64, with_batch(2, image), 0, rgb ? 255 : 1, 3), *known;
        assert_int_equal(gan_tensor_create(&known, f->context, GAN_U8, with_batch(2, image)), GAN_OK);
        assert_int_equal(gan_tensor_copy(known, x), GAN_OK);
        gan_tensor *y = gan_layer_forward(f->tape, layer, x);
        double actual = gan_tensor_item(rgb ? gan_nll_categorical(f->tape, y, known, GAN_BITS_PER_DIM)
                                            : gan_nll_bernoulli(f->tape, y, known, GAN_NATS_PER_IMAGE),
                                        0);
        assert_true(compare_number("nothing known", actual, rgb ? 8 : 784 * log(2), 1e-14));
        gan_tensor_release(x);
        gan_tensor_release(known);
        gan_layer_release(layer);
        gan_tape_reset(f->tape);
    }
}

/* Pixel after pixel, many images at once: as often as the likelihood says. */
static void ancestral_sampling(void **state) {
    enum { IMAGES = 4000, PIXELS = 4 };
    layer_fixture *f = *state;
    gan_shape image = gan_shape_3d(1, 2, 2);
    gan_layer *layer = network(f, GAN_F64, DIAGONAL, image, 3, 1, 1, 6, 1);
    for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++)
        gan_tensor_fill_uniform(gan_layer_tensor(layer, i), -1, 1, 5, 98, (uint64_t)i * 1000);
    double *bits = all_images(f, layer, image, 2, 16);
    gan_tensor *x;
    assert_int_equal(gan_tensor_create(&x, f->context, GAN_F64, gan_shape_4d(IMAGES, 1, 2, 2)), GAN_OK);
    for (int64_t at = 0; at < PIXELS; at++) {
        gan_tape_reset(f->tape);
        gan_tensor *s = gan_layer_forward(f->tape, layer, x);
        s = gan_slice(f->tape, gan_slice(f->tape, s, 2, at / 2, 1), 3, at % 2, 1);
        gan_tensor *pair[2] = {gan_full(f->tape, GAN_F64, gan_tensor_shape(s), 0), s};
        gan_tensor *drawn = gan_categorical(f->tape, gan_concat(f->tape, pair, 2, 1), 1);
        assert_int_equal(gan_tape_status(f->tape), GAN_OK);
        const int32_t *values = gan_tensor_const_data(drawn);
        for (int64_t i = 0; i < IMAGES; i++) ((double *)gan_tensor_data(x))[i * PIXELS + at] = values[i] * 2 - 1;
    }
    int64_t times[16] = {0};
    for (int64_t i = 0; i < IMAGES; i++) {
        int number = 0;
        for (int k = 0; k < PIXELS; k++) number |= (gan_tensor_item(x, i * PIXELS + k) > 0) << k;
        times[number]++;
    }
    for (int i = 0; i < 16; i++) {
        double p = exp2(-bits[i]), spread = sqrt(p * (1 - p) * IMAGES);
        if (fabs((double)times[i] - p * IMAGES) > 4 * spread)
            fail_msg("image %d was drawn %d times, %g are expected", i, (int)times[i], p * IMAGES);
    }
    free(bits);
    gan_tensor_release(x);
    gan_layer_release(layer);
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, layer_fixture_open, layer_fixture_close)
    const struct CMUnitTest tests[] = {TEST(counts),
                                       TEST(live),
                                       TEST(one_layer),
                                       TEST(networks),
                                       TEST(skew),
                                       TEST(single_precision),
                                       TEST(derivatives),
                                       TEST(sizes),
                                       TEST(no_allocations),
                                       TEST(refusals),
                                       TEST(zeros),
                                       TEST(normalisation),
                                       TEST(ancestral_sampling),
                                       TEST(no_memory),
                                       TEST(gradients_of_slices)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
