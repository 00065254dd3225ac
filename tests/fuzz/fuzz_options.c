/* Every options struct with any size and any content, through every function that takes it. Pointers in options are
 * the host's word, not input: they are NULL or good. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

/* ---- a struct of `size` bytes exactly, so that sanitizers see a read behind it ---- */

typedef struct block {
    unsigned char *data;
    size_t size;
} block;

static block take_block(fuzz_bytes *bytes, size_t known) {
    static const size_t odd[] = {8, 12, 16, 24, 32, 65528, 65536, 65544, SIZE_MAX, SIZE_MAX - 7, (size_t)1 << 40};
    uint8_t choice = fuzz_u8(bytes);
    size_t stated = choice < 128   ? known
                    : choice < 180 ? known + 8 * (size_t)(choice % 4)
                    : choice < 200 ? known - 8 * (size_t)(choice % 3)
                                   : odd[choice % (sizeof odd / sizeof odd[0])];
    block b = {malloc(stated <= 65536 ? stated : 8), stated};
    if (b.data == NULL) abort();
    memset(b.data, 0, stated <= 65536 ? stated : 8);
    return b;
}

/* Some words become something else; the size stays what it says. */
static void *edit(fuzz_bytes *bytes, block b, const size_t *pointers, size_t count) {
    size_t room = b.size <= 65536 ? b.size : 8, words = room / 8;
    for (int edits = fuzz_u8(bytes) % 6; edits > 0 && words > 1; edits--) {
        uint8_t choice = fuzz_u8(bytes);
        size_t at = 8 * (1 + fuzz_u8(bytes) % (words - 1));
        int64_t integer = choice & 1 ? fuzz_int(bytes) : 0;
        double number = choice & 1 ? 0 : fuzz_number(bytes);
        int32_t narrow = (int32_t)integer;
        if ((choice & 3) == 3)
            memcpy(b.data + at + (choice & 4), &narrow, sizeof narrow);
        else
            memcpy(b.data + at, choice & 1 ? (void *)&integer : (void *)&number, 8);
    }
    for (size_t i = 0; i < count; i++)
        if (pointers[i] + sizeof(void *) <= room) memset(b.data + pointers[i], 0, sizeof(void *));
    memcpy(b.data, &b.size, sizeof b.size);
    return b.data;
}

/* Declares `type *o`: defaults, edited. */
#define OPTIONS(type)                                                                                                  \
    block b = take_block(bytes, sizeof(type));                                                                         \
    type##_init_sized((type *)(void *)b.data, b.size <= 65536 ? b.size : 8);                                           \
    type *o = edit(bytes, b, NULL, 0)
#define OPTIONS_WITH_POINTERS(type, pointers)                                                                          \
    block b = take_block(bytes, sizeof(type));                                                                         \
    type##_init_sized((type *)(void *)b.data, b.size <= 65536 ? b.size : 8);                                           \
    type *o = edit(bytes, b, pointers, sizeof(pointers) / sizeof(pointers)[0])

/* ---- the functions that take them ---- */

static void count_end(void *user) { ++*(int *)user; }

static void context_options(fuzz_bytes *bytes) {
    static const size_t pointers[] = {offsetof(gan_context_options, allocator), offsetof(gan_context_options, logger),
                                      offsetof(gan_context_options, executor), offsetof(gan_context_options, cancelled),
                                      offsetof(gan_context_options, ended)};
    block b = take_block(bytes, sizeof(gan_context_options));
    gan_context_options_init_sized((gan_context_options *)(void *)b.data, b.size <= 65536 ? b.size : 8, GAN_VERSION);
    gan_context_options *o = edit(bytes, b, pointers, sizeof pointers / sizeof pointers[0]);
    size_t threads = offsetof(gan_context_options, threads);
    if (threads + 4 <= b.size && b.size <= 65536 && (o->threads > 3 || o->threads == GAN_THREADS_AUTO)) o->threads = 1;
    int ends = 0, told = b.size >= sizeof *o && b.size <= 65536;
    if (told) {
        o->ended = count_end;
        o->ended_user = &ends;
    }
    gan_context *context = NULL;
    gan_status status = gan_context_create(&context, o);
    fuzz_expect((status == GAN_OK) == (context != NULL), "a status and its result disagree");
    gan_context_release(context);
    fuzz_expect(ends == (told && status == GAN_OK), "a context's end is told once");
    free(b.data);
}

