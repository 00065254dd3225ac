/* JSON in and out, strictly as RFC 8259 has it, in UTF-8. Reading is sticky: the first failure stays in `status`, its
 * message in the context, and every later call gives 0, "" or -1, so that a description is read without checks and one
 * look at the end tells. */
#ifndef GANI_IO_JSON_H
#define GANI_IO_JSON_H

#include <stdint.h>

#include "base/context.h"

#define GANI_JSON_MAX_DEPTH 64
#define GANI_JSON_MAX_TOKENS                                                                                           \
    (1 << 22) /* a bound for the memory that a hostile text can make us take: about 40 bytes a token */

enum {
    GANI_JSON_OBJECT = 1,
    GANI_JSON_ARRAY,
    GANI_JSON_STRING,
    GANI_JSON_NUMBER,
    GANI_JSON_TRUE,
    GANI_JSON_FALSE,
    GANI_JSON_NULL
};

typedef struct gani_json_token {
    int32_t kind;
    int32_t start, end; /* in text; a string's without the quotes */
    int32_t parent;     /* a member's value has its key as parent; -1: the root */
    int32_t after;      /* the first token behind this one and all it contains */
} gani_json_token;

typedef struct gani_json {
    gan_context *context;
    const char *file; /* for messages; borrowed */
    const char *root; /* what the text is within the file, for messages; borrowed */
    char *text;       /* strings have been unescaped in place and end with a 0 */
    gani_json_token *tokens;
    int32_t count;
    gan_status status;
} gani_json;

/* ---- reading: a value is the index of its token, the root object is 0 ---- */

/* Parses a copy of `text`, which must be one object. GAN_E_FORMAT: not JSON, a member twice, a string with U+0000.
 * gani_json_end is harmless after a failure. */
gan_status gani_json_parse(gani_json *json, gan_context *context, const char *file, const char *root, const char *text,
                           size_t size);
void gani_json_end(gani_json *json);

int32_t gani_json_find(const gani_json *json, int32_t object, const char *key); /* -1: there is no such member */
int32_t gani_json_member(gani_json *json, int32_t object, const char *key);     /* fails if there is none */
/* Elements of an array, or keys of an object (a key's value is the token behind it); -1 at the end. */
int32_t gani_json_first(const gani_json *json, int32_t value);
int32_t gani_json_next(const gani_json *json, int32_t element);
int32_t gani_json_size(const gani_json *json, int32_t value); /* elements or members */

int32_t gani_json_object(gani_json *json, int32_t value); /* value itself, once it is known to be an object */
int32_t gani_json_array(gani_json *json, int32_t value);
int64_t gani_json_int(gani_json *json, int32_t value, int64_t low, int64_t high);
uint64_t gani_json_u64(gani_json *json,
                       int32_t value); /* a string of decimal digits: many readers have no integers beyond 2^53 */
double gani_json_number(gani_json *json, int32_t value); /* finite */
int32_t gani_json_flag(gani_json *json, int32_t value);  /* true or false */
const char *gani_json_text(gani_json *json, int32_t value);
gan_shape gani_json_shape(gani_json *json, int32_t value); /* an array of at most GAN_MAX_RANK sizes >= 0 */

/* Fails at a value: "'a.safetensors': gan.model.nodes[3].type " and then the formatted text. */
void gani_json_fail(gani_json *json, gan_status status, int32_t value, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* ---- writing: appends to a buffer that grows; commas are put where they belong; sticky ---- */

typedef struct gani_json_out {
    gan_context *context;
    char *data; /* ends with a 0 once anything was written */
    size_t size, capacity;
    int32_t comma;
    gan_status status; /* GAN_E_MEMORY, or GAN_E_ARGUMENT: a string is not UTF-8; the message is in the context */
} gani_json_out;

void gani_json_begin(gani_json_out *out, gan_context *context);
void gani_json_clear(gani_json_out *out); /* empty again; keeps its memory */
void gani_json_release(gani_json_out *out);

void gani_json_open(gani_json_out *out, char bracket);  /* { or [ */
void gani_json_close(gani_json_out *out, char bracket); /* } or ] */
void gani_json_key(gani_json_out *out, const char *key);
void gani_json_put_text(gani_json_out *out, const char *text);
void gani_json_put_int(gani_json_out *out, int64_t value);
void gani_json_put_u64(gani_json_out *out, uint64_t value);  /* as a string */
void gani_json_put_number(gani_json_out *out, double value); /* null if it is not finite */
void gani_json_put_flag(gani_json_out *out, int32_t value);
void gani_json_put_shape(gani_json_out *out, gan_shape shape);
void gani_json_raw(gani_json_out *out, const char *text, size_t size); /* no comma, no escapes */

/* ---- json_scan.c ---- */

/* 1 if the text is one object or array as RFC 8259 has it, without U+0000 and at most GANI_JSON_MAX_DEPTH deep.
 * *tokens: values and keys found; *at: where it ended. */
int gani_json_scan(const char *text, size_t size, int32_t *tokens, size_t *at);

#endif
