/* Walks between latent vectors. */
#include "front/front.h"

#include <math.h>
#include <string.h>

enum { ROWS = 8, COLUMNS = 10 };

/* Vector `at` of `z` becomes that of place t between those at `a` and `b`. On the great circle, because N(0, I) in many
 * dimensions lives near a sphere and straight lines would leave it (White 2016); a cube has no such shell. */
static void step(gan_tensor *z, int64_t dim, int64_t a, int64_t b, int64_t at, double t, int circle) {
    double ab = 0, aa = 0, bb = 0;
    for (int64_t i = 0; i < dim; i++) {
        double x = gan_tensor_item(z, a * dim + i), y = gan_tensor_item(z, b * dim + i);
        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    double angle = acos(fmax(-1, fmin(1, ab / sqrt(aa * bb))));
    int straight = !circle || !(sin(angle) > 1e-6);
    double wa = straight ? 1 - t : sin((1 - t) * angle) / sin(angle), wb = straight ? t : sin(t * angle) / sin(angle);
    for (int64_t i = 0; i < dim; i++)
        front_put(z, at * dim + i, wa * gan_tensor_item(z, a * dim + i) + wb * gan_tensor_item(z, b * dim + i));
}

/* What is no latent vector stays what it is at the beginning of the row. */
static void hold(gan_tensor *input, int64_t count, int64_t columns) {
    size_t bytes = gan_dtype_size(gan_tensor_dtype(input)) * (size_t)(gan_tensor_count(input) / count);
    char *data = gan_tensor_data(input);
    for (int64_t i = 0; i < count; i++)
        memcpy(data + (size_t)i * bytes, data + (size_t)(i - i % columns) * bytes, bytes);
}

void front_walk(gan_model *model, gan_tensor **inputs, int64_t count, int64_t columns) {
    for (int32_t k = 0; k < gan_layer_input_count(gan_model_layer(model)); k++) {
        int32_t kind = gan_model_input_kind(model, k);
        int64_t dim = gan_tensor_count(inputs[k]) / count;
        if (kind != GAN_INPUT_NORMAL && kind != GAN_INPUT_UNIFORM && kind != GAN_INPUT_UNIT_UNIFORM) {
            hold(inputs[k], count, columns);
            continue;
        }
        for (int64_t row = 0; row < count; row += columns) {
            int64_t n = count - row < columns ? count - row : columns;
            for (int64_t i = 1; i + 1 < n; i++)
                step(inputs[k], dim, row, row + n - 1, row + i, (double)i / (double)(n - 1), kind == GAN_INPUT_NORMAL);
        }
    }
}

gan_status front_draw_walk(const front *f) {
    gan_tensor *inputs[FRONT_MOST_INPUTS] = {NULL}, *images = NULL;
    char path[FRONT_PATH_SIZE];
    gan_sheet_options sheet;
    gan_sheet_options_init(&sheet);
    sheet.columns = COLUMNS;
    sheet.zoom = f->options.size <= 32 ? 2 : 1;
    gan_status status = gan_model_draw(inputs, f->model, ROWS * COLUMNS, 0);
    if (status == GAN_OK) front_walk(f->model, inputs, ROWS * COLUMNS, COLUMNS);
    int32_t count = gan_layer_input_count(gan_model_layer(f->model));
    if (status == GAN_OK) status = gan_model_generate_many(&images, f->model, inputs, count);
    if (status == GAN_OK)
        status = gan_model_sheet_write(f->model, images, front_path(f, "interpolation.png", path), &sheet);
    gan_tensor_release(images);
    for (int32_t i = 0; i < count; i++) gan_tensor_release(inputs[i]);
    return status;
}