static void weight_options(gan_context *context, fuzz_bytes *bytes) {
    OPTIONS(gan_weight_options);
    uint8_t choice = fuzz_u8(bytes);
    gan_layer *layer = NULL;
    gan_builder *builder = gan_builder_begin(context, choice & 1 ? gan_shape_1d(3) : gan_shape_3d(2, 4, 4));
    if (choice & 1)
        gan_add_linear(builder, 3, o);
    else if (choice & 2)
        gan_add_conv2d(builder, 3, 3, 2, 1, o);
    else
        gan_add_conv_transpose2d(builder, 3, 3, 2, 1, o);
    if (fuzz_status(context, gan_builder_end(&layer, builder)) == GAN_OK)
        fuzz_expect(gan_layer_parameter_count(layer) > 0, "a layer without weights");
    gan_layer_release(layer);
    free(b.data);
}

static gan_layer *norm_of(gan_context *context, const gan_batch_norm_options *o) {
    gan_builder *builder = gan_builder_begin(context, gan_shape_3d(2, 2, 2));
    gan_add_batch_norm(builder, o);
    gan_layer *layer = NULL;
    fuzz_status(context, gan_builder_end(&layer, builder));
    return layer;
}

static void norm_options(gan_context *context, fuzz_bytes *bytes) {
    OPTIONS(gan_batch_norm_options);
    gan_layer *layer = norm_of(context, o);
    gan_tape *tape = NULL;
    if (layer != NULL && fuzz_status(context, gan_tape_create(&tape, context)) == GAN_OK) {
        gan_tensor *x = gan_normal(tape, GAN_F32, gan_shape_4d(3, 2, 2, 2));
        gan_layer_forward(tape, layer, x);
        gan_layer_set_training(layer, 0);
        gan_layer_forward(tape, layer, x);
        fuzz_expect(fuzz_tape_status(tape) == GAN_OK, "a layer that was made cannot be used");
    }
    gan_tape_release(tape);
    gan_layer_release(layer);
    free(b.data);
}

static void loss_options(gan_context *context, fuzz_bytes *bytes) {
    OPTIONS(gan_loss_bce_options);
    gan_loss *loss = NULL;
    gan_tape *tape = NULL;
    if (fuzz_status(context, gan_loss_bce_create(&loss, context, o)) == GAN_OK &&
        gan_tape_create(&tape, context) == GAN_OK) {
        gan_tensor *x = gan_normal(tape, GAN_F64, gan_shape_1d(5));
        gan_loss_generator(tape, loss, x);
        gan_loss_discriminator(tape, loss, x, x);
        fuzz_expect(fuzz_tape_status(tape) == GAN_OK, "a loss that was made cannot be used");
    }
    gan_tape_release(tape);
    gan_loss_release(loss);
    free(b.data);
}

/* Two steps with the optimizer, which it ends. */
static void step_twice(gan_context *context, gan_optimizer *optimizer, gan_layer *layer) {
    gan_tape *tape = NULL;
    if (optimizer != NULL && gan_tape_create(&tape, context) == GAN_OK) {
        for (int i = 0; i < 2; i++) {
            gan_tensor *x = gan_normal(tape, GAN_F32, gan_shape_4d(3, 2, 2, 2));
            gan_tensor *loss = gan_mean(tape, gan_square(tape, gan_layer_forward(tape, layer, x)));
            fuzz_status(context, gan_optimizer_step(optimizer, tape, loss));
            gan_tape_reset(tape);
        }
    }
    gan_tape_release(tape);
    gan_optimizer_release(optimizer);
    gan_layer_release(layer);
}

