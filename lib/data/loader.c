/* A loader's whole state is its position: the order of an epoch, and what becomes of an item in it, are functions of
 * the context's seed, the dataset and the epoch's number. */
#include "data/loader.h"

#include <string.h>

#include "base/rng.h"
#include "data/augment.h"
#include "tensor/tensor.h"

/* Below this many bytes a batch of copies is not worth waking threads for. */
#define PARALLEL_BYTES ((size_t)1 << 18)

struct gan_loader {
    atomic_int references;
    gan_dataset *dataset;
    int64_t batch, batches, position;
    int32_t shuffle;
    gan_dtype dtype;
    double low, high;
    int32_t flip;
    int64_t padding;
    int64_t planes, height, width; /* of an item; 1 x 1 x its elements if nothing needs to know where they lie */
    gani_element_map map;
    int64_t course;
    int64_t *order;      /* of one epoch; NULL: as stored */
    int64_t order_epoch; /* -1: none yet */
    uint64_t order_seed;
    int64_t *indices; /* of the items of the last batch */
    size_t item;      /* bytes */
    size_t stride;    /* from a worker's item in `scratch` to the next one's */
    uint8_t *scratch;
    gan_tensor *images, *labels;
};

static void destroy(gan_loader *loader) {
    gan_context *context = loader->dataset->context;
    gan_dataset *dataset = loader->dataset;
    gani_tensor_drop(loader->images);
    gani_tensor_drop(loader->labels);
    gani_free(context, loader->order);
    gani_free(context, loader->indices);
    gani_free(context, loader->scratch);
    gani_free(context, loader);
    gani_dataset_drop(dataset); /* last: it may keep the context alive */
}

static gan_status allocate(gan_loader *loader) {
    gan_dataset *dataset = loader->dataset;
    gan_context *context = dataset->context;
    gan_shape shape = {dataset->shape.rank + 1, 0, {loader->batch}};
    memcpy(shape.size + 1, dataset->shape.size, (size_t)dataset->shape.rank * sizeof shape.size[0]);
    gan_status status = gani_shape_check(context, "gan_loader_create", shape, loader->dtype);
    if (status != GAN_OK) return status;
    size_t bytes;
    loader->stride = (loader->item + 63) / 64 * 64;
    if (!gani_mul_size((size_t)gani_pool_workers(context->pool), loader->stride, &bytes))
        return gani_fail(context, GAN_E_LIMIT, "gan_loader_create: the items are too large");
    loader->scratch = gani_alloc(context, bytes);
    loader->indices = gani_calloc(context, (size_t)loader->batch, sizeof *loader->indices);
    if (loader->shuffle) loader->order = gani_calloc(context, (size_t)dataset->count, sizeof *loader->order);
    if (loader->scratch == NULL || loader->indices == NULL || (loader->shuffle && loader->order == NULL))
        return gani_no_memory(context, "gan_loader_create");
    for (int64_t i = 0; i < loader->batch; i++) loader->indices[i] = -1;
    status = gani_tensor_zeros(&loader->images, context, loader->dtype, shape);
    if (status != GAN_OK) return status;
    return gani_tensor_zeros(&loader->labels, context, GAN_I32, gan_shape_1d(loader->batch));
}

gan_status gani_loader_create(gan_loader **out, gan_dataset *dataset, const gan_loader_options *options) {
    gan_context *context = dataset->context;
    gan_loader *loader = gani_calloc(context, 1, sizeof *loader);
    if (loader == NULL) return gani_no_memory(context, "gan_loader_create");
    atomic_init(&loader->references, 1);
    atomic_fetch_add_explicit(&dataset->references, 1, memory_order_relaxed);
    loader->dataset = dataset;
    loader->batch = options->batch_size;
    loader->batches = dataset->count / options->batch_size;
    loader->shuffle = options->shuffle;
    loader->dtype = options->dtype;
    loader->low = options->low;
    loader->high = options->high;
    loader->flip = options->flip;
    loader->padding = options->crop_padding;
    loader->order_epoch = -1;
    loader->item = gani_dataset_item_bytes(dataset);
    int augmented = loader->flip || loader->padding > 0;
    loader->planes = augmented ? dataset->shape.size[0] : 1;
    loader->height = augmented ? dataset->shape.size[1] : 1;
    loader->width = augmented ? dataset->shape.size[2] : (int64_t)gani_dataset_item_count(dataset);
    gani_element_map_set(&loader->map, dataset->dtype, loader->dtype, loader->low, loader->high);
    gan_status status = allocate(loader);
    if (status != GAN_OK) {
        destroy(loader);
        return status;
    }
    *out = loader;
    return GAN_OK;
}

gan_loader *gani_loader_retain(gan_loader *loader) {
    atomic_fetch_add_explicit(&loader->references, 1, memory_order_relaxed);
    return loader;
}

