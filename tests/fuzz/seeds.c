/* Writes first inputs for the targets, made by the library itself: gan-fuzz-seeds FOLDER makes FOLDER/TARGET/seed-*.
 * Corpora are these, what fuzzing added to them, and every input that was once a finding. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "io/json.h"
#include "small_run.h"

#if defined(HAVE_JPEG)
#include <jpeglib.h>
#endif

static const char *root;

static void put_seed(const char *target, const char *name, const void *head, size_t head_size, const void *data,
                     size_t size) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", root, target);
    mkdir(root, 0777);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/%s/seed-%s", root, target, name);
    FILE *file = fopen(path, "wb");
    int good = file != NULL && fwrite(head, 1, head_size, file) == head_size && fwrite(data, 1, size, file) == size;
    if (file == NULL || fclose(file) != 0 || !good) {
        fprintf(stderr, "cannot write %s\n", path);
        exit(1);
    }
}

/* A file in memory, behind a head. */
static void put_file(const char *target, const char *name, const char *head, size_t head_size, const char *path) {
    size_t size;
    const unsigned char *data = fuzz_file_data(path, &size);
    if (data == NULL) exit(1);
    put_seed(target, name, head, head_size, data, size);
}

/* A safetensors file as description, end, lines of tensors: what fuzz_container makes files of. */
static void put_described(const char *target, const char *name, const char *head, size_t head_size, const char *path,
                          const char *key) {
    gan_context *context = fuzz_begin();
    size_t size, used = head_size;
    const unsigned char *data = fuzz_file_data(path, &size);
    uint64_t length;
    memcpy(&length, data, sizeof length);
    gani_json json;
    if (gani_json_parse(&json, context, path, "header", (const char *)data + 8, (size_t)length) != GAN_OK) exit(1);
    char *out = malloc(head_size + 4 * (size_t)length + 16);
    if (out == NULL) exit(1);
    memcpy(out, head, head_size);
    out[used++] = 't';
    int32_t text = gani_json_find(&json, gani_json_find(&json, 0, "__metadata__"), key);
    used += (size_t)sprintf(out + used, "%s", gani_json_text(&json, text)) + 1;
    for (int32_t i = gani_json_first(&json, 0); i >= 0; i = gani_json_next(&json, i)) {
        if (strcmp(gani_json_text(&json, i), "__metadata__") == 0) continue;
        gan_shape shape = gani_json_shape(&json, gani_json_find(&json, i + 1, "shape"));
        used += (size_t)sprintf(out + used, "%s %s", gani_json_text(&json, i),
                                gani_json_text(&json, gani_json_find(&json, i + 1, "dtype")));
        for (int32_t k = 0; k < shape.rank; k++) used += (size_t)sprintf(out + used, " %lld", (long long)shape.size[k]);
        out[used++] = '\n';
    }
    put_seed(target, name, "", 0, out, used);
    free(out);
    gani_json_end(&json);
    gan_context_release(context);
}

static gan_context *seed_context;

static gan_tensor *same(void *user, gan_tape *tape, const char *config, gan_tensor *const *tensors,
                        gan_tensor *const *inputs, int32_t training) {
    (void)user, (void)tape, (void)config, (void)tensors, (void)training;
    return inputs[0];
}

/* ---- models: of a few chains and one graph, all types of layers among them ---- */

static void add_image_layers(gan_builder *b) {
    gan_weight_options weights;
    gan_batch_norm_options norm;
    gan_weight_options_init(&weights);
    gan_batch_norm_options_init(&norm);
    weights.bias = 0;
    gan_add_linear(b, 2 * 2 * 2, &weights);
    gan_add_batch_norm(b, NULL);
    gan_add_relu(b);
    gan_add_reshape(b, gan_shape_3d(2, 2, 2));
    weights.output_padding = 1;
    gan_add_conv_transpose2d(b, 2, 3, 2, 1, &weights);
    norm.affine = norm.track_running_stats = 0;
    gan_add_batch_norm(b, &norm);
    gan_add_leaky_relu(b, 0.2);
    gan_add_instance_norm(b, NULL);
    gan_add_softplus(b);
    gan_add_conv2d(b, 1, 3, 1, 1, NULL);
    gan_add_layer_norm(b, NULL);
    gan_add_tanh(b);
}

