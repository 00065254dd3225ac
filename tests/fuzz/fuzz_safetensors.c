/* The safetensors reader: whatever it accepts can be loaded, and written and read again. */
#include <string.h>

#include "fuzz.h"
#include "io/safetensors.h"

/* Loads one stored tensor into a tensor of each type; the conversions that exist must work. */
static gan_tensor *load(const gani_safetensors *file, const gani_stored *stored) {
    gan_tensor *same = NULL;
    for (gan_dtype dtype = GAN_F32; dtype <= GAN_U8; dtype++) {
        gan_tensor *tensor = NULL;
        if (gan_tensor_create(&tensor, file->context, dtype, stored->shape) != GAN_OK) continue;
        gan_status status = fuzz_status(file->context, gani_safetensors_check(file, stored->name, tensor, 1));
        int fits = stored->dtype == dtype || (stored->dtype <= GAN_F64 && dtype <= GAN_F64);
        fuzz_expect((status == GAN_OK) == fits, "a tensor fits that should not, or the other way round");
        if (status == GAN_OK) gani_safetensors_load(file, stored->name, tensor);
        if (stored->dtype == dtype)
            same = tensor;
        else
            gan_tensor_release(tensor);
    }
    return same;
}

static void write_again(gan_context *context, const gani_safetensors *file, gan_tensor *const *tensors) {
    enum { MOST = 16 };
    gani_entry entries[MOST];
    int32_t count = 0;
    for (int32_t i = 0; i < file->count && i < MOST; i++)
        if (tensors[i] != NULL) entries[count++] = (gani_entry){file->tensors[i].name, tensors[i]};
    gani_note note = {"note", "text"};
    gan_status status = gani_safetensors_write(context, "again", entries, count, &note, 1, 1);
    if (fuzz_status(context, status) != GAN_OK) return;
    gani_safetensors again;
    status = gani_safetensors_read(&again, context, "again", GANI_SAFETENSORS_FILE);
    fuzz_expect(status == GAN_OK || status == GAN_E_MEMORY, "what was written cannot be read");
    if (status == GAN_OK) {
        fuzz_expect(gani_safetensors_verify(&again, 1) == GAN_OK, "what was written does not verify");
        fuzz_expect(again.count == count, "what was written has another number of tensors");
        for (int32_t i = 0; i < count; i++)
            fuzz_expect(gani_safetensors_check(&again, entries[i].name, entries[i].tensor, 0) == GAN_OK,
                        "what was written has other tensors");
    }
    gani_safetensors_end(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    gan_context *context = fuzz_begin();
    fuzz_container("file", "note", (fuzz_bytes){data, size});
    gani_safetensors file;
    if (fuzz_status(context, gani_safetensors_read(&file, context, "file", GANI_SAFETENSORS_FILE)) == GAN_OK) {
        enum { MOST = 16 };
        gan_tensor *tensors[MOST] = {NULL};
        fuzz_status(context, gani_safetensors_verify(&file, 1));
        gani_safetensors_note(&file, "note");
        gani_safetensors_find(&file, "");
        for (int32_t i = 0; i < file.count && i < MOST; i++)
            if (file.tensors[i].dtype != 0) tensors[i] = load(&file, &file.tensors[i]);
        write_again(context, &file, tensors);
        for (int32_t i = 0; i < MOST; i++) gan_tensor_release(tensors[i]);
    }
    gani_safetensors_end(&file);
    fuzz_end(context);
    return 0;
}
