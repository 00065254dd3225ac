/* A network: modules in order, each fed by earlier ones, with named parameters. The public gan_layer is this. */
#ifndef GANI_NN_LAYER_H
#define GANI_NN_LAYER_H

#include <gan/layer.h>

#include "ops/ops.h"

#define GANI_MAX_MODULES 8192 /* of a network; names are searched for one after the other: time grows with the square  \
                               */
#define GANI_MAX_MODULE_TENSORS 4
#define GANI_MAX_MODULE_INPUTS 16
#define GANI_NAME_SIZE 64 /* of labels and inputs, the final 0 included */

/* What a module was made with. Every type uses the fields that its table names. */
typedef struct gani_config {
    int64_t outputs, kernel, stride, padding, output_padding;
    int64_t kernel_w, stride_w, padding_w, dilation, dilation_w, groups, output_padding_w; /* -1: as without _w */
    int32_t bias, affine, track_running_stats;
    double slope, momentum, epsilon;
    gan_shape shape;
} gani_config;

/* One field of a type's configuration: how model files write it. */
enum {
    GANI_FIELD_INT = 1 /* int64_t */,
    GANI_FIELD_FLAG = 2 /* int32_t, 0 or 1 */,
    GANI_FIELD_NUMBER = 3 /* double */,
    GANI_FIELD_SHAPE = 4
};
typedef struct gani_field {
    const char *name;
    int32_t kind;
    size_t offset;    /* in gani_config */
    int32_t optional; /* 1: files may leave it out, and do where it has its default; 0: it must be there */
} gani_field;

typedef struct gani_slot { /* a tensor that a module wants */
    const char *name;      /* "weight" */
    gan_shape shape;
    int32_t is_parameter;
} gani_slot;

typedef struct gani_module gani_module;

/* What a type may ask about its inputs besides their shapes, and where it says why it refuses them. */
typedef struct gani_site {
    int32_t count;                          /* of inputs */
    int64_t limits[GANI_MAX_MODULE_INPUTS]; /* an input of indices has values below this; 0: not indices */
    char message[GANI_MESSAGE_SIZE];
} gani_site;