static void add_branches(gan_builder *b) {
    gan_weight_options weights;
    gan_weight_options_init(&weights);
    gan_add_conv2d(b, 2, 1, 1, 0, NULL);
    gan_builder_label(b, "trunk");
    gan_add_conv2d(b, 2, 3, 1, 1, NULL);
    gan_add_sum(b, "trunk");
    gan_add_concat(b, "input");
    weights.dilation = weights.groups = 2;
    weights.padding_w = 2;
    gan_add_conv2d(b, 4, 2, 1, 1, &weights);
    gan_add_global_avg_pool(b);
    gan_add_linear(b, 1, NULL);
    gan_add_sigmoid(b);
}

/* A network applied twice, another of two outputs, and branches. */
static void add_networks(gan_builder *b) {
    gan_layer *body = NULL, *fork = NULL;
    gan_builder *inner = gan_builder_begin(seed_context, gan_shape_1d(3));
    gan_add_linear(inner, 3, NULL);
    gan_add_relu(inner);
    if (gan_builder_end(&body, inner) != GAN_OK) exit(1);
    inner = gan_builder_begin(seed_context, gan_shape_1d(3));
    gan_add_linear(inner, 3, NULL);
    gan_builder_output(inner, "first");
    gan_add_linear(inner, 3, NULL);
    gan_builder_output(inner, "second");
    if (gan_builder_end(&fork, inner) != GAN_OK || gan_layer_tie(fork, "1.weight", "0.weight") != GAN_OK) exit(1);
    gan_add_layer(b, body, "body");
    gan_add_layer(b, body, NULL);
    gan_builder_split(b);
    gan_add_layer(b, fork, NULL);
    gan_builder_next(b);
    gan_builder_join(b, GAN_JOIN_SUM);
    gan_add_registered(b, "fuzz.scale", "{\"a\": 1}");
    gan_layer_release(body);
    gan_layer_release(fork);
}

static void put_model(const char *name, gan_shape input, void (*add)(gan_builder *), gan_dtype dtype, int32_t kind) {
    gan_context *context = seed_context = fuzz_begin();
    gan_layer_type type;
    gan_layer_type_init(&type);
    type.name = "fuzz.scale";
    type.forward = same;
    if (gan_layer_type_register(context, &type) != GAN_OK) exit(1);
    gan_builder *b = gan_builder_begin(context, input);
    gan_builder_set_dtype(b, dtype);
    add(b);
    gan_layer *layer = NULL;
    gan_model *model = NULL;
    gan_model_options options;
    gan_model_options_init(&options);
    options.input = kind;
    if (gan_builder_end(&layer, b) != GAN_OK || gan_model_create(&model, layer, &options) != GAN_OK ||
        gan_model_save(model, "model") != GAN_OK) {
        fprintf(stderr, "%s\n", gan_context_error(context));
        exit(1);
    }
    char raw[64];
    snprintf(raw, sizeof raw, "%s-raw", name);
    put_file("model", raw, "r", 1, "model");
    put_file("safetensors", raw, "r", 1, "model");
    put_described("model", name, "", 0, "model", "gan.model");
    size_t size;
    const unsigned char *data = fuzz_file_data("model", &size);
    uint64_t length;
    memcpy(&length, data, sizeof length);
    put_seed("json", name, "", 0, data + 8, (size_t)length);
    gan_model_release(model);
    gan_layer_release(layer);
    fuzz_end(context);
}

/* Labels, and a code of one 1. */
static void add_classes(gan_builder *b) {
    gan_builder_input_indices(b, "label", gan_shape_0d(), 3);
    gan_add_embedding(b, 3, 2);
    gan_add_concat(b, "input");
    gan_add_linear(b, 4, NULL);
    gan_add_reshape(b, gan_shape_3d(1, 2, 2));
    gan_add_conditional_batch_norm(b, "label", 3, NULL);
    gan_add_tanh(b);
}

