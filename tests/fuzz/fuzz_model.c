/* Model files: bytes, or a description and the tensors that it wants. What loads can be run, saved and loaded again. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define COST_MOST 5e6 /* of one item; a model may ask for more work than a fuzzer has time for */

static void run(gan_context *context, gan_model *model) {
    gan_layer *layer = gan_model_layer(model);
    gan_tensor *out = NULL, *inputs = NULL;
    char summary[256];
    fuzz_expect(gan_layer_summary(layer, summary, sizeof summary) > 0, "a network without a summary");
    for (int32_t i = 0; i < gan_layer_tensor_count(layer); i++)
        fuzz_expect(gan_layer_find(layer, gan_layer_tensor_name(layer, i)) == gan_layer_tensor(layer, i),
                    "two tensors of one name");
    if (fuzz_cost(layer) > COST_MOST) return;
    gan_status status = fuzz_status(context, gan_model_sample(&out, model, 2, 1));
    fuzz_expect((status == GAN_OK) == (out != NULL), "a status and its result disagree");
    gan_tensor_release(out);
    gan_shape shape = gan_layer_input_shape(layer, 0), batch = gan_shape_1d(1);
    for (int32_t i = 0; i < shape.rank; i++) batch.size[batch.rank++] = shape.size[i];
    if (gan_tensor_create(&inputs, context, GAN_F64, batch) == GAN_OK) {
        fuzz_status(context, gan_model_generate(&out, model, inputs));
        gan_tensor_release(out);
        gan_tensor_release(inputs);
    }
}

/* A session folds, packs and lays out what the file describes, before it has seen a single value. */
static void run_session(gan_context *context, gan_model *model) {
    gan_layer *layer = gan_model_layer(model);
    if (fuzz_cost(layer) > COST_MOST) return;
    gan_session_options options;
    gan_session_options_init(&options);
    options.batch = 2;
    gan_session *session = NULL;
    size_t bytes = 0;
    gan_status status = fuzz_status(context, gan_session_create(&session, model, &options));
    fuzz_expect((status == GAN_OK) == (session != NULL), "a status and its result disagree");
    if (session == NULL) return;
    size_t held = gan_session_memory(session), items = 2 * (size_t)gan_shape_count(gan_layer_output_shape(layer, 0));
    size_t room = items * gan_dtype_size(gan_layer_dtype(layer));
    void *images = malloc(room + 1);
    if (images != NULL && gan_session_sample(session, 0, 2, 1, images, room) == GAN_OK)
        fuzz_expect(gan_session_memory(session) == held, "a session that runs takes more memory");
    free(images);
    gan_session_release(session);
    status = fuzz_status(context, gan_session_measure(&bytes, model, &options));
    fuzz_expect(status != GAN_OK || bytes == held, "a session takes another amount of memory than was said");
}

/* The second copy must be, to the byte, what the first was. */
static void save_twice(gan_context *context, const gan_model *model) {
    if (fuzz_status(context, gan_model_save(model, "first")) != GAN_OK) return;
    gan_model *again = NULL;
    gan_status status = gan_model_load(&again, context, "first");
    fuzz_expect(status == GAN_OK || status == GAN_E_MEMORY, "a model that was saved cannot be loaded");
    if (status == GAN_OK && gan_model_save(again, "second") == GAN_OK) {
        size_t first_size, second_size;
        const unsigned char *first = fuzz_file_data("first", &first_size);
        const unsigned char *second = fuzz_file_data("second", &second_size);
        fuzz_expect(first_size == second_size && memcmp(first, second, first_size) == 0,
                    "a model changes when it is saved, loaded and saved");
    }
    gan_model_release(again);
}

/* A type of the application's, with a text of configuration and a tensor. */
static int32_t scale_tensors(void *user, const char *config, const gan_shape *inputs,
                             gan_layer_slot tensors[GAN_LAYER_TENSORS]) {
    (void)user, (void)inputs;
    tensors[0].name = "scale";
    tensors[0].shape = gan_shape_1d((int64_t)strlen(config) % 3 + 1);
    tensors[0].is_parameter = 1;
    return 1;
}

static gan_tensor *scale_forward(void *user, gan_tape *tape, const char *config, gan_tensor *const *tensors,
                                 gan_tensor *const *inputs, int32_t training) {
    (void)user, (void)config, (void)training;
    return gan_mul(tape, inputs[0], gan_sum(tape, tensors[0]));
}

static void register_type(gan_context *context) {
    gan_layer_type type;
    gan_layer_type_init(&type);
    type.name = "fuzz.scale";
    type.tensors = scale_tensors;
    type.forward = scale_forward;
    fuzz_expect(gan_layer_type_register(context, &type) == GAN_OK, "the type is refused");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gan_context *context = fuzz_begin();
    register_type(context);
    fuzz_container("file", "gan.model", (fuzz_bytes){data, size});
    gan_model *model = NULL;
    gan_status status = fuzz_status(context, gan_model_load(&model, context, "file"));
    fuzz_expect((status == GAN_OK) == (model != NULL), "a status and its result disagree");
    if (model != NULL) {
        run(context, model);
        run_session(context, model);
        save_twice(context, model);
    }
    gan_model_release(model);
    fuzz_end(context);
    return 0;
}
