/* Pictures of a run: which items are on a sheet, in which grey, and which metrics are drawn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <gan.h>

#include "base/rng.h"
#include "files.h"
#include "host.h"

enum { ITEMS = 20, SIDE = 4, CELLS = 6, COLUMNS = 3, PADDING = 2, SEED = 3 };

static gan_context *context;
static char folder[FILES_PATH];

static int set_up(void **state) {
    (void)state;
    files_folder(folder);
    context = host_context(1);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    gan_context_release(context);
    files_remove(folder);
    return 0;
}

/* ---- sheets ---- */

static gan_status do_nothing(void *user, gan_run *run, gan_tape *tape) {
    (void)user, (void)run, (void)tape;
    return GAN_OK;
}

/* Numbers, which the loader passes through: item i is all of grey 10 i in the range 0 to 1. */
static gan_loader *make_loader(void) {
    static float items[ITEMS * SIDE * SIDE];
    gan_memory_dataset d;
    gan_loader_options l;
    gan_dataset *dataset;
    gan_loader *loader;
    for (int i = 0; i < ITEMS * SIDE * SIDE; i++) items[i] = (float)(i / (SIDE * SIDE) * 10) / 255;
    gan_memory_dataset_init(&d);
    d.count = ITEMS;
    d.shape = gan_shape_3d(1, SIDE, SIDE);
    d.dtype = GAN_F32;
    d.items = items;
    assert_int_equal(gan_memory_dataset_create(&dataset, context, &d), GAN_OK);
    gan_loader_options_init(&l);
    l.batch_size = 4;
    l.low = 0;
    assert_int_equal(gan_loader_create(&loader, dataset, &l), GAN_OK);
    gan_dataset_release(dataset);
    return loader;
}

/* Makes 0.5 of everything, which is a quarter of its range, 0 to 2. */
static gan_layer *make_generator(gan_model **model) {
    gan_model_options o;
    gan_layer *layer;
    gan_builder *b = gan_builder_begin(context, gan_shape_1d(2));
    gan_add_linear(b, SIDE * SIDE, NULL);
    gan_add_reshape(b, gan_shape_3d(1, SIDE, SIDE));
    assert_int_equal(gan_builder_end(&layer, b), GAN_OK);
    assert_int_equal(gan_tensor_fill(gan_layer_find(layer, "0.weight"), 0), GAN_OK);
    assert_int_equal(gan_tensor_fill(gan_layer_find(layer, "0.bias"), 0.5), GAN_OK);
    gan_model_options_init(&o);
    o.low = 0;
    o.high = 2;
    assert_int_equal(gan_model_create(model, layer, &o), GAN_OK);
    return layer;
}

static void train_with_sheets(void) {
    gan_model *model;
    gan_run_options o;
    gan_run *run;
    gan_loader *loader = make_loader();
    gan_layer *generator = make_generator(&model);
    gan_run_options_init(&o);
    o.folder = folder;
    o.steps = 1;
    o.sheet_count = CELLS;
    o.sheet_columns = COLUMNS;
    o.sheet_zoom = 1;
    o.sample_seed = SEED;
    assert_int_equal(gan_run_create(&run, context, &o), GAN_OK);
    assert_int_equal(gan_run_set_loader(run, loader), GAN_OK);
    assert_int_equal(gan_run_add_layer(run, "generator", generator), GAN_OK);
    assert_int_equal(gan_run_set_model(run, model), GAN_OK);
    assert_int_equal(gan_run_add_phase(run, "nothing", do_nothing, NULL), GAN_OK);
    assert_int_equal(gan_run_train(run), GAN_OK);
    gan_run_release(run);
    gan_model_release(model);
    gan_layer_release(generator);
    gan_loader_release(loader);
}

