/* What the example programs share, on numbers made by hand: the range that judges see, votes of a classifier, rank
 * correlation, means between steps, agreement of pairs, items in portions, walks, and turns of generators. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "cogan/domains.h"
#include "front/front.h"
#include "front/turns.h"

#define assert_near(A, B) assert_true(fabs((A) - (B)) <= 1e-12)

static int open_context(void **state) { return gan_context_create((gan_context **)state, NULL) == GAN_OK ? 0 : -1; }

static int close_context(void **state) {
    gan_context_release(*state);
    return 0;
}

static gan_tensor *made(gan_context *context, gan_shape shape, const double *values) {
    gan_tensor *t;
    assert_int_equal(gan_tensor_create(&t, context, GAN_F64, shape), GAN_OK);
    memcpy(gan_tensor_data(t), values, (size_t)gan_tensor_count(t) * sizeof *values);
    return t;
}

/* Black is -1 to a judge and white 1, whatever they are to the run. */
static void judges_range(void **state) {
    (void)state;
    static const front half = {.low = 0, .high = 1}, whole = {.low = -1, .high = 1};
    static const double values[] = {0, 0.25, 0.5, 1};
    for (int i = 0; i < 4; i++) {
        assert_near(front_to_judge(&half, values[i]), 2 * values[i] - 1);
        assert_near(front_to_judge(&whole, 2 * values[i] - 1), 2 * values[i] - 1);
    }
}

/* Three classes, four samples: probabilities 1/2, 8/10, 6/10 and 1/2 of classes 0, 1, 1 and 2. */
static void votes_by_hand(void **state) {
    const double logits[] = {log(2), 0, 0, 0, log(8), 0, 5, 5 + log(3), 5, -9, -9, -9 + log(2)}, asked[] = {0, 1, 2, 2};
    gan_tensor *seen = made(*state, gan_shape_2d(4, 3), logits), *labels = made(*state, gan_shape_1d(4), asked);
    front_votes votes = {0};
    double share;
    front_count_votes(&votes, seen, NULL);
    assert_int_equal(votes.asked, 0);
    assert_near(votes.confidence, 0.5 + 0.8 + 0.6 + 0.5);
    assert_int_equal(front_rarest(&votes, 3, &share), 0);
    assert_near(share, 25);
    front_count_votes(&votes, seen, labels);
    assert_int_equal(votes.count, 8);
    assert_int_equal(votes.seen[0], 2);
    assert_int_equal(votes.seen[1], 4);
    assert_int_equal(votes.seen[2], 2);
    assert_near(votes.confidence, 2 * (0.5 + 0.8 + 0.6 + 0.5));
    assert_int_equal(votes.asked, 4);
    assert_int_equal(votes.asked_right, 3);
    assert_int_equal(front_rarest(&votes, 4, &share), 3); /* a class that nothing was taken for */
    assert_near(share, 0);
    votes.seen[0] = 3;
    assert_int_equal(front_rarest(&votes, 3, &share), 2);
    gan_tensor_release(labels);
    gan_tensor_release(seen);
}

/* Spearman's, by Pearson's formula on ranks that were counted by hand. */
static void rank_correlation(void **state) {
    (void)state;
    static const double a[] = {3, 1, 4, 1, 5}; /* 3, 1.5, 4, 1.5, 5 */
    static const double same[] = {-2, -7, 1, -7, 1e9}, other[] = {2, 7, -1, 7, -1e9};
    static const double b[] = {2, 2, 2, 1, 9}; /* 3, 3, 3, 1, 5 */
    static const double c[] = {1, 2, 3, 4}, d[] = {2, 1, 4, 3};
    assert_near(front_rank_correlation(a, same, 5), 1);
    assert_near(front_rank_correlation(a, other, 5), -1);
    assert_near(front_rank_correlation(a, b, 5), 7 / sqrt(9.5 * 8));
    assert_near(front_rank_correlation(c, d, 4), 0.6); /* 1 - 6 * 4 / (4 * 15) */
}

/* Steps 10 to 70 in portions that end at 20, 30, 35 and 60; the last is in none. */
static void means_between_steps(void **state) {
    (void)state;
    static const double x[] = {10, 20, 30, 40, 50, 60, 70}, y[] = {1, 2, 4, 8, 16, 32, 64}, ends[] = {20, 30, 35, 60};
    const gan_curve curve = {"wasserstein", x, y, 7};
    double means[4];
    front_mean_between(&curve, ends, 4, means);
    assert_near(means[0], 1.5);
    assert_near(means[1], 4);
    assert_true(isnan(means[2]));
    assert_near(means[3], 56 / 3.0);
}

/* Two pairs of 3 x 3, black -1 and white 1: a dot in the middle and one in a corner, and what a dilation adds to them
 * but for one pixel of the first. Shifted by one they are compared crosswise. */
