/* Reading of safetensors files. */
#include "io/safetensors.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "base/sort.h"

typedef struct element_type {
    const char *name;
    gan_dtype dtype; /* 0: foreign */
    int32_t bits;
} element_type;

static const element_type types[] = {
    {"F32", GAN_F32, 32}, {"F64", GAN_F64, 64}, {"I32", GAN_I32, 32}, {"U8", GAN_U8, 8}, {"F16", 0, 16},
    {"BF16", 0, 16},      {"I64", 0, 64},       {"U64", 0, 64},       {"U32", 0, 32},    {"I16", 0, 16},
    {"U16", 0, 16},       {"I8", 0, 8},         {"BOOL", 0, 8},       {"F8_E4M3", 0, 8}, {"F8_E5M2", 0, 8},
    {"F8_E8M0", 0, 8},    {"C64", 0, 64},
};

static const element_type *find_type(const char *name) {
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i].name, name) == 0) return &types[i];
    return NULL;
}

const char *gani_safetensors_type(gan_dtype dtype) {
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (types[i].dtype == dtype && dtype != 0) return types[i].name;
    return NULL;
}

/* Number of elements of any rank; fails the header if it overflows. */
static uint64_t count_elements(gani_json *json, int32_t shape) {
    uint64_t count = 1;
    int empty = 0, overflow = 0;
    for (int32_t i = gani_json_first(json, gani_json_array(json, shape)); i >= 0; i = gani_json_next(json, i)) {
        uint64_t size = (uint64_t)gani_json_int(json, i, 0, INT64_MAX);
        empty |= size == 0;
        overflow |= __builtin_mul_overflow(count, size, &count);
    }
    if (empty) return 0;
    if (overflow) gani_json_fail(json, GAN_E_FORMAT, shape, "has more elements than a file can hold");
    return count;
}

static void read_entry(gani_safetensors *file, int32_t key, gani_stored *stored) {
    gani_json *json = &file->header;
    int32_t entry = gani_json_object(json, key + 1);
    int32_t shape = gani_json_member(json, entry, "shape"), offsets = gani_json_member(json, entry, "data_offsets");
    stored->name = json->text + json->tokens[key].start;
    stored->type = gani_json_text(json, gani_json_member(json, entry, "dtype"));
    uint64_t count = count_elements(json, shape);
    uint64_t data_size = file->size - 8 - file->header_size;
    int32_t first = gani_json_first(json, gani_json_array(json, offsets));
    if (json->status == GAN_OK && gani_json_size(json, offsets) != 2)
        gani_json_fail(json, GAN_E_FORMAT, offsets, "is not a pair");
    uint64_t begin = (uint64_t)gani_json_int(json, first, 0, INT64_MAX);
    uint64_t end = (uint64_t)gani_json_int(json, gani_json_next(json, first), 0, INT64_MAX);
    if (json->status != GAN_OK) return;
    if (begin > end || end > data_size) {
        gani_json_fail(json, GAN_E_FORMAT, offsets, "lies outside the file, which has %" PRIu64 " bytes of data",
                       data_size);
        return;
    }
    stored->begin = begin;
    stored->bytes = end - begin;
    const element_type *type = find_type(stored->type);
    if (type == NULL) return; /* a type of the future: its size is not known */
    uint64_t bits;
    if (__builtin_mul_overflow(count, (uint64_t)type->bits / 8, &bits) || bits != stored->bytes) {
        gani_json_fail(json, GAN_E_FORMAT, key, "has %" PRIu64 " elements of type %s in %" PRIu64 " bytes", count,
                       type->name, stored->bytes);
        return;
    }
    if (gani_json_size(json, shape) > GAN_MAX_RANK) return;
    stored->dtype = type->dtype;
    stored->shape = gani_json_shape(json, shape);
}

/* ---- orders: by place and by name ---- */

static int before_in_file(const void *file, int32_t a, int32_t b) {
    const gani_stored *tensors = ((const gani_safetensors *)file)->tensors, *x = &tensors[a], *y = &tensors[b];
    return x->begin != y->begin ? x->begin < y->begin : x->bytes < y->bytes;
}

static int before_by_name(const void *file, int32_t a, int32_t b) {
    const gani_stored *tensors = ((const gani_safetensors *)file)->tensors;
    return strcmp(tensors[a].name, tensors[b].name) < 0;
}

/* gani_alloc'ed; NULL (and a message) without memory */
static int32_t *sorted(const gani_safetensors *file, gani_is_before *before) {
    int32_t *order = gani_alloc(file->context, (size_t)file->count * sizeof *order);
    if (order == NULL) {
        gani_no_memory(file->context, file->path);
        return NULL;
    }
    for (int32_t i = 0; i < file->count; i++) order[i] = i;
    gani_sort(order, file->count, before, file);
    return order;
}

