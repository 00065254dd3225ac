/* Model files and checkpoints with something wrong in them. */
#ifndef TESTS_UNIT_REWRITE_MODEL_H
#define TESTS_UNIT_REWRITE_MODEL_H

#include <gan.h>

/* Writes the model file at `path` to `other_path` with the first `from` of its description replaced by `to`, without
 * the tensor `missing`, and with `extra` of type u8, if they are given. */
void rewrite_model(gan_context *context, const char *path, const char *other_path, const char *from, const char *to,
                   const char *missing, const char *extra);
/* A checkpoint likewise; its checksum is right. */
void rewrite_checkpoint(gan_context *context, const char *path, const char *other_path, const char *from,
                        const char *to);

#endif