/* The grey of each cell, by its first and its last pixel. */
static void read_cells(const char *name, int greys[CELLS]) {
    char path[FILES_PATH];
    gan_tensor *sheet;
    assert_int_equal(gan_png_read(&sheet, context, files_join(path, folder, name)), GAN_OK);
    gan_shape shape = gan_tensor_shape(sheet);
    assert_int_equal(shape.size[0], 1);
    assert_int_equal(shape.size[1], CELLS / COLUMNS * (SIDE + PADDING) + PADDING);
    assert_int_equal(shape.size[2], COLUMNS * (SIDE + PADDING) + PADDING);
    const unsigned char *pixels = gan_tensor_const_data(sheet);
    for (int i = 0; i < CELLS; i++) {
        int64_t y = i / COLUMNS * (SIDE + PADDING) + PADDING, x = i % COLUMNS * (SIDE + PADDING) + PADDING;
        greys[i] = pixels[y * shape.size[2] + x];
        assert_int_equal(pixels[(y + SIDE - 1) * shape.size[2] + x + SIDE - 1], greys[i]);
    }
    gan_tensor_release(sheet);
}

/* Real items in the loader's range, and shuffled by the seed of the sheets; samples in the model's. */
static void sheets(void **state) {
    (void)state;
    int greys[CELLS];
    int64_t order[ITEMS];
    train_with_sheets();
    read_cells("fakes-000001.png", greys);
    for (int i = 0; i < CELLS; i++) assert_int_equal(greys[i], 64);
    read_cells("reals.png", greys);
    gani_shuffle(SEED, GAN_STREAM_DATA, 0, ITEMS, order);
    for (int i = 0; i < CELLS; i++) assert_int_equal(greys[i], order[i] * 10);
}

/* ---- the chart ---- */

static gan_status report_names(void *user, gan_run *run, gan_tape *tape) {
    (void)tape;
    double y = 1 / (double)(gan_run_step(run) + 1);
    gan_status status = GAN_OK;
    for (const char *const *name = user; *name != NULL && status == GAN_OK; name++, y += 1)
        status = gan_run_report_value(run, *name, y);
    return status;
}

/* loss.png of a run with these metrics, whose list ends with NULL; to be freed. */
static unsigned char *draw(const char **names, size_t *size) {
    char where[FILES_PATH], path[FILES_PATH];
    gan_run_options o;
    gan_run *run;
    gan_run_options_init(&o);
    o.folder = files_folder(where);
    o.steps = 5;
    o.log_interval = 1;
    assert_int_equal(gan_run_create(&run, context, &o), GAN_OK);
    assert_int_equal(gan_run_add_phase(run, "report", report_names, names), GAN_OK);
    assert_int_equal(gan_run_train(run), GAN_OK);
    gan_run_release(run);
    unsigned char *bytes = files_read(files_join(path, where, "loss.png"), size);
    files_remove(where);
    return bytes;
}

static int look_same(const char **a, const char **b) {
    size_t size_a, size_b;
    unsigned char *x = draw(a, &size_a), *y = draw(b, &size_b);
    int same = size_a == size_b && memcmp(x, y, size_a) == 0;
    free(x);
    free(y);
    return same;
}

/* Of losses alone, if there are any, and a critic's estimate of the distance is one. */
static void chart(void **state) {
    (void)state;
    const char *losses[] = {"loss_d", "loss_g", NULL}, *more[] = {"loss_d", "loss_g", "accuracy", NULL};
    const char *one[] = {"accuracy", NULL}, *two[] = {"accuracy", "fid", NULL}, *loss[] = {"loss_d", NULL};
    const char *critic[] = {"wasserstein", "loss_g", NULL}, *penalised[] = {"wasserstein", "loss_g", "penalty", NULL};
    const char *generator[] = {"loss_g", NULL};
    assert_true(look_same(losses, more));
    assert_false(look_same(critic, generator));
    assert_true(look_same(critic, penalised));
    assert_false(look_same(losses, loss));
    assert_false(look_same(one, two));
}

int main(void) {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, set_up, tear_down)
    const struct CMUnitTest tests[] = {TEST(sheets), TEST(chart)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
