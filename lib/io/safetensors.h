/* The safetensors format: 8 bytes of header length (little-endian), a JSON header, the tensors' bytes. A file comes
 * from anywhere, so nothing in it is believed. */
#ifndef GANI_IO_SAFETENSORS_H
#define GANI_IO_SAFETENSORS_H

#include "io/json.h"
#include "tensor/tensor.h"

#define GANI_SAFETENSORS_HEADER ((size_t)100000000) /* as the format's reference reader has it */
#define GANI_SAFETENSORS_FILE ((size_t)1 << (sizeof(size_t) > 4 ? 36 : 30)) /* larger files are refused */
#define GANI_CHECKSUM_KEY                                                                                              \
    "gan.checksum" /* 16 hexadecimal digits: FNV-1a 64 of the whole file with these digits as zeros */

/* ---- reading ---- */

typedef struct gani_stored {
    const char *name;
    gan_dtype dtype;  /* 0: of a type or rank that libgan does not know */
    const char *type; /* as the file says: "F32", "BF16" */
    gan_shape shape;
    uint64_t begin, bytes; /* in the data */
} gani_stored;

typedef struct gani_safetensors {
    gan_context *context;
    char *path;
    unsigned char *file; /* all of it */
    size_t size, header_size;
    gani_json header;
    gani_stored *tensors; /* in the header's order */
    int32_t *by_name;     /* indices of tensors, sorted: a file may have a hundred thousand */
    int32_t count;
} gani_safetensors;

/* Reads and checks a file of at most `limit` bytes. Tensors of unknown type are listed, with dtype 0. Errors: GAN_E_IO,
 * GAN_E_LIMIT, GAN_E_FORMAT. gani_safetensors_end is harmless after a failure. */
gan_status gani_safetensors_read(gani_safetensors *file, gan_context *context, const char *path, size_t limit);
/* The same of bytes that are there already. */
gan_status gani_safetensors_read_memory(gani_safetensors *file, gan_context *context, const void *bytes, size_t size);
void gani_safetensors_end(gani_safetensors *file);

/* The text under a key of __metadata__; NULL if there is none. */
const char *gani_safetensors_note(const gani_safetensors *file, const char *key);
const gani_stored *gani_safetensors_find(const gani_safetensors *file, const char *name); /* NULL if there is none */
/* GAN_OK if the checksum is right, else GAN_E_FORMAT; so it is without one if that is `required`. */
gan_status gani_safetensors_verify(const gani_safetensors *file, int32_t required);

/* Checks that `tensor` can be loaded from what is stored under `name`: GAN_E_MISMATCH, naming both, if not. With
 * `convert`, f32 and f64 are taken for each other. */
gan_status gani_safetensors_check(const gani_safetensors *file, const char *name, const gan_tensor *tensor,
                                  int32_t convert);
/* Loads a contiguous tensor. It was checked: cannot fail. */
void gani_safetensors_load(const gani_safetensors *file, const char *name, gan_tensor *tensor);

/* ---- writing: safetensors_out.c ---- */

typedef struct gani_entry {
    const char *name;
    const gan_tensor *tensor; /* contiguous */
} gani_entry;

typedef struct gani_note {
    const char *key, *text;
} gani_note;

/* Writes tensors in the order given, whole file or none. Names are different from each other. */
gan_status gani_safetensors_write(gan_context *context, const char *path, const gani_entry *entries, int32_t count,
                                  const gani_note *notes, int32_t note_count, int32_t checksum);
/* The same bytes, given to a function in parts, until it returns something else than GAN_OK. */
typedef gan_status gani_write(void *user, const void *bytes, size_t size);
gan_status gani_safetensors_stream(gan_context *context, gani_write *write, void *user, const gani_entry *entries,
                                   int32_t count, const gani_note *notes, int32_t note_count, int32_t checksum);

/* "F32"; NULL for an unknown type */
const char *gani_safetensors_type(gan_dtype dtype);
static inline int gani_little_endian(void) {
    const uint16_t one = 1;
    return *(const unsigned char *)&one == 1;
}

#endif
