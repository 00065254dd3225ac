#include "fuzz.h"

#include "memory_files.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the host ---- */

static size_t live_bytes;
static long long live_blocks;
static int until_failure = -1;

void fuzz_fail_allocation(int count) { until_failure = count; }

static void *allocate(void *user, size_t alignment, size_t size) {
    (void)user;
    if (until_failure >= 0 && until_failure-- == 0) return NULL;
    fuzz_expect(size <= FUZZ_MEMORY && live_bytes + size <= FUZZ_MEMORY, "a context went beyond its memory limit");
    void *block = NULL;
    if (posix_memalign(&block, alignment, size) != 0) return NULL;
    live_bytes += size;
    live_blocks++;
    return block;
}

static void deallocate(void *user, void *block, size_t size) {
    (void)user;
    live_bytes -= size;
    live_blocks--;
    free(block);
}

void fuzz_expect(int good, const char *what) {
    if (good) return;
    fprintf(stderr, "finding: %s\n", what);
    abort();
}

gan_context *fuzz_begin_level(int32_t level) {
    gan_allocator allocator = {sizeof allocator, NULL, allocate, deallocate};
    gan_context_options options;
    gan_context_options_init(&options);
    options.threads = 1;
    options.deterministic = 1;
    options.level = level;
    options.allocator = &allocator;
    options.memory_limit = (int64_t)FUZZ_MEMORY;
    gan_context *context = NULL;
    fuzz_expect(gan_context_create(&context, &options) == GAN_OK, "no context");
    context->io = &fuzz_io;
    return context;
}

gan_context *fuzz_begin(void) { return fuzz_begin_level(GAN_LEVEL_AUTO); }

void fuzz_end(gan_context *context) {
    size_t current, peak;
    gan_context_memory(context, &current, &peak);
    fuzz_expect(current == live_bytes && peak >= current, "a context counts its memory wrongly");
    until_failure = -1;
    gan_context_release(context);
    fuzz_files_end();
    fuzz_expect(live_blocks == 0, "a leak, or a block freed twice");
    fuzz_expect(live_bytes == 0, "blocks were given back with another size than they were taken with");
}

static gan_status expect_status(gan_status status, const char *message) {
    fuzz_expect(status <= GAN_OK && status > GAN_E_INTERNAL, "a status that no caller should see");
    fuzz_expect(status == GAN_OK || message[0] != '\0', "a failure without a message");
    return status;
}

gan_status fuzz_status(const gan_context *context, gan_status status) {
    return expect_status(status, gan_context_error(context));
}

gan_status fuzz_tape_status(const gan_tape *tape) { return expect_status(gan_tape_status(tape), gan_tape_error(tape)); }

/* ---- bytes ---- */

uint8_t fuzz_u8(fuzz_bytes *bytes) {
    if (bytes->size == 0) return 0;
    bytes->size--;
    return *bytes->data++;
}

uint64_t fuzz_u64(fuzz_bytes *bytes) {
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) value = value << 8 | fuzz_u8(bytes);
    return value;
}

int64_t fuzz_int(fuzz_bytes *bytes) {
    static const int64_t odd[] = {-1,
                                  -2,
                                  17,
                                  31,
                                  64,
                                  255,
                                  256,
                                  1000,
                                  4097,
                                  65535,
                                  65536,
                                  (int64_t)1 << 20,
                                  INT32_MAX,
                                  (int64_t)INT32_MAX + 1,
                                  (int64_t)1 << 32,
                                  ((int64_t)1 << 32) + 1,
                                  (int64_t)1 << 40,
                                  (int64_t)1 << 61,
                                  INT64_MAX / 2,
                                  INT64_MAX - 1,
                                  INT64_MAX,
                                  INT32_MIN,
                                  INT64_MIN,
                                  INT64_MIN + 1};
    uint8_t choice = fuzz_u8(bytes);
    if (choice < 192) return choice % 16;
    if (choice < 192 + sizeof odd / sizeof odd[0]) return odd[choice - 192];
    return choice < 250 ? (int64_t)fuzz_u8(bytes) : (int64_t)fuzz_u64(bytes);
}

double fuzz_number(fuzz_bytes *bytes) {
    static const double odd[] = {0.0,   -0.0,    1.0,          -1.0,   0.5,      1e-3,      1e-8,
                                 1e-30, 1e-45,   1e-320,       1e30,   -1e30,    3e38,      1e39,
                                 1e300, 1.7e308, 2147483648.0, 9.3e18, INFINITY, -INFINITY, (double)NAN};
    uint8_t choice = fuzz_u8(bytes);
    if (choice < 128) return (choice - 64) / 16.0;
    if (choice < 128 + sizeof odd / sizeof odd[0]) return odd[choice - 128];
    if (choice < 250) return choice - 200;
    uint64_t bits = fuzz_u64(bytes);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

gan_shape fuzz_shape(fuzz_bytes *bytes, int hostile) {
    gan_shape shape = gan_shape_0d();
    uint8_t choice = fuzz_u8(bytes);
    shape.rank = choice % 5;
    if (choice >= 200) shape.rank = choice % (GAN_MAX_RANK + 1);
    if (hostile && choice >= 250) shape.rank = (int32_t)fuzz_int(bytes);
    for (int32_t i = 0; i < shape.rank && i < GAN_MAX_RANK; i++)
        shape.size[i] = hostile ? fuzz_int(bytes) : fuzz_u8(bytes) % 9;
    return shape;
}

size_t fuzz_text(fuzz_bytes *bytes, const uint8_t **text) {
    const uint8_t *end = bytes->size == 0 ? NULL : memchr(bytes->data, 0, bytes->size);
    size_t size = end == NULL ? bytes->size : (size_t)(end - bytes->data);
    *text = bytes->data;
    bytes->data += size + (end != NULL);
    bytes->size -= size + (end != NULL);
    return size;
}
