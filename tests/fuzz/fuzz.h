/* What the fuzz targets share: a host that refuses too much memory and sees every leak, files that lie in memory, and
 * bytes read as choices. A target is one file fuzz_NAME.c with LLVMFuzzerTestOneInput. A finding is a sanitizer's
 * report, a failed fuzz_expect, or an input that takes seconds. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include <gan.h>

#include "base/context.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_MEMORY ((size_t)64 << 20) /* bytes that the context may have at once */

/* A context of one thread with deterministic results, whose files lie in memory: none at first. */
gan_context *fuzz_begin(void);
gan_context *fuzz_begin_level(int32_t level);
/* Ends the context and the files. Everything made from the context was released: whatever is left is a finding. */
void fuzz_end(gan_context *context);

/* The allocation that comes after `count` others fails, once; -1: none. */
void fuzz_fail_allocation(int count);

/* Ends the process with a message if `good` is 0. */
void fuzz_expect(int good, const char *what);
/* A status of base.h, never GAN_E_INTERNAL, and a failure has a message. Returns `status`. */
gan_status fuzz_status(const gan_context *context, gan_status status);
gan_status fuzz_tape_status(const gan_tape *tape);

/* ---- files in memory ---- */

void fuzz_file(const char *path, const void *data, size_t size); /* replaces what is there */
/* NULL if there is none; valid until the next change of files. */
const unsigned char *fuzz_file_data(const char *path, size_t *size);

/* ---- bytes as choices: behind the end there are zeros ---- */

typedef struct fuzz_bytes {
    const uint8_t *data;
    size_t size;
} fuzz_bytes;

uint8_t fuzz_u8(fuzz_bytes *bytes);
uint64_t fuzz_u64(fuzz_bytes *bytes);
/* Mostly a number from 0 to 15; sometimes one of those that overflow, wrap or are off by one. */
int64_t fuzz_int(fuzz_bytes *bytes);
/* Mostly a modest number; sometimes an infinity, NaN, a denormal or one near overflow. */
double fuzz_number(fuzz_bytes *bytes);
/* Mostly small; `hostile`: ranks and sizes that no tensor can have, too. */
gan_shape fuzz_shape(fuzz_bytes *bytes, int hostile);
/* The bytes up to a 0 or the end, which are taken; *text is not ended by a 0. */
size_t fuzz_text(fuzz_bytes *bytes, const uint8_t **text);

/* ---- safetensors files: container.c ----
 * The first byte says how the rest becomes the file `path`, so that most mutations get past lengths and checksums:
 *   'r'  as it is;
 *   'h'  the header up to a 0, then the data: the length is put in front, a checksum that is there is made right;
 *   otherwise: a text for __metadata__ under `key` up to a 0, then lines "NAME TYPE SIZE SIZE ...": tensors of small
 *   numbers. */
void fuzz_container(const char *path, const char *key, fuzz_bytes bytes);

/* ---- operations: operations.c ---- */

#define FUZZ_TENSORS 16
typedef struct fuzz_tensors {
    gan_tensor *list[FUZZ_TENSORS];
    int count;
} fuzz_tensors;
gan_tensor *fuzz_pick(fuzz_bytes *bytes, const fuzz_tensors *tensors); /* NULL if there are none */
void fuzz_keep(fuzz_bytes *bytes, fuzz_tensors *tensors, gan_tensor *tensor);
/* One operation of ops.h or a loss on tensors of the list; NULL if it would only be slow. */
gan_tensor *fuzz_operation(gan_tape *tape, fuzz_bytes *bytes, const fuzz_tensors *tensors);

/* ---- networks: networks_of_bytes.c ---- */

/* A network that the bytes describe, through the builder; NULL if they describe none. */
gan_layer *fuzz_network(gan_context *context, fuzz_bytes *bytes);
/* Multiplications and elements that a forward pass over one item takes, roughly. */
double fuzz_cost(const gan_layer *layer);

#endif