void gani_loader_drop(gan_loader *loader) {
    if (loader == NULL) return;
    if (atomic_fetch_sub_explicit(&loader->references, 1, memory_order_acq_rel) == 1) destroy(loader);
}

/* Each epoch has a stream of random numbers of its own. The place in it comes from the dataset: two sets of equal
 * size (the two domains of an unpaired translation) must not be shuffled alike, or their items would meet in the
 * same pairs for ever. */
static void prepare_order(gan_loader *loader, int64_t epoch) {
    uint64_t seed = loader->dataset->context->seed;
    if (!loader->shuffle || (loader->order_epoch == epoch && loader->order_seed == seed)) return;
    uint64_t stream = GAN_STREAM_DATA + ((uint64_t)loader->course << 8) + (((uint64_t)epoch + 1) << 32);
    gani_shuffle(seed, stream, loader->dataset->fingerprint, loader->dataset->count, loader->order);
    loader->order_epoch = epoch;
    loader->order_seed = seed;
}

typedef struct fill {
    gan_loader *loader;
    int64_t epoch, first; /* of the batch, in the epoch's order */
    int32_t pixels;
    gan_status status; /* of a serial dataset */
} fill;

static void fill_item(void *argument, int64_t index, int32_t worker) {
    fill *f = argument;
    const gan_loader *loader = f->loader;
    const gan_dataset *dataset = loader->dataset;
    if (f->status != GAN_OK) return;
    int64_t source = loader->order == NULL ? f->first + index : loader->order[f->first + index];
    uint8_t *item = loader->scratch + (size_t)worker * loader->stride;
    loader->indices[index] = source;
    gan_status status = dataset->kind->read(dataset, source, f->pixels || dataset->kind->serial ? item : NULL,
                                            (int32_t *)loader->labels->data + index);
    if (status != GAN_OK) { /* serial: no other thread is here */
        f->status = status;
        return;
    }
    if (!f->pixels) return;
    gani_window window = {0, 0, 0};
    if (loader->flip || loader->padding > 0)
        window = gani_window_draw(dataset->context->seed, dataset->fingerprint, f->epoch, source, loader->flip,
                                  loader->padding);
    char *out = loader->images->data;
    size_t elements = (size_t)(loader->planes * loader->height * loader->width);
    gani_window_apply(&loader->map, &window, loader->planes, loader->height, loader->width, item,
                      out + (size_t)index * elements * gan_dtype_size(loader->dtype));
}

gan_status gani_loader_next(gan_loader *loader, gan_tensor **images, gan_tensor **labels) {
    gan_context *context = loader->dataset->context;
    const gani_dataset_kind *kind = loader->dataset->kind;
    if (loader->position == INT64_MAX)
        return gani_fail(context, GAN_E_LIMIT, "gan_loader_next: the last position is reached");
    int64_t epoch = loader->position / loader->batches;
    prepare_order(loader, epoch);
    fill f = {loader, epoch, loader->position % loader->batches * loader->batch, images != NULL, GAN_OK};
    int worth = f.pixels && !kind->serial && (kind->drawn || loader->item * (size_t)loader->batch >= PARALLEL_BYTES);
    gani_parallel(worth ? context->pool : NULL, loader->batch, fill_item, &f);
    gani_tensor_touch(loader->labels);
    if (f.pixels) gani_tensor_touch(loader->images);
    if (f.status != GAN_OK) return f.status;
    loader->position++;
    if (images != NULL) *images = loader->images;
    if (labels != NULL) *labels = loader->labels;
    return GAN_OK;
}

int64_t gani_loader_index(const gan_loader *loader, int64_t item) { return loader->indices[item]; }
void gani_loader_settings(const gan_loader *loader, gan_loader_options *options) {
    memset(options, 0, sizeof *options);
    options->struct_size = sizeof *options;
    options->batch_size = loader->batch;
    options->shuffle = loader->shuffle;
    options->dtype = loader->dtype;
    options->low = loader->low;
    options->high = loader->high;
    options->flip = loader->flip;
    options->crop_padding = loader->padding;
}
void gani_loader_set_course(gan_loader *loader, int64_t course) {
    if (course != loader->course) loader->order_epoch = -1;
    loader->course = course;
}
gan_context *gani_loader_context(const gan_loader *loader) { return loader->dataset->context; }
int64_t gani_loader_batches(const gan_loader *loader) { return loader->batches; }
int64_t gani_loader_batch_size(const gan_loader *loader) { return loader->batch; }
int64_t gani_loader_position(const gan_loader *loader) { return loader->position; }
void gani_loader_set_position(gan_loader *loader, int64_t position) { loader->position = position; }
gan_dataset *gani_loader_dataset(const gan_loader *loader) { return loader->dataset; }