/* Tensors must lie side by side and fill the data: nothing hidden, nothing shared. */
static gan_status check_tiling(gani_safetensors *file) {
    gan_context *context = file->context;
    int32_t *order = sorted(file, before_in_file);
    if (order == NULL) return GAN_E_MEMORY;
    uint64_t at = 0;
    gan_status status = GAN_OK;
    for (int32_t i = 0; i < file->count && status == GAN_OK; i++) {
        const gani_stored *stored = &file->tensors[order[i]];
        if (stored->begin != at)
            status =
                gani_fail(context, GAN_E_FORMAT,
                          "'%s': its tensors overlap or leave a gap at byte %" PRIu64 " of the data", file->path, at);
        at = stored->begin + stored->bytes;
    }
    if (status == GAN_OK && at != file->size - 8 - file->header_size)
        status = gani_fail(context, GAN_E_FORMAT, "'%s': %" PRIu64 " bytes behind its tensors belong to none of them",
                           file->path, file->size - 8 - file->header_size - at);
    gani_free(context, order);
    return status;
}

static void check_metadata(gani_json *json, int32_t metadata) {
    gani_json_object(json, metadata);
    for (int32_t key = gani_json_first(json, metadata); key >= 0; key = gani_json_next(json, key))
        gani_json_text(json, key + 1);
}

/* What the first 8 bytes say: the header's size. */
static gan_status check_size(gani_safetensors *file) {
    uint64_t length = 0;
    for (int i = 7; i >= 0; i--) length = length << 8 | file->file[i];
    if (length > file->size - 8)
        return gani_fail(file->context, GAN_E_FORMAT,
                         "'%s' is not a safetensors file, or was cut off: its header would have %" PRIu64 " bytes",
                         file->path, length);
    if (length > GANI_SAFETENSORS_HEADER)
        return gani_fail(file->context, GAN_E_LIMIT,
                         "'%s': its header has %" PRIu64 " bytes, more than the format allows", file->path, length);
    file->header_size = (size_t)length;
    return GAN_OK;
}

static gan_status parse_header(gani_safetensors *file) {
    gani_json *json = &file->header;
    const char *text = (const char *)file->file + 8;
    if (file->header_size == 0 || text[0] != '{')
        return gani_fail(file->context, GAN_E_FORMAT,
                         "'%s' is not a safetensors file: its header does not begin with {", file->path);
    gan_status status = gani_json_parse(json, file->context, file->path, "header", text, file->header_size);
    if (status != GAN_OK) return status;
    file->tensors = gani_calloc(file->context, (size_t)gani_json_size(json, 0), sizeof *file->tensors);
    if (file->tensors == NULL) return gani_no_memory(file->context, file->path);
    for (int32_t key = gani_json_first(json, 0); key >= 0 && json->status == GAN_OK; key = gani_json_next(json, key)) {
        if (strcmp(json->text + json->tokens[key].start, "__metadata__") == 0)
            check_metadata(json, key + 1);
        else
            read_entry(file, key, &file->tensors[file->count++]);
    }
    if (json->status != GAN_OK) return json->status;
    file->by_name = sorted(file, before_by_name);
    return file->by_name == NULL ? GAN_E_MEMORY : check_tiling(file);
}

static gan_status read_to(gani_safetensors *file, gani_reader *reader, size_t done) {
    gan_status status = gani_reader_to(reader, done);
    file->file = reader->data; /* it may have moved */
    return status;
}

/* Memory for the tensors only when the header has told of every byte of them: a file may be large and hold nothing. */
static gan_status read_parts(gani_safetensors *file, gani_reader *reader) {
    file->size = reader->size;
    if (file->size < 8)
        return gani_fail(file->context, GAN_E_FORMAT, "'%s' is not a safetensors file: it has %zu bytes only",
                         file->path, file->size);
    gan_status status = read_to(file, reader, 8);
    if (status == GAN_OK) status = check_size(file);
    if (status == GAN_OK) status = read_to(file, reader, 8 + file->header_size);
    if (status == GAN_OK) status = parse_header(file);
    return status == GAN_OK ? read_to(file, reader, file->size) : status;
}

static gan_status begin(gani_safetensors *file, gan_context *context, const char *path) {
    memset(file, 0, sizeof *file);
    file->context = context;
    file->path = gani_strdup(context, path);
    return file->path == NULL ? gani_no_memory(context, path) : GAN_OK;
}

static gan_status read_all(gani_safetensors *file, gani_reader *reader) {
    gan_status status = read_parts(file, reader);
    gani_reader_end(reader);
    if (status != GAN_OK) gani_safetensors_end(file);
    return status;
}

gan_status gani_safetensors_read(gani_safetensors *file, gan_context *context, const char *path, size_t limit) {
    gani_reader reader;
    gan_status status = begin(file, context, path);
    if (status != GAN_OK) return status;
    status = gani_reader_begin(&reader, context, path, limit);
    if (status == GAN_OK) return read_all(file, &reader);
    gani_safetensors_end(file);
    return status;
}