static void pairs_agree(void **state) {
    static const double dots[] = {-1, -1, -1, -1, 1, -1, -1, -1, -1, 1, -1, -1, -1, -1, -1, -1, -1, -1};
    static const double edges[] = {-1, 1, 1, 1, -1, 1, 1, 1, 1, -1, 1, -1, 1, 1, -1, -1, -1, -1};
    double negatives[18], before[9], after[9];
    for (int i = 0; i < 18; i++) negatives[i] = -dots[i];
    const front f = {.low = -1, .high = 1};
    const gan_shape shape = gan_shape_4d(2, 1, 3, 3);
    gan_tensor *ringed[2] = {made(*state, shape, dots), made(*state, shape, edges)};
    gan_tensor *negated[2] = {made(*state, shape, dots), made(*state, shape, negatives)};
    assert_near(domains_agreement(&f, ringed, DOMAINS_EDGES, 0, before, after), 17 / 18.0);
    /* the ring of 8 beside the corner's 3, one of them the middle; the corner's 3 beside 7 of a ring */
    assert_near(domains_agreement(&f, ringed, DOMAINS_EDGES, 1, before, after), (2 + 3) / 18.0);
    assert_near(domains_agreement(&f, negated, DOMAINS_NEGATIVE, 0, before, after), 1);
    assert_near(domains_agreement(&f, negated, DOMAINS_NEGATIVE, 1, before, after), 14 / 18.0);
    for (int d = 0; d < 2; d++) {
        gan_tensor_release(ringed[d]);
        gan_tensor_release(negated[d]);
    }
}

enum { ITEMS = 11 };

typedef struct shown {
    int64_t at_once, calls;
    int64_t item[ITEMS], count;
} shown;

/* Items are their index, and labels that of their parity. */
static gan_status note(front *f, void *user, const front_seen *seen) {
    (void)f;
    shown *s = user;
    assert_int_equal(gan_tensor_shape(seen->images).size[0], seen->count);
    assert_true(seen->count <= s->at_once);
    for (int64_t i = 0; i < seen->count; i++) {
        s->item[s->count] = (int64_t)gan_tensor_item(seen->images, i);
        assert_int_equal(gan_tensor_item(seen->labels, i), s->item[s->count] % 2);
        s->count++;
    }
    s->calls++;
    return GAN_OK;
}

/* Portions are full whatever divides the count, and the last one has the rest; two portions of an epoch share nothing.
 */
static void items_in_portions(void **state) {
    float items[ITEMS];
    int32_t labels[ITEMS];
    for (int i = 0; i < ITEMS; i++) {
        items[i] = (float)i;
        labels[i] = i % 2;
    }
    front f = {.context = *state};
    gan_dataset *set;
    gan_memory_dataset description;
    gan_memory_dataset_init(&description);
    description.count = ITEMS;
    description.shape = gan_shape_1d(1);
    description.dtype = GAN_F32;
    description.items = items;
    description.labels = labels;
    description.classes = 2;
    assert_int_equal(gan_memory_dataset_create(&set, f.context, &description), GAN_OK);
    gan_loader_options how;
    gan_loader_options_init(&how);
    how.batch_size = 4;
    how.shuffle = 0;
    shown all = {.at_once = 4}, some = {.at_once = 4}, halves = {.at_once = 4};
    assert_int_equal(front_show(&f, set, &how, 0, ITEMS, note, &all), GAN_OK);
    assert_int_equal(all.calls, 3);
    for (int i = 0; i < ITEMS; i++) assert_int_equal(all.item[i], i);
    assert_int_equal(front_show(&f, set, &how, 3, 6, note, &some), GAN_OK); /* by batches of 3 */
    assert_int_equal(some.calls, 2);
    for (int i = 0; i < 6; i++) assert_int_equal(some.item[i], 3 + i);
    how.shuffle = 1;
    for (int half = 0; half < 2; half++)
        assert_int_equal(front_show(&f, set, &how, 5 * half, 5, note, &halves), GAN_OK);
    assert_int_equal(halves.calls, 4);
    int seen[ITEMS] = {0};
    for (int i = 0; i < 10; i++) assert_int_equal(seen[halves.item[i]]++, 0);
    gan_dataset_release(set);
}

enum { DIM = 4, COLUMNS = 5 };

/* A model of latent vectors of one kind and a class. */
static gan_model *latent_model(gan_context *context, int32_t kind) {
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(DIM));
    gan_builder_input_indices(b, "class", gan_shape_0d(), 10);
    gan_add_one_hot(b, 10);
    gan_add_concat(b, "input");
    gan_layer *layer;
    assert_int_equal(gan_builder_end(&layer, b), GAN_OK);
    const int32_t kinds[] = {kind, GAN_INPUT_CLASS};
    gan_model_options options;
    gan_model_options_init(&options);
    options.inputs = kinds;
    options.input_count = 2;
    gan_model *model;
    assert_int_equal(gan_model_create(&model, layer, &options), GAN_OK);
    gan_layer_release(layer);
    return model;
}

