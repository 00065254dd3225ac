/* MNIST's format: big-endian magic (0, 0, type 8 = u8, rank), one size per axis, then the bytes; plain or gzip. */
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "base/rng.h"
#include "data/dataset.h"

#define FILE_LIMIT ((size_t)1 << 31)
#define HEADER_MAX 16
#define DEFLATE_MOST 1032 /* deflate cannot pack more bytes than this into one */

typedef struct idx {
    gan_dataset base;
    uint8_t *pixels, *labels; /* labels may be NULL */
    int64_t height, width;    /* as stored; base.shape may be larger */
    char names[256][4];
} idx;

/* What is known of a file while it is read. */
typedef struct source {
    gan_context *context;
    const char *path;
    const uint8_t *data; /* as stored */
    size_t size;
    z_stream stream; /* gzip only */
    int32_t gzip, no_memory;
} source;

static voidpf zlib_allocate(voidpf user, uInt count, uInt size) {
    source *s = user;
    void *block = gani_calloc(s->context, count, size);
    if (block == NULL) s->no_memory = 1;
    return block;
}

static void zlib_deallocate(voidpf user, voidpf block) {
    source *s = user;
    gani_free(s->context, block);
}

static gan_status damaged(const source *s, const char *why) {
    if (s->no_memory) return gani_no_memory(s->context, s->path);
    return gani_fail(s->context, GAN_E_FORMAT, "'%s' is not a good IDX file: %s", s->path, why);
}

/* The next `size` bytes of the content. */
static gan_status take(source *s, uint8_t *bytes, size_t size) {
    if (!s->gzip) {
        if (size > s->size) return damaged(s, "it ends too early");
        memcpy(bytes, s->data, size);
        s->data += size;
        s->size -= size;
        return GAN_OK;
    }
    s->stream.next_out = bytes;
    s->stream.avail_out = (uInt)size;
    while (s->stream.avail_out > 0) {
        int result = inflate(&s->stream, Z_NO_FLUSH);
        if (result == Z_STREAM_END && s->stream.avail_out > 0) /* gzip files may be joined end to end */
            result = s->stream.avail_in > 0 ? inflateReset(&s->stream) : Z_BUF_ERROR;
        if (result == Z_BUF_ERROR) return damaged(s, "it ends too early");
        if (result != Z_OK && result != Z_STREAM_END) return damaged(s, "the gzip data are damaged");
    }
    return GAN_OK;
}

/* The content must end here, and for gzip its checksum must be right. */
static gan_status expect_end(source *s) {
    if (!s->gzip) return s->size == 0 ? GAN_OK : damaged(s, "bytes follow after the last item");
    uint8_t extra;
    s->stream.next_out = &extra;
    s->stream.avail_out = 1;
    int result = inflate(&s->stream, Z_NO_FLUSH);
    if (s->stream.avail_out == 0) return damaged(s, "bytes follow after the last item");
    if (result == Z_BUF_ERROR || result == Z_OK) return damaged(s, "it ends too early");
    if (result != Z_STREAM_END) return damaged(s, "the gzip data are damaged");
    return s->stream.avail_in == 0 ? GAN_OK : damaged(s, "bytes follow after the gzip data");
}

/* Header and bytes of one file with `rank` axes. The header's sizes are judged before memory is asked for them. */
static gan_status read_content(source *s, int32_t rank, int64_t *sizes, uint8_t **content) {
    uint8_t header[HEADER_MAX];
    size_t stored = s->size;
    gan_status status = take(s, header, 4);
    if (status != GAN_OK) return status;
    uint32_t magic = (uint32_t)header[0] << 24 | (uint32_t)header[1] << 16 | (uint32_t)header[2] << 8 | header[3];
    if (magic != (0x800u | (uint32_t)rank))
        return gani_fail(s->context, GAN_E_FORMAT, "'%s' is not an IDX file of %s: its magic number is 0x%x, not 0x%x",
                         s->path, rank == 3 ? "images" : "labels", (unsigned)magic, 0x800u | (unsigned)rank);
    status = take(s, header, 4 * (size_t)rank);
    if (status != GAN_OK) return status;
    size_t bytes = 1;
    int fits = 1;
    for (int32_t i = 0; i < rank; i++) {
        const uint8_t *p = header + 4 * i;
        sizes[i] = (int64_t)p[0] << 24 | (int64_t)p[1] << 16 | (int64_t)p[2] << 8 | (int64_t)p[3];
        if (sizes[i] == 0) return damaged(s, "one of its sizes is 0");
        fits = fits && gani_mul_size(bytes, (size_t)sizes[i], &bytes) && bytes <= FILE_LIMIT;
    }
    if (!fits) return gani_fail(s->context, GAN_E_LIMIT, "'%s' announces more than 2^31 bytes", s->path);
    if (s->gzip ? bytes / DEFLATE_MOST > stored : bytes > s->size)
        return damaged(s, "its header announces more than the file can hold");
    uint8_t *buffer = gani_alloc(s->context, bytes);
    if (buffer == NULL) return gani_no_memory(s->context, s->path);
    status = take(s, buffer, bytes);
    if (status == GAN_OK) status = expect_end(s);
    if (status == GAN_OK)
        *content = buffer;
    else
        gani_free(s->context, buffer);
    return status;
}