static void put_models(void) {
    put_model("generator", gan_shape_1d(3), add_image_layers, GAN_F32, GAN_INPUT_NORMAL);
    put_model("uniform", gan_shape_1d(2), add_image_layers, GAN_F64, GAN_INPUT_UNIFORM);
    put_model("networks", gan_shape_1d(3), add_networks, GAN_F32, GAN_INPUT_NORMAL);
    put_model("branches", gan_shape_3d(2, 3, 3), add_branches, GAN_F32, GAN_INPUT_IMAGE);
    put_model("classes", gan_shape_1d(3), add_classes, GAN_F32, GAN_INPUT_ONE_HOT);
}

/* ---- a run's checkpoint ---- */

static void put_checkpoint(void) {
    small_run r;
    small_run_begin(&r, 0);
    if (gan_run_train(r.run) != GAN_OK) {
        fprintf(stderr, "%s\n", gan_context_error(r.context));
        exit(1);
    }
    size_t size;
    const unsigned char *log = fuzz_file_data("run/log.jsonl", &size);
    char head[300] = {(char)0xea, (char)(size < 250 ? size : 250)};
    size = size < 250 ? size : 250;
    memcpy(head + 2, log, size);
    put_file("resume", "raw", "\xf8\0r", 3, SMALL_RUN_CHECKPOINT);
    put_described("resume", "checkpoint", "\x08\0", 2, SMALL_RUN_CHECKPOINT, "gan.checkpoint");
    put_described("resume", "log", head, 2 + size, SMALL_RUN_CHECKPOINT, "gan.checkpoint");
    put_described("resume", "folder", "\x05\0", 2, SMALL_RUN_CHECKPOINT, "gan.checkpoint");
    small_run_end(&r);
}

/* ---- images ---- */

static void put_images(void) {
    gan_context *context = fuzz_begin();
    uint8_t pixels[4 * 5 * 3];
    for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)(i * 37);
    for (int64_t channels = 1; channels <= 4; channels++) {
        gan_tensor *image = NULL;
        char name[16];
        snprintf(name, sizeof name, "%d", (int)channels);
        gan_shape shape = gan_shape_3d(channels, 5, 3);
        if (gan_tensor_wrap(&image, context, GAN_U8, shape, pixels, NULL, NULL) != GAN_OK ||
            gan_png_write(image, "image") != GAN_OK)
            exit(1);
        put_file("png", name, "\x05", 1, "image");
        gan_tensor_release(image);
    }
    /* raw scan lines, which the target compresses: palette, 16 bits, one bit, interlaced */
    static const char start[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x04\0\0\0\x04";
    static const char palette[] = "\0\0\0\x06PLTE\1\2\3\4\5\6....\0\0\0\3tRNS\1\2\3....";
    static const char kinds[][5] = {{8, 3, 0, 0, 0}, {16, 2, 0, 0, 0}, {1, 0, 0, 0, 0}, {8, 6, 0, 0, 1}};
    for (int i = 0; i < 4; i++) {
        char file[512], name[16];
        memset(file, 0, sizeof file);
        memcpy(file, "\x02", 1);
        size_t used = 1;
        memcpy(file + used, start, sizeof start - 1), used += sizeof start - 1;
        memcpy(file + used, kinds[i], 5), used += 9;
        if (i == 0) memcpy(file + used, palette, sizeof palette - 1), used += sizeof palette - 1;
        memcpy(file + used, "\0\0\0\x80IDAT", 8), used += 8 + 0x80 + 4;
        memcpy(file + used, "\0\0\0\0IEND", 8), used += 12;
        snprintf(name, sizeof name, "kind-%d", i);
        put_seed("png", name, "", 0, file, used);
    }
    fuzz_end(context);
}

static void put_idx(void) {
    static const char labels[] = "\0\0\x08\x01\0\0\0\x02\x03\x07";
    static const char images[] = "\0\0\x08\x03\0\0\0\x02\0\0\0\x02\0\0\0\x03"
                                 "abcdefghijkl";
    put_seed("idx", "images", "\0", 1, images, sizeof images - 1);
    put_seed("idx", "padded", "\x06", 1, images, sizeof images - 1);
    put_seed("idx_gz", "images", "\x01", 1, images, sizeof images - 1);
    put_seed("idx_gz", "folder", "\x13", 1, images, sizeof images - 1);
    char head[2 + sizeof labels - 1] = {1, sizeof labels - 1};
    memcpy(head + 2, labels, sizeof labels - 1);
    put_seed("idx", "labels", head, sizeof head, images, sizeof images - 1);
    head[0] = 0x1b;
    put_seed("idx", "labels-folder", head, sizeof head, images, sizeof images - 1);
    /* a stored block: what the fuzzer can change without breaking the compression */
    unsigned char gz[64] = {0, 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 28, 0, 0xe3, 0xff};
    memcpy(gz + 16, images, sizeof images - 1);
    put_seed("idx_gz", "stored", "", 0, gz, sizeof gz);
}