/* Puts the sentence into the site; returns status. */
gan_status gani_refuse(gani_site *site, gan_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What holds for one forward pass through all of a network. */
typedef struct gani_pass {
    int32_t training;
} gani_pass;

enum { /* what a type takes */
       GANI_ONE_INPUT = 1,
       GANI_MANY_INPUTS = 2, /* 2 to GANI_MAX_MODULE_INPUTS */
       GANI_INDEX_INPUT = 3  /* one, of indices: type i32 */
};

typedef struct gani_module_type {
    const char *name;         /* "conv2d": in model files, messages and summaries */
    int32_t takes;            /* GANI_ONE_INPUT ... */
    const gani_field *fields; /* ends with a NULL name */
    /* Checks config against the inputs' shapes (without batch axis) and gives the output's. */
    gan_status (*infer)(gani_site *site, const gani_config *config, const gan_shape *inputs, gan_shape *output);
    /* Tensors it wants, in order; returns how many. NULL: none. */
    int32_t (*slots)(const gani_config *config, const gan_shape *inputs, gani_slot slots[GANI_MAX_MODULE_TENSORS]);
    gan_tensor *(*forward)(gan_tape *tape, const gani_pass *pass, const gani_module *module, gan_tensor *const *inputs);
    /* Default initial values (PyTorch's), NULL where there are no tensors. */
    gan_status (*reset)(gani_module *module);
} gani_module_type;

struct gani_module {
    const gani_module_type *type;
    gani_config config;
    int32_t input_count;
    int32_t inputs[GANI_MAX_MODULE_INPUTS]; /* points, see below */
    int32_t last_reader; /* the last module that reads this one's result; the module count if it is the output */
    int32_t tensor_count;
    gan_shape output; /* without batch axis */
    gan_tensor *tensors[GANI_MAX_MODULE_TENSORS];
    char label[GANI_NAME_SIZE]; /* "" if it has none */
};

/* A point of a network is an input (-1 - index) or a module's result (its index). */
typedef struct gani_input {
    char name[GANI_NAME_SIZE];
    gan_shape shape;
    int64_t limit; /* > 0: indices, of type i32, in [0, limit); 0: numbers of the network's type */
} gani_input;

struct gan_layer {
    atomic_int references;
    gan_context *context;
    gan_dtype dtype;
    int32_t training;
    int32_t input_count, module_count, tensor_count;
    int32_t output; /* a point */
    gani_input *inputs;
    gani_module *modules;
    gani_named *tensors; /* borrowed from the modules, in order */
};

/* All types: types.c. Ends with NULL. */
extern const gani_module_type *const gani_module_types[];
extern const gani_module_type gani_type_linear, gani_type_conv2d, gani_type_conv_transpose2d;
extern const gani_module_type gani_type_batch_norm, gani_type_instance_norm, gani_type_layer_norm;
extern const gani_module_type gani_type_relu, gani_type_leaky_relu, gani_type_tanh, gani_type_sigmoid,
    gani_type_softplus;
extern const gani_module_type gani_type_reshape, gani_type_flatten;
extern const gani_module_type gani_type_global_avg_pool;
extern const gani_module_type gani_type_sum, gani_type_product, gani_type_concat;
const gani_module_type *gani_module_type_find(const char *name); /* NULL if there is none */

/* Checks `count` inputs and a config of a type, which they may be unfit for, and gives the shape of its result. */
gan_status gani_infer(gani_site *site, const gani_module_type *type, const gani_config *config, const gan_shape *inputs,
                      gan_shape *output);

/* Puts a module after `points` and makes it the current one. Sticky, like all of gan_builder. */
void gani_builder_add(gan_builder *builder, const gani_module_type *type, const gani_config *config,
                      const int32_t *points, int32_t count);
/* limit: see gani_input */
gan_builder *gani_builder_begin(gan_context *context, gan_shape input, int64_t limit);
void gani_builder_input(gan_builder *builder, const char *name, gan_shape shape, int64_t limit);
void gani_builder_label(gan_builder *builder, const char *name);
void gani_builder_from(gan_builder *builder, const char *name);
int32_t gani_builder_point(const gan_builder *builder);           /* the current point */
void gani_builder_set_point(gan_builder *builder, int32_t point); /* the current point becomes `point` */
void gani_builder_set_dtype(gan_builder *builder, gan_dtype dtype);
/* The point of that name; fails the builder if there is none and returns -1 (the first input) then. */
int32_t gani_builder_find(gan_builder *builder, const char *name);
gan_status gani_builder_end(gan_layer **out, gan_builder *builder);
void gani_builder_fail(gan_builder *builder, gan_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int gani_builder_failed(const gan_builder *builder);
gan_shape gani_builder_shape(const gan_builder *builder);

/* A config with every type's defaults. */
gani_config gani_config_default(void);

gan_layer *gani_layer_retain(gan_layer *layer);
void gani_layer_drop(gan_layer *layer);
gan_tensor *gani_layer_forward(gan_tape *tape, gan_layer *layer, gan_tensor *const *xs, int32_t count);
gan_status gani_layer_clone(gan_layer **out, const gan_layer *layer);
gan_status gani_layer_copy(gan_layer *destination, const gan_layer *source); /* values; same structure */
gan_tensor *gani_layer_find(const gan_layer *layer, const char *name);
int64_t gani_layer_summary(const gan_layer *layer, char *buffer, size_t size);

/* init.c */
gan_status gani_layer_init_default(gan_layer *layer);
gan_status gani_layer_init_dcgan(gan_layer *layer);
gan_status gani_layer_init(gan_layer *layer, const gan_init_options *rule); /* the rule was checked */

/* init_rules.c; contiguous f32 and f64 tensors */
void gani_init_constant(gan_tensor *tensor, double value);
void gani_init_normal(gan_tensor *tensor, double mean, double deviation);
void gani_init_uniform(gan_tensor *tensor, double low, double high);
/* The rule makes sense: GAN_OK or GAN_E_ARGUMENT. Messages begin with `function`. */
gan_status gani_init_check(gan_context *context, const char *function, const gan_init_options *rule);
/* It can be applied to a tensor of this shape, which weights of layers are: GAN_OK or GAN_E_SHAPE. */
gan_status gani_init_fits(const char *function, const gan_tensor *tensor, const gan_init_options *rule);
/* Applies it: GAN_OK or GAN_E_MEMORY. */
gan_status gani_init_tensor(gan_tensor *tensor, const gan_init_options *rule);

#endif