#define OPTIMIZER(kind)                                                                                                \
    static void kind##_options(gan_context *context, fuzz_bytes *bytes) {                                              \
        static const size_t pointers[] = {offsetof(gan_##kind##_options, prefix)};                                     \
        OPTIONS_WITH_POINTERS(gan_##kind##_options, pointers);                                                         \
        gan_layer *layer = norm_of(context, NULL);                                                                     \
        gan_optimizer *optimizer = NULL;                                                                               \
        fuzz_status(context, gan_##kind##_create(&optimizer, layer, o));                                               \
        step_twice(context, optimizer, layer);                                                                         \
        free(b.data);                                                                                                  \
    }
OPTIMIZER(adam)
OPTIMIZER(rmsprop)
OPTIMIZER(sgd)

static void group_options(gan_context *context, fuzz_bytes *bytes) {
    static const size_t pointers[] = {offsetof(gan_group_options, prefix)};
    OPTIONS_WITH_POINTERS(gan_group_options, pointers);
    gan_layer *layer = norm_of(context, NULL), *other = norm_of(context, NULL);
    gan_optimizer *optimizer = NULL;
    fuzz_expect(gan_adam_create(&optimizer, layer, NULL) == GAN_OK, "no optimizer");
    fuzz_status(context, gan_optimizer_add_layer(optimizer, fuzz_u8(bytes) & 1 ? layer : other, o));
    double most = fuzz_number(bytes);
    fuzz_status(context, gan_optimizer_set_clipping(optimizer, most, fuzz_number(bytes)));
    step_twice(context, optimizer, layer);
    gan_layer_release(other);
    free(b.data);
}

static void schedule_options(gan_context *context, fuzz_bytes *bytes) {
    OPTIONS(gan_schedule_options);
    gan_layer *layer = norm_of(context, NULL);
    gan_optimizer *optimizer = NULL;
    fuzz_expect(gan_adam_create(&optimizer, layer, NULL) == GAN_OK, "no optimizer");
    fuzz_status(context, gan_optimizer_set_schedule(optimizer, o));
    double rate = gan_optimizer_learning_rate(optimizer);
    fuzz_expect(rate >= 0, "a learning rate below 0");
    step_twice(context, optimizer, layer);
    free(b.data);
}

static void cifar_options(gan_context *context, fuzz_bytes *bytes) {
    OPTIONS(gan_cifar_options);
    static const uint8_t file[2 + 3072];
    const char *paths[] = {"cifar"};
    gan_dataset *dataset = NULL;
    fuzz_file("cifar", file, sizeof file - (fuzz_u8(bytes) & 1));
    fuzz_status(context, gan_cifar_open(&dataset, context, paths, 1, o));
    gan_dataset_release(dataset);
    free(b.data);
}

static void init_options(gan_context *context, fuzz_bytes *bytes) {
    OPTIONS(gan_init_options);
    gan_layer *layer = NULL;
    gan_builder *builder = gan_builder_begin(context, gan_shape_1d(3));
    gan_add_linear(builder, 2, NULL);
    fuzz_expect(gan_builder_end(&layer, builder) == GAN_OK, "layer");
    fuzz_status(context, gan_layer_init(layer, o));
    gan_layer_release(layer);
    free(b.data);
}

static void other_norms(gan_context *context, fuzz_bytes *bytes) {
    gan_layer *layer = NULL;
    gan_builder *builder = gan_builder_begin(context, gan_shape_3d(2, 2, 2));
    if (fuzz_u8(bytes) & 1) {
        OPTIONS(gan_instance_norm_options);
        gan_add_instance_norm(builder, o);
        free(b.data);
    } else {
        OPTIONS(gan_layer_norm_options);
        gan_add_layer_norm(builder, o);
        free(b.data);
    }
    fuzz_status(context, gan_builder_end(&layer, builder));
    gan_layer_release(layer);
}

static void conv_options(gan_context *context, fuzz_bytes *bytes) {
    OPTIONS(gan_conv_options);
    gan_tape *tape = NULL;
    fuzz_expect(gan_tape_create(&tape, context) == GAN_OK, "tape");
    gan_tensor *x = gan_normal(tape, GAN_F32, gan_shape_4d(1, 2, 5, 5));
    gan_tensor *w = gan_normal(tape, GAN_F32, gan_shape_4d(2, 1 + fuzz_u8(bytes) % 2, 3, 3));
    if (fuzz_u8(bytes) & 1)
        gan_conv2d(tape, x, w, NULL, 1, 1, o);
    else
        gan_conv_transpose2d(tape, x, w, NULL, 2, 1, o);
    fuzz_tape_status(tape);
    gan_tape_release(tape);
    free(b.data);
}

static gan_status read_nothing(void *user, int64_t index, void *item, int32_t *label) {
    (void)user, (void)index;
    memset(item, 0, 4);
    *label = 0;
    return GAN_OK;
}

/* Descriptions of datasets: their pointers are good, and as long as count and shape say. */
static void described_data(gan_context *context, fuzz_bytes *bytes) {
    gan_dataset *dataset = NULL;
    static const double items[8];
    if (fuzz_u8(bytes) & 1) {
        static const size_t pointers[] = {offsetof(gan_callback_dataset, read), offsetof(gan_callback_dataset, release),
                                          offsetof(gan_callback_dataset, class_names)};
        OPTIONS_WITH_POINTERS(gan_callback_dataset, pointers);
        if (b.size >= sizeof *o && b.size <= 65536) o->read = read_nothing;
        fuzz_status(context, gan_callback_dataset_create(&dataset, context, o));
        free(b.data);
    } else {
        static const size_t pointers[] = {offsetof(gan_memory_dataset, items), offsetof(gan_memory_dataset, labels),
                                          offsetof(gan_memory_dataset, class_names),
                                          offsetof(gan_memory_dataset, release)};
        OPTIONS_WITH_POINTERS(gan_memory_dataset, pointers);
        if (b.size >= sizeof *o && b.size <= 65536) {
            double count = (double)o->count;
            for (int32_t i = 0; i < o->shape.rank && i < GAN_MAX_RANK; i++) count *= (double)o->shape.size[i];
            if (o->count < 0 || (count >= 0 && count <= 8) || o->dtype < 1 || o->dtype > 4) o->items = items;
        }
        fuzz_status(context, gan_memory_dataset_create(&dataset, context, o));
        free(b.data);
    }
    gan_dataset_release(dataset);
}

static void model_options(gan_context *context, fuzz_bytes *bytes) {
    static const size_t pointers[] = {offsetof(gan_model_options, inputs)};
    OPTIONS_WITH_POINTERS(gan_model_options, pointers);
    int32_t kinds[] = {(int32_t)fuzz_int(bytes)};
    if (b.size >= sizeof *o && b.size <= 65536 && fuzz_u8(bytes) % 2 == 1) {
        o->inputs = kinds;
        o->input_count = fuzz_u8(bytes) % 8 == 0 ? o->input_count : 1;
    }
    gan_layer *layer = norm_of(context, NULL);
    gan_model *model = NULL, *again = NULL;
    if (fuzz_status(context, gan_model_create(&model, layer, o)) == GAN_OK) {
        gan_status status = fuzz_status(context, gan_model_save(model, "model"));
        fuzz_expect(status == GAN_OK, "a model that was made cannot be saved");
        status = fuzz_status(context, gan_model_load(&again, context, "model"));
        fuzz_expect(status == GAN_OK, "a model that was saved cannot be loaded");
    }
    gan_model_release(again);
    gan_model_release(model);
    gan_layer_release(layer);
    free(b.data);
}

static void run_options(gan_context *context, fuzz_bytes *bytes) {
    static const size_t pointers[] = {offsetof(gan_run_options, folder), offsetof(gan_run_options, best_metric)};
    OPTIONS_WITH_POINTERS(gan_run_options, pointers);
    gan_run *run = NULL;
    fuzz_status(context, gan_run_create(&run, context, o));
    free(b.data);
    static const size_t watched[] = {offsetof(gan_monitor_options, discriminator_loss),
                                     offsetof(gan_monitor_options, spectrum_of)};
    block m = take_block(bytes, sizeof(gan_monitor_options));
    gan_monitor_options_init_sized((gan_monitor_options *)(void *)m.data, m.size <= 65536 ? m.size : 8);
    if (run != NULL) fuzz_status(context, gan_run_set_monitor(run, edit(bytes, m, watched, 2)));
    gan_run_release(run);
    free(m.data);
}

static void data_options(gan_context *context, fuzz_bytes *bytes) {
    OPTIONS(gan_digits_options);
    gan_dataset *dataset = NULL;
    if (fuzz_status(context, gan_digits_create(&dataset, context, o)) == GAN_OK) {
        uint8_t pixels[64 * 64];
        double slant;
        fuzz_expect(gan_dataset_read(dataset, gan_dataset_count(dataset) - 1, pixels,
                                     (size_t)gan_shape_count(gan_dataset_shape(dataset)), NULL) == GAN_OK,
                    "no last item");
        fuzz_expect(gan_digits_factors(dataset, 0, &slant, NULL) == GAN_OK, "no first item");
    }
    gan_dataset_release(dataset);
    free(b.data);
}

static void open_images(gan_context *context, fuzz_bytes *bytes, int as_folder) {
    OPTIONS(gan_folder_options);
    static const uint8_t images[] = {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4};
    gan_dataset *dataset = NULL;
    if (as_folder) {
        uint8_t grey[12] = {0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110};
        gan_tensor *image = NULL;
        fuzz_expect(gan_tensor_wrap(&image, context, GAN_U8, gan_shape_3d(1, 3, 4), grey, NULL, NULL) == GAN_OK,
                    "image");
        fuzz_expect(gan_png_write(image, "folder/a.png") == GAN_OK, "png");
        gan_tensor_release(image);
        fuzz_status(context, gan_folder_open(&dataset, context, "folder", o));
    } else {
        fuzz_file("images", images, sizeof images);
        fuzz_status(context, gan_dataset_open(&dataset, context, "images", o));
    }
    gan_dataset_release(dataset);
    free(b.data);
}

static void loader_options(gan_context *context, fuzz_bytes *bytes) {
    OPTIONS(gan_loader_options);
    gan_dataset *dataset = NULL;
    gan_loader *loader = NULL;
    gan_digits_options digits;
    gan_digits_options_init(&digits);
    digits.count = 64;
    fuzz_expect(gan_digits_create(&dataset, context, &digits) == GAN_OK, "digits");
    if (fuzz_status(context, gan_loader_create(&loader, dataset, o)) == GAN_OK) {
        fuzz_status(context, gan_loader_set_position(loader, fuzz_int(bytes)));
        fuzz_status(context, gan_loader_next(loader, NULL, NULL));
        fuzz_status(context, gan_loader_next(loader, NULL, NULL));
    }
    gan_loader_release(loader);
    gan_dataset_release(dataset);
    free(b.data);
}

static void sheet_options(gan_context *context, fuzz_bytes *bytes) {
    OPTIONS(gan_sheet_options);
    gan_tensor *images = NULL;
    fuzz_expect(gan_tensor_create(&images, context, GAN_F32, gan_shape_4d(3, 1, 2, 2)) == GAN_OK, "images");
    fuzz_status(context, gan_sheet_write(images, "sheet.png", o));
    gan_tensor_release(images);
    free(b.data);
}

static void chart_options(gan_context *context, fuzz_bytes *bytes) {
    static const size_t pointers[] = {offsetof(gan_chart_options, title), offsetof(gan_chart_options, x_label)};
    block b = take_block(bytes, sizeof(gan_chart_options));
    gan_chart_options_init_sized((gan_chart_options *)(void *)b.data, b.size <= 65536 ? b.size : 8);
    int64_t small = 200;
    if (b.size >= sizeof(gan_chart_options) && b.size <= 65536) { /* the default takes long to draw and compress */
        memcpy(b.data + offsetof(gan_chart_options, width), &small, sizeof small);
        memcpy(b.data + offsetof(gan_chart_options, height), &small, sizeof small);
    }
    gan_chart_options *o = edit(bytes, b, pointers, sizeof pointers / sizeof pointers[0]);
    double x[8], y[8];
    for (int i = 0; i < 8; i++) {
        x[i] = fuzz_u8(bytes) % 4 == 0 ? fuzz_number(bytes) : i;
        y[i] = fuzz_number(bytes);
    }
    gan_curve curves[2] = {{"a", x, y, fuzz_u8(bytes) % 9}, {"b", x, y, 3}};
    fuzz_status(context, gan_chart_write(context, curves, fuzz_u8(bytes) % 3, "chart.png", o));
    free(b.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_bytes given = {data, size}, *bytes = &given;
    static void (*const all[])(gan_context *, fuzz_bytes *) = {
        weight_options, norm_options,  loss_options,  adam_options,    model_options, run_options,   data_options,
        loader_options, sheet_options, chart_options, rmsprop_options, sgd_options,   group_options, schedule_options,
        init_options,   cifar_options, other_norms,   conv_options,    described_data};
    enum { COUNT = sizeof all / sizeof all[0] };
    int which = fuzz_u8(bytes) % (COUNT + 3);
    if (which == COUNT) {
        context_options(bytes);
        return 0;
    }
    gan_context *context = fuzz_begin();
    if (which < COUNT)
        all[which](context, bytes);
    else
        open_images(context, bytes, which == COUNT + 1);
    fuzz_end(context);
    return 0;
}