static void put_cifar(void) {
    static const char records[] = "\x03\x05 pixels pixels\x01\x63";
    char names[210], head[212];
    size_t used = 0;
    for (int i = 0; i < 10; i++) used += (size_t)snprintf(names + used, sizeof names - used, "class %d\n", i);
    put_seed("cifar", "10", "\x04\0", 2, records, sizeof records);
    put_seed("cifar", "100", "\x05\0", 2, records, sizeof records);
    put_seed("cifar", "coarse", "\x07\0", 2, records, sizeof records);
    put_seed("cifar", "folder", "\x74\0", 2, records, sizeof records);
    used = (used + 3) / 4 * 4;
    memcpy(head, "\x0c", 1);
    head[1] = (char)(used / 4);
    memset(head + 2, '\n', used);
    memcpy(head + 2, names, strlen(names));
    put_seed("cifar", "names", head, used + 2, records, sizeof records);
}

static void put_captions(void) {
    static const char text[] = "a.png\ta flower\tune fleur \xc3\xa0 six p\xc3\xa9tales\r\n\nb/c.png\tanother\n";
    static const char outside[] = "a.png\tone\n../outside.png\ttwo\n";
    put_seed("captions", "two", "", 0, text, sizeof text - 1);
    put_seed("captions", "mark", "\xef\xbb\xbf", 3, text, sizeof text - 1);
    put_seed("captions", "outside", "", 0, outside, sizeof outside - 1);
}

#if defined(HAVE_JPEG)
static void put_jpeg(const char *name, int channels, int progressive, int restart) {
    struct jpeg_compress_struct encoder;
    struct jpeg_error_mgr errors;
    unsigned char *data = NULL, row[24 * 3];
    unsigned long size = 0;
    encoder.err = jpeg_std_error(&errors);
    jpeg_create_compress(&encoder);
    jpeg_mem_dest(&encoder, &data, &size);
    encoder.image_width = 24;
    encoder.image_height = 20;
    encoder.input_components = channels;
    encoder.in_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&encoder);
    jpeg_set_quality(&encoder, 30, TRUE);
    if (progressive) jpeg_simple_progression(&encoder);
    encoder.restart_interval = (unsigned)restart;
    jpeg_start_compress(&encoder, TRUE);
    for (int y = 0; y < 20; y++) {
        for (int x = 0; x < 24 * channels; x++) row[x] = (unsigned char)(x * 9 + y * 5);
        JSAMPROW rows[1] = {row};
        jpeg_write_scanlines(&encoder, rows, 1);
    }
    jpeg_finish_compress(&encoder);
    jpeg_destroy_compress(&encoder);
    put_seed("jpeg", name, "\1", 1, data, size);
    free(data);
}
#endif

/* ---- bytes that are choices: anything will do ---- */

static void put_choices(const char *target, int count, size_t size) {
    uint32_t state = 1;
    for (int i = 0; i < count; i++) {
        unsigned char bytes[512];
        char name[16];
        for (size_t k = 0; k < size; k++) {
            state = state * 1664525 + 1013904223;
            bytes[k] = (unsigned char)(state >> 24);
        }
        snprintf(name, sizeof name, "%02d", i);
        put_seed(target, name, "", 0, bytes, size);
    }
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: gan-fuzz-seeds FOLDER\n");
        return 2;
    }
    root = argv[1];
    put_models();
    put_checkpoint();
    put_images();
    put_idx();
    put_cifar();
    put_captions();
#if defined(HAVE_JPEG)
    put_jpeg("grey", 1, 0, 0);
    put_jpeg("colour", 3, 0, 2);
    put_jpeg("progressive", 3, 1, 0);
#endif
    put_choices("ops", 24, 40);
    put_choices("tape", 24, 400);
    put_choices("options", 40, 60);
    return 0;
}
