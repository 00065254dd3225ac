#include "rewrite_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "train/model.h"

void rewrite_model(gan_context *context, const char *path, const char *other_path, const char *from, const char *to,
                   const char *missing, const char *extra) {
    gani_safetensors file;
    gani_entry entries[64];
    int32_t count = 0;
    assert_int_equal(gani_safetensors_read(&file, context, path, 1 << 20), GAN_OK);
    const char *text = gani_safetensors_note(&file, GANI_MODEL_KEY), *at = from == NULL ? text : strstr(text, from);
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
    gani_note note = {GANI_MODEL_KEY, changed};
    assert_int_equal(gani_safetensors_write(context, other_path, entries, count, &note, 1, 0), GAN_OK);
    for (int32_t i = 0; i < count; i++) gan_tensor_release((gan_tensor *)(uintptr_t)entries[i].tensor);
    gani_safetensors_end(&file);
    free(changed);
}