/* Two rows, the second of three places; what is between the ends of a row at first does not matter. */
static void walk(gan_context *context, int32_t kind, double *out, int32_t *classes) {
    enum { COUNT = COLUMNS + 3 };
    const double z[COUNT][DIM] = {{3, 0, 0, 4}, {9, 9, 9, 9},   {9, 9, 9, 9}, {9, 9, 9, 9},
                                  {0, 5, 0, 0}, {1, -1, 1, -1}, {7, 7, 7, 7}, {1, 1, 1, -1}};
    gan_model *model = latent_model(context, kind);
    gan_tensor *inputs[2] = {made(context, gan_shape_2d(COUNT, DIM), &z[0][0]), NULL};
    assert_int_equal(gan_tensor_create(&inputs[1], context, GAN_I32, gan_shape_1d(COUNT)), GAN_OK);
    for (int32_t i = 0; i < COUNT; i++) ((int32_t *)gan_tensor_data(inputs[1]))[i] = i;
    front_walk(model, inputs, COUNT, COLUMNS);
    for (int64_t i = 0; i < COUNT * DIM; i++) out[i] = gan_tensor_item(inputs[0], i);
    memcpy(classes, gan_tensor_data(inputs[1]), COUNT * sizeof *classes);
    for (int i = 0; i < DIM; i++) { /* the ends are the ends */
        assert_near(out[i], z[0][i]);
        assert_near(out[(COLUMNS - 1) * DIM + i], z[COLUMNS - 1][i]);
        assert_near(out[COLUMNS * DIM + i], z[COLUMNS][i]);
        assert_near(out[(COUNT - 1) * DIM + i], z[COUNT - 1][i]);
    }
    gan_tensor_release(inputs[0]);
    gan_tensor_release(inputs[1]);
    gan_model_release(model);
}

static double dot(const double *a, const double *b) {
    double sum = 0;
    for (int i = 0; i < DIM; i++) sum += a[i] * b[i];
    return sum;
}

/* Gaussian vectors stay on their sphere, with equal angles between neighbours; classes stay the row's first. */
static void walk_on_a_circle(void **state) {
    double z[(COLUMNS + 3) * DIM];
    int32_t classes[COLUMNS + 3];
    walk(*state, GAN_INPUT_NORMAL, z, classes);
    for (int i = 0; i < COLUMNS; i++) {
        assert_near(dot(z + i * DIM, z + i * DIM), 25);
        if (i > 0) assert_near(dot(z + i * DIM, z + (i - 1) * DIM), 25 * cos(acos(0) / 4)); /* of a right angle */
        assert_int_equal(classes[i], 0);
    }
    const double *first = z + COLUMNS * DIM, *middle = first + DIM, *last = middle + DIM;
    assert_near(dot(middle, middle), 4);
    assert_near(dot(first, middle), dot(middle, last));
    for (int i = 0; i < 3; i++) assert_int_equal(classes[COLUMNS + i], COLUMNS);
}

/* Vectors of a cube walk straight on. */
static void walk_on_a_line(void **state) {
    static const int32_t kinds[] = {GAN_INPUT_UNIFORM, GAN_INPUT_UNIT_UNIFORM};
    for (int k = 0; k < 2; k++) {
        double z[(COLUMNS + 3) * DIM];
        int32_t classes[COLUMNS + 3];
        walk(*state, kinds[k], z, classes);
        for (int i = 0; i < COLUMNS * DIM; i++) {
            double t = (i / DIM) / 4.0;
            assert_near(z[i], (1 - t) * z[i % DIM] + t * z[(COLUMNS - 1) * DIM + i % DIM]);
        }
    }
}

/* As their program counts: gen_iterations from 0, 100 steps of the critic if it is below 25 or a multiple of 500. */
static void authors_turns(void **state) {
    (void)state;
    static const int64_t usual[] = {1, 5, 7, 150};
    for (int k = 0; k < 4; k++) {
        int64_t done = 0;
        for (int64_t generated = 0; generated < 1600; generated++) {
            int64_t steps = generated < 25 || generated % 500 == 0 ? 100 : usual[k];
            for (int64_t i = 1; i <= steps; i++)
                if (turns_authors(++done, usual[k]) != (i == steps))
                    fail_msg("n_critic %d: wrong after step %d of the critic", (int)usual[k], (int)done);
        }
    }
    /* with 5: the generator's steps 25, 26, 500, 501, 502, 1000 and 1001 */
    static const int64_t turns[] = {2500, 2505, 4875, 4975, 4980, 7470, 7570};
    for (int i = 0; i < 7; i++) assert_true(turns_authors(turns[i], 5) && !turns_authors(turns[i] - 1, 5));
    assert_false(turns_authors(4880, 5) || turns_authors(4970, 5) || turns_authors(7475, 5));
}

/* Epochs of 7 batches, a turn with the first, fourth and seventh of each. */
static void pytorch_gans_turns(void **state) {
    (void)state;
    static const int turns[] = {1, 0, 0, 1, 0, 0, 1};
    for (int64_t done = 1; done <= 21; done++) assert_int_equal(turns_pytorch_gan(done, 7, 3), turns[(done - 1) % 7]);
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, open_context, close_context)
    const struct CMUnitTest tests[] = {TEST(judges_range),        TEST(votes_by_hand), TEST(rank_correlation),
                                       TEST(means_between_steps), TEST(pairs_agree),   TEST(walk_on_a_circle),
                                       TEST(walk_on_a_line),      TEST(authors_turns), TEST(items_in_portions),
                                       TEST(pytorch_gans_turns)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