static gan_status read_file(gan_context *context, const char *path, int32_t rank, int64_t *sizes, uint8_t **content) {
    source s;
    memset(&s, 0, sizeof s);
    s.context = context;
    s.path = path;
    unsigned char *data;
    gan_status status = gani_file_read_all(context, path, FILE_LIMIT, &data, &s.size);
    if (status != GAN_OK) return status;
    s.data = data;
    s.gzip = s.size >= 2 && data[0] == 0x1f && data[1] == 0x8b;
    if (s.gzip) {
        s.stream.zalloc = zlib_allocate;
        s.stream.zfree = zlib_deallocate;
        s.stream.opaque = &s;
        s.stream.next_in = data;
        s.stream.avail_in = (uInt)s.size;
        if (inflateInit2(&s.stream, 15 + 16) != Z_OK) { /* only for want of memory: the arguments are constants */
            gani_free(context, data);
            return gani_no_memory(context, path);
        }
    }
    status = read_content(&s, rank, sizes, content);
    if (s.gzip) inflateEnd(&s.stream);
    gani_free(context, data);
    return status;
}

static gan_status read_item(const gan_dataset *dataset, int64_t index, void *item, int32_t *label) {
    const idx *set = (const idx *)dataset;
    uint8_t *pixels = item;
    if (label != NULL) *label = set->labels == NULL ? -1 : set->labels[index];
    if (pixels == NULL) return GAN_OK;
    const uint8_t *stored = set->pixels + (size_t)index * (size_t)(set->height * set->width);
    int64_t channels = dataset->shape.size[0], height = dataset->shape.size[1], width = dataset->shape.size[2];
    size_t plane = (size_t)(height * width);
    if (height == set->height && width == set->width) {
        memcpy(pixels, stored, plane);
    } else {
        memset(pixels, 0, plane);
        uint8_t *place = pixels + (height - set->height) / 2 * width + (width - set->width) / 2;
        for (int64_t y = 0; y < set->height; y++)
            memcpy(place + y * width, stored + y * set->width, (size_t)set->width);
    }
    for (int64_t c = 1; c < channels; c++) memcpy(pixels + (size_t)c * plane, pixels, plane);
    return GAN_OK;
}

static const char *class_name(const gan_dataset *dataset, int32_t label) {
    return ((const idx *)dataset)->names[label];
}

static void destroy(gan_dataset *dataset) {
    idx *set = (idx *)dataset;
    gani_free(dataset->context, set->pixels);
    gani_free(dataset->context, set->labels);
}

static const gani_dataset_kind kind = {"idx", read_item, class_name, destroy, 0, 0};

static gan_status load_images(idx *set, const char *path, int64_t size, int64_t channels) {
    int64_t sizes[3];
    gan_status status = read_file(set->base.context, path, 3, sizes, &set->pixels);
    if (status != GAN_OK) return status;
    set->base.count = sizes[0];
    set->height = sizes[1];
    set->width = sizes[2];
    if (size != -1 && (set->height > size || set->width > size))
        return gani_fail(set->base.context, GAN_E_ARGUMENT,
                         "'%s' holds images of %lld x %lld pixels: they do not fit into %lld x %lld", path,
                         (long long)set->height, (long long)set->width, (long long)size, (long long)size);
    set->base.shape =
        gan_shape_3d(channels == 3 ? 3 : 1, size == -1 ? set->height : size, size == -1 ? set->width : size);
    int64_t plane; /* repeated for each channel when it is read */
    if (!gani_mul_i64(set->base.shape.size[1], set->base.shape.size[2], &plane) || plane > (int64_t)FILE_LIMIT ||
        (uint64_t)plane > (uint64_t)PTRDIFF_MAX / 3)
        return gani_fail(set->base.context, GAN_E_LIMIT, "'%s' holds images that are too large", path);
    return GAN_OK;
}

static gan_status load_labels(idx *set, const char *path, const char *images) {
    int64_t count;
    gan_status status = read_file(set->base.context, path, 1, &count, &set->labels);
    if (status != GAN_OK) return status;
    if (count != set->base.count)
        return gani_fail(set->base.context, GAN_E_FORMAT, "'%s' holds %lld labels for the %lld images of '%s'", path,
                         (long long)count, (long long)set->base.count, images);
    int32_t highest = 0;
    for (int64_t i = 0; i < count; i++) highest = set->labels[i] > highest ? set->labels[i] : highest;
    set->base.classes = highest + 1;
    for (int32_t i = 0; i <= highest; i++) snprintf(set->names[i], sizeof set->names[i], "%u", (unsigned)i & 0xffu);
    return GAN_OK;
}

gan_status gani_idx_open(gan_dataset **out, gan_context *context, const char *images, const char *labels, int64_t size,
                         int64_t channels) {
    idx *set = gani_dataset_new(context, &kind, sizeof *set);
    if (set == NULL) return GAN_E_MEMORY;
    gan_status status = load_images(set, images, size, channels);
    if (status == GAN_OK && labels != NULL) status = load_labels(set, labels, images);
    if (status != GAN_OK) {
        gani_dataset_drop(&set->base);
        return status;
    }
    uint64_t hash =
        gani_hash(gani_dataset_hash(&set->base), set->pixels, (uint64_t)(set->base.count * set->height * set->width));
    if (set->labels != NULL) hash = gani_hash(hash, set->labels, (uint64_t)set->base.count);
    set->base.fingerprint = hash;
    *out = &set->base;
    return GAN_OK;
}
