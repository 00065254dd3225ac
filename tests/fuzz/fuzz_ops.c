/* One operation with hostile shapes and attributes, on every kernel level, and its first and second gradients. */
#include <string.h>

#include "fuzz.h"

#define OPERANDS 3

static void make_operands(gan_context *context, fuzz_bytes *bytes, fuzz_tensors *tensors) {
    uint8_t choice = fuzz_u8(bytes);
    for (int i = 0; i < OPERANDS; i++) {
        static const gan_dtype types[] = {GAN_F32, GAN_F64, GAN_I32, GAN_U8};
        gan_dtype dtype = choice & 16 ? types[fuzz_u8(bytes) % 4] : choice & 32 ? GAN_F64 : GAN_F32;
        gan_shape shape = fuzz_shape(bytes, choice & 64);
        gan_tensor *tensor = NULL;
        if (choice & 128) shape.rank = 4;
        gan_status status = fuzz_status(context, gan_tensor_create(&tensor, context, dtype, shape));
        if (status != GAN_OK) status = gan_tensor_create(&tensor, context, dtype, gan_shape_2d(2, 3));
        fuzz_expect(status == GAN_OK, "no memory for six elements");
        if (dtype <= GAN_F64) gan_tensor_fill_uniform(tensor, -1, 1, 1, 8, 0);
        if ((choice & 8) && gan_tensor_shape(tensor).rank > 0) { /* a view that is not contiguous */
            gan_shape whole = gan_tensor_shape(tensor);
            int64_t last = whole.size[whole.rank - 1], half = last / 2 + last % 2;
            gan_tensor *view = NULL;
            gan_status sliced = gan_tensor_slice(&view, tensor, whole.rank - 1, 0, half);
            fuzz_expect(sliced == GAN_OK || sliced == GAN_E_MEMORY, "a good slice was refused");
            if (view != NULL) {
                gan_tensor_release(tensor);
                tensor = view;
            }
        }
        tensors->list[tensors->count++] = tensor;
    }
}

static void differentiate(gan_tape *tape, gan_tensor *y, const fuzz_tensors *watched) {
    gan_tensor *gradients[OPERANDS], *second[OPERANDS];
    gan_tensor *const *xs = watched->list;
    int64_t mark = gan_tape_mark(tape);
    gan_gradients(tape, y, NULL, xs, OPERANDS, GAN_GRAD_DIFFERENTIABLE, gradients);
    if (fuzz_tape_status(tape) == GAN_OK) {
        for (int i = 0; i < OPERANDS; i++)
            fuzz_expect(gan_shape_equal(gan_tensor_shape(gradients[i]), gan_tensor_shape(xs[i])),
                        "a gradient has another shape");
        gan_tensor *sum = gan_sum(tape, gan_square(tape, gradients[0]));
        gan_gradients(tape, sum, NULL, xs, OPERANDS, 0, second);
        fuzz_tape_status(tape);
    }
    fuzz_expect(gan_tape_rewind(tape, mark) == GAN_OK, "the tape does not go back");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    fuzz_bytes bytes = {data, size};
    gan_context *context = fuzz_begin_level(fuzz_u8(&bytes) % 2 ? GAN_LEVEL_REFERENCE : GAN_LEVEL_AUTO);
    fuzz_tensors operands = {.count = 0}, watched = {.count = 0};
    make_operands(context, &bytes, &operands);
    gan_tape *tape = NULL;
    if (gan_tape_create(&tape, context) == GAN_OK) {
        for (int i = 0; i < OPERANDS; i++) watched.list[watched.count++] = gan_watch(tape, operands.list[i]);
        if (fuzz_tape_status(tape) != GAN_OK) {
            gan_tape_reset(tape);
            watched = operands; /* integers cannot be watched, but some operations take them */
        }
        gan_tensor *y = fuzz_operation(tape, &bytes, &watched);
        if (y != NULL && fuzz_tape_status(tape) == GAN_OK) {
            for (int64_t i = 0; i < gan_tensor_count(y) && i < 4; i++) gan_tensor_item(y, i);
            differentiate(tape, y, &watched);
        }
        for (int i = 0; i < OPERANDS; i++) gan_tensor_release(operands.list[i]);
        gan_tape_release(tape);
    }
    fuzz_end(context);
    return 0;
}
