/* A loader's whole state is its position: the order of an epoch is a function of the context's seed, the dataset and
 * the epoch's number. */
#include "data/loader.h"

#include "base/rng.h"
#include "tensor/tensor.h"

/* Below this many bytes a batch of copies is not worth waking threads for. */
#define PARALLEL_BYTES ((size_t)1 << 18)

struct gan_loader {
    atomic_int references;
    gan_dataset *dataset;
    int64_t batch, batches, position;
    int32_t shuffle;
    gan_dtype dtype;
    union {
        float f32[256];
        double f64[256];
    } table;             /* what each byte becomes */
    int64_t *order;      /* of one epoch; NULL: as stored */
    int64_t order_epoch; /* -1: none yet */
    uint64_t order_seed;
    size_t item;      /* bytes */
    uint8_t *scratch; /* one item for each worker */
    gan_tensor *images, *labels;
};

static void destroy(gan_loader *loader) {
    gan_context *context = loader->dataset->context;
    gan_dataset *dataset = loader->dataset;
    gani_tensor_drop(loader->images);
    gani_tensor_drop(loader->labels);
    gani_free(context, loader->order);
    gani_free(context, loader->scratch);
    gani_free(context, loader);
    gani_dataset_drop(dataset); /* last: it may keep the context alive */
}

static gan_status allocate(gan_loader *loader) {
    gan_dataset *dataset = loader->dataset;
    gan_context *context = dataset->context;
    gan_shape item = dataset->shape, shape = gan_shape_4d(loader->batch, item.size[0], item.size[1], item.size[2]);
    gan_status status = gani_shape_check(context, "gan_loader_create", shape, loader->dtype);
    if (status != GAN_OK) return status;
    size_t bytes;
    if (!gani_mul_size((size_t)gani_pool_workers(context->pool), loader->item, &bytes))
        return gani_fail(context, GAN_E_LIMIT, "gan_loader_create: the images are too large");
    loader->scratch = gani_alloc(context, bytes);
    if (loader->shuffle) loader->order = gani_calloc(context, (size_t)dataset->count, sizeof *loader->order);
    if (loader->scratch == NULL || (loader->shuffle && loader->order == NULL))
        return gani_no_memory(context, "gan_loader_create");
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
    loader->order_epoch = -1;
    loader->item = gani_dataset_item_bytes(dataset);
    for (int i = 0; i < 256; i++) {
        double value = i == 255 ? options->high : options->low + i * (options->high - options->low) / 255;
        if (options->dtype == GAN_F64)
            loader->table.f64[i] = value;
        else
            loader->table.f32[i] = (float)value;
    }
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
    uint64_t stream = GAN_STREAM_DATA + (((uint64_t)epoch + 1) << 32);
    gani_shuffle(seed, stream, loader->dataset->fingerprint, loader->dataset->count, loader->order);
    loader->order_epoch = epoch;
    loader->order_seed = seed;
}

typedef struct fill {
    gan_loader *loader;
    int64_t first; /* of the batch, in the epoch's order */
    int32_t pixels;
} fill;

static void fill_item(void *argument, int64_t index, int32_t worker) {
    const fill *f = argument;
    const gan_loader *loader = f->loader;
    size_t item = loader->item;
    uint8_t *bytes = loader->scratch + (size_t)worker * item;
    int64_t source = loader->order == NULL ? f->first + index : loader->order[f->first + index];
    loader->dataset->kind->read(loader->dataset, source, f->pixels ? bytes : NULL,
                                (int32_t *)loader->labels->data + index);
    if (!f->pixels) return;
    if (loader->dtype == GAN_F64) {
        double *out = (double *)loader->images->data + (size_t)index * item;
        for (size_t i = 0; i < item; i++) out[i] = loader->table.f64[bytes[i]];
    } else {
        float *out = (float *)loader->images->data + (size_t)index * item;
        for (size_t i = 0; i < item; i++) out[i] = loader->table.f32[bytes[i]];
    }
}

gan_status gani_loader_next(gan_loader *loader, gan_tensor **images, gan_tensor **labels) {
    gan_context *context = loader->dataset->context;
    if (loader->position == INT64_MAX)
        return gani_fail(context, GAN_E_LIMIT, "gan_loader_next: the last position is reached");
    prepare_order(loader, loader->position / loader->batches);
    fill f = {loader, loader->position % loader->batches * loader->batch, images != NULL};
    int worth = f.pixels && (loader->dataset->kind->drawn || loader->item * (size_t)loader->batch >= PARALLEL_BYTES);
    gani_parallel(worth ? context->pool : NULL, loader->batch, fill_item, &f);
    gani_tensor_touch(loader->labels);
    if (f.pixels) gani_tensor_touch(loader->images);
    loader->position++;
    if (images != NULL) *images = loader->images;
    if (labels != NULL) *labels = loader->labels;
    return GAN_OK;
}

gan_context *gani_loader_context(const gan_loader *loader) { return loader->dataset->context; }
int64_t gani_loader_batches(const gan_loader *loader) { return loader->batches; }
int64_t gani_loader_batch_size(const gan_loader *loader) { return loader->batch; }
int64_t gani_loader_position(const gan_loader *loader) { return loader->position; }
void gani_loader_set_position(gan_loader *loader, int64_t position) { loader->position = position; }
gan_dataset *gani_loader_dataset(const gan_loader *loader) { return loader->dataset; }