gan_status gani_safetensors_read_memory(gani_safetensors *file, gan_context *context, const void *bytes, size_t size) {
    gani_reader reader;
    gan_status status = begin(file, context, "memory");
    if (status != GAN_OK) return status;
    gani_reader_begin_memory(&reader, context, file->path, bytes, size);
    return read_all(file, &reader);
}

void gani_safetensors_end(gani_safetensors *file) {
    if (file->context == NULL) return;
    gani_json_end(&file->header);
    gani_free(file->context, file->by_name);
    gani_free(file->context, file->tensors);
    gani_free(file->context, file->file);
    gani_free(file->context, file->path);
    memset(file, 0, sizeof *file);
}

/* ---- contents ---- */

static int32_t find_note(const gani_safetensors *file, const char *key) {
    return gani_json_find(&file->header, gani_json_find(&file->header, 0, "__metadata__"), key);
}

const char *gani_safetensors_note(const gani_safetensors *file, const char *key) {
    int32_t value = find_note(file, key);
    return value < 0 ? NULL : file->header.text + file->header.tokens[value].start;
}

const gani_stored *gani_safetensors_find(const gani_safetensors *file, const char *name) {
    int32_t low = 0, high = file->count;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        const gani_stored *stored = &file->tensors[file->by_name[middle]];
        int order = strcmp(name, stored->name);
        if (order == 0) return stored;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

gan_status gani_safetensors_verify(const gani_safetensors *file, int32_t required) {
    int32_t value = find_note(file, GANI_CHECKSUM_KEY);
    if (value < 0 && !required) return GAN_OK;
    if (value >= 0 && file->header.tokens[value].end - file->header.tokens[value].start == 16) {
        size_t at = 8 + (size_t)file->header.tokens[value].start;
        uint64_t hash = gani_hash(GANI_HASH_START, file->file, at);
        hash = gani_hash(hash, "0000000000000000", 16);
        hash = gani_hash(hash, file->file + at + 16, file->size - at - 16);
        char digits[24];
        snprintf(digits, sizeof digits, "%016" PRIx64, hash);
        if (memcmp(digits, file->file + at, 16) == 0) return GAN_OK;
    }
    const char *way_out = required ? "" : " (who changes such a file removes " GANI_CHECKSUM_KEY ")";
    return gani_fail(file->context, GAN_E_FORMAT, "'%s' is damaged: its checksum is %s%s", file->path,
                     value < 0 ? "missing" : "wrong", way_out);
}

gan_status gani_safetensors_check(const gani_safetensors *file, const char *name, const gan_tensor *tensor,
                                  int32_t convert) {
    const gani_stored *stored = gani_safetensors_find(file, name);
    char here[GANI_SHAPE_TEXT], there[GANI_SHAPE_TEXT];
    if (stored == NULL) return gani_fail(file->context, GAN_E_MISMATCH, "'%s' has no tensor '%s'", file->path, name);
    int same_type =
        stored->dtype == tensor->dtype || (convert && gani_is_float(stored->dtype) && gani_is_float(tensor->dtype));
    if (!same_type)
        return gani_fail(file->context, GAN_E_MISMATCH, "'%s': tensor '%s' is of type %.16s, %s is expected",
                         file->path, name, stored->type, gani_safetensors_type(tensor->dtype));
    if (!gan_shape_equal(stored->shape, tensor->shape))
        return gani_fail(file->context, GAN_E_MISMATCH, "'%s': tensor '%s' has shape %s, %s is expected", file->path,
                         name, gani_shape_text(stored->shape, there), gani_shape_text(tensor->shape, here));
    return GAN_OK;
}

/* An element in the host's byte order; the data need not be aligned. */
static void take(const unsigned char *from, size_t size, void *element) {
    unsigned char *to = element;
    for (size_t i = 0; i < size; i++) to[i] = from[gani_little_endian() ? i : size - 1 - i];
}

void gani_safetensors_load(const gani_safetensors *file, const char *name, gan_tensor *tensor) {
    const gani_stored *stored = gani_safetensors_find(file, name);
    if (stored == NULL || stored->bytes == 0) return;
    const unsigned char *from = file->file + 8 + file->header_size + stored->begin;
    size_t size = gan_dtype_size(stored->dtype), count = (size_t)stored->bytes / size;
    if (stored->dtype == tensor->dtype && gani_little_endian()) {
        memcpy(tensor->data, from, stored->bytes);
    } else if (stored->dtype == tensor->dtype) {
        for (size_t i = 0; i < count; i++) take(from + i * size, size, (unsigned char *)tensor->data + i * size);
    } else if (stored->dtype == GAN_F32) {
        float value;
        for (size_t i = 0; i < count; i++) {
            take(from + i * size, size, &value);
            ((double *)tensor->data)[i] = value;
        }
    } else {
        double value;
        for (size_t i = 0; i < count; i++) {
            take(from + i * size, size, &value);
            ((float *)tensor->data)[i] = (float)value;
        }
    }
    gani_tensor_touch(tensor);
}
