#include "rewrite_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "train/run.h"

enum { TENSORS = 256, FILE_MOST = 1 << 24 };

static void rewrite(gan_context *context, const char *path, const char *other_path, const char *key, const char *from,
                    const char *to, const char *missing, const char *extra) {
    gani_safetensors file;
    gani_entry entries[TENSORS];
    int32_t count = 0, is_checkpoint = strcmp(key, GANI_CHECKPOINT_KEY) == 0; /* which must have a checksum */
    assert_int_equal(gani_safetensors_read(&file, context, path, FILE_MOST), GAN_OK);
    assert_in_range(file.count, 0, TENSORS - 1);
    const char *text = gani_safetensors_note(&file, key), *at = from == NULL ? text : strstr(text, from);
    if (at == NULL) fail_msg("no %s in %s", from, text);
    char *changed = malloc(strlen(text) + strlen(to == NULL ? "" : to) + 1);
    sprintf(changed, "%.*s%s%s", (int)(at - text), text, to == NULL ? "" : to, at + strlen(from == NULL ? "" : from));
    for (int32_t i = 0; i < file.count; i++) {
        if (missing != NULL && strcmp(file.tensors[i].name, missing) == 0) continue;
        gan_tensor *tensor;
        assert_int_equal(gan_tensor_create(&tensor, context, file.tensors[i].dtype, file.tensors[i].shape), GAN_OK);
        gani_safetensors_load(&file, file.tensors[i].name, tensor);
        entries[count++] = (gani_entry){file.tensors[i].name, tensor};
    }
    if (extra != NULL) {
        gan_tensor *tensor;
        assert_int_equal(gan_tensor_create(&tensor, context, GAN_U8, gan_shape_1d(3)), GAN_OK);
        entries[count++] = (gani_entry){extra, tensor};
    }
    gani_note note = {key, changed};
    assert_int_equal(gani_safetensors_write(context, other_path, entries, count, &note, 1, is_checkpoint), GAN_OK);
    for (int32_t i = 0; i < count; i++) gan_tensor_release((gan_tensor *)(uintptr_t)entries[i].tensor);
    gani_safetensors_end(&file);
    free(changed);
}

void rewrite_model(gan_context *context, const char *path, const char *other_path, const char *from, const char *to,
                   const char *missing, const char *extra) {
    rewrite(context, path, other_path, GANI_MODEL_KEY, from, to, missing, extra);
}

void rewrite_checkpoint(gan_context *context, const char *path, const char *other_path, const char *from,
                        const char *to) {
    rewrite(context, path, other_path, GANI_CHECKPOINT_KEY, from, to, NULL, NULL);
}
