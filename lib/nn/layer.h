/* A network: modules in order, each fed by earlier ones, with named parameters. The public gan_layer is this. */
#ifndef GANI_NN_LAYER_H
#define GANI_NN_LAYER_H

#include <gan/init.h>
#include <gan/parts.h>

#include "ops/ops.h"

/* Of a network, those of networks inside counted wherever they are applied. Names are searched for one after the other:
 * time grows with the square. */
#define GANI_MAX_MODULES 8192
#define GANI_MAX_MODULE_TENSORS GAN_LAYER_TENSORS
#define GANI_MAX_MODULE_INPUTS 16
#define GANI_NAME_SIZE 64         /* of labels, inputs and outputs, the final 0 included */
#define GANI_TENSOR_NAME_SIZE 160 /* "body.3.weight": as long as checkpoints can hold */
#define GANI_MAX_PORTS 64         /* inputs of a network; outputs of a network */
#define GANI_MAX_NESTING 16       /* networks inside networks; splits inside splits */
#define GANI_MAX_NAMES (1 << 14)
#define GANI_MAX_TAPS 8 /* of a blur */

/* What a module was made with. Every type uses the fields that its table names. */
typedef struct gani_config {
    int64_t outputs, kernel, stride, padding, output_padding;
    int64_t kernel_w, stride_w, padding_w, dilation, dilation_w, groups, output_padding_w; /* -1: as without _w */
    int32_t bias, affine, track_running_stats;
    double slope, momentum, epsilon;
    double alpha, p;
    int64_t factor, mode; /* mode: gan_interpolation or gan_pad_mode */
    int64_t left, right, top, bottom;
    int64_t pieces, count, size;
    int64_t group, before, after, evaluation; /* evaluation: gan_noise_mode */
    int32_t one_plus, per_channel;
    double deviation, decay, psi;
    double taps[GANI_MAX_TAPS];

    int64_t height, width, start;
    int32_t include_self, weight_norm, combine;
    int64_t form, compensation, power_iterations, compensated; /* of a weight: see gan_weight_options */
    double weight_epsilon, gain, multiplier;
    int64_t mask, colors; /* mask: gan_mask */
    int32_t learned_state;
    gan_shape shape;
    gan_layer *network;                       /* what a network inside is */
    const struct gani_registered *registered; /* what an application's type is */
    char *text;                               /* its configuration */
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
    gan_dtype dtype;                        /* of the network */
    int64_t limits[GANI_MAX_MODULE_INPUTS]; /* an input of indices has values below this; 0: not indices */
    char message[GANI_MESSAGE_SIZE];
} gani_site;

/* Puts the sentence into the site; returns status. */
gan_status gani_refuse(gani_site *site, gan_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What holds for one forward pass through all of a network, and what a module is asked for in it. */
typedef struct gani_pass {
    gan_dtype dtype;
    int32_t training;
    double slope;      /* of the leaky ReLU that a normalisation applies as well; others: GANI_NO_ACTIVATION */
    int64_t reference; /* so many items at the beginning of the batch are the reference batch of virtual batch norm */
    struct gani_data_init *init; /* weights are being fitted to this pass's values: weight.h; else NULL */
    double statistics; /* > 0: batch normalisation takes the batch's statistics, as in training mode, and moves the
                        * running ones by so much, in place of its momentum; all else is as `training` says */
} gani_pass;

enum { /* what a type takes */
       GANI_ONE_INPUT = 1,
       GANI_MANY_INPUTS = 2, /* 2 to GANI_MAX_MODULE_INPUTS */
       GANI_INDEX_INPUT = 3, /* one, of indices: type i32 */
       GANI_OWN_INPUTS = 4,  /* its infer says */
       GANI_SPARE_INPUT = 5, /* one; its only operation may overwrite it where nothing else reads it */
       GANI_SPARE_INPUTS = 6 /* as GANI_MANY_INPUTS; each may be overwritten by the one operation that reads it */
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
    gani_config config; /* its network is retained, its text owned */
    int32_t input_count;
    int32_t inputs[GANI_MAX_MODULE_INPUTS]; /* points, see below */
    int32_t result;                         /* its first result; a network inside has one for each output */
    int32_t tensor_count;
    uint32_t tied;    /* bit k: tensors[k] is another module's, under whose name it is known */
    gan_shape output; /* the first, without batch axis */
    gan_tensor *tensors[GANI_MAX_MODULE_TENSORS]; /* retained */
    char label[GANI_NAME_SIZE];                   /* of the first result; "" if it has none */
    int32_t prefix; /* 1: the label stands in the names of its tensors, in place of its position */
};

/* A point of a network is an input (-1 - index) or a result of a module (its index). */
typedef struct gani_input {
    char name[GANI_NAME_SIZE];
    gan_shape shape;
    int64_t limit; /* > 0: indices, of type i32, in [0, limit); 0: numbers of the network's type */
} gani_input;
typedef struct gani_module_result {
    int32_t module, index; /* which output of the module it is */
    int32_t last_reader;   /* the last module that reads it; the module count if it is an output of the network */
} gani_module_result;
typedef struct gani_output {
    char name[GANI_NAME_SIZE];
    int32_t point;
} gani_output;

typedef struct gani_layer_alias { /* a further name of a tensor */
    char *name;
    int32_t tensor; /* in the list of tensors */
} gani_layer_alias;
typedef struct gani_inner { /* a network inside, at whatever depth; each is listed once */
    gan_layer *network;     /* borrowed from the module that applies it */
    char *path;             /* where it is applied first: "3" or "body.3" */
} gani_inner;

struct gan_layer {
    atomic_int references;
    gan_context *context;
    gan_dtype dtype;
    int32_t training;
    int32_t input_count, module_count, result_count, output_count, inner_count, tensor_count, alias_count;
    int32_t depth;  /* 1, and one more for each level of networks inside */
    int32_t steps;  /* modules that a forward pass goes through */
    int32_t sealed; /* something relies on its tensors being those they are: no more ties */
    gani_input *inputs;
    gani_module *modules;
    gani_module_result *results;
    gani_output *outputs;
    gani_inner *inner;
    gani_named *tensors; /* those of networks inside too, in the order of the modules, each once; borrowed from them */
    gani_layer_alias *aliases;
};

/* All types that model files know by name: types.c. Ends with NULL. */
extern const gani_module_type *const gani_module_types[];
extern const gani_module_type gani_type_network; /* network.c */
extern const gani_module_type gani_type_linear, gani_type_embedding, gani_type_conv2d, gani_type_conv_transpose2d;
extern const gani_module_type gani_type_batch_norm, gani_type_instance_norm, gani_type_layer_norm;
extern const gani_module_type gani_type_relu, gani_type_leaky_relu, gani_type_tanh, gani_type_sigmoid,
    gani_type_softplus, gani_type_elu, gani_type_prelu, gani_type_softmax, gani_type_log_softmax, gani_type_maxout,
    gani_type_dropout;
extern const gani_module_type gani_type_reshape, gani_type_flatten, gani_type_pad2d;
extern const gani_module_type gani_type_upsample, gani_type_avg_pool2d, gani_type_max_pool2d, gani_type_global_avg_pool;
extern const gani_module_type gani_type_sum, gani_type_product, gani_type_concat;
extern const gani_module_type gani_type_pixel_norm, gani_type_minibatch_std, gani_type_adaptive_instance_norm;
extern const gani_module_type gani_type_constant, gani_type_truncation, gani_type_fade;
extern const gani_module_type gani_type_noise_injection, gani_type_gaussian_noise;
extern const gani_module_type gani_type_blur, gani_type_upsample_conv2d, gani_type_conv2d_downsample;

extern const gani_module_type gani_type_conditional_batch_norm, gani_type_modulated_batch_norm,
    gani_type_virtual_batch_norm, gani_type_minibatch_discrimination;
extern const gani_module_type gani_type_one_hot, gani_type_replicate, gani_type_slice, gani_type_inner_product,
    gani_type_global_sum_pool;
extern const gani_module_type gani_type_attention, gani_type_scale;
extern const gani_module_type gani_type_masked_conv2d, gani_type_row_lstm, gani_type_diagonal_bilstm;
/* What batch normalisation by running statistics does to a channel: y = scale * x + shift. types_norm.c */
void gani_batch_norm_line(const gani_module *module, int64_t channel, double *scale, double *shift);
/* types_conv.c: 1 if the module multiplies its input by its first tensor and does nothing else with that, as the
 * kernels' convolution `s` of a batch, or the adjoint of one; 0 for other modules. */
int gani_module_conv(const gan_layer *layer, const gani_module *module, int64_t batch, gani_conv_shape *s,
                     int32_t *transposed);
const gani_module_type *gani_module_type_find(const char *name); /* NULL if there is none */

/* Checks `count` inputs and a config of a type, which they may be unfit for, and gives the shape of its result. */
gan_status gani_infer(gani_site *site, const gani_module_type *type, const gani_config *config, const gan_shape *inputs,
                      gan_shape *output);

/* ---- the builder: builder.c, builder_add.c, builder_end.c. Sticky; see gan/builder.h ---- */

/* limit: see gani_input */
gan_builder *gani_builder_begin(gan_context *context, gan_shape input, int64_t limit);
/* Initialises parameters, or (for those that will set them) leaves them 0. */
gan_status gani_builder_end(gan_layer **out, gan_builder *builder, int32_t initialise);
void gani_builder_fail(gan_builder *builder, gan_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int gani_builder_failed(const gan_builder *builder);
const gan_layer *gani_builder_layer(const gan_builder *builder); /* what there is so far; NULL: inert */
void gani_builder_set_dtype(gan_builder *builder, gan_dtype dtype);
void gani_builder_input(gan_builder *builder, const char *name, gan_shape shape, int64_t limit);
void gani_builder_output(gan_builder *builder, const char *name);
void gani_builder_label(gan_builder *builder, const char *name);
void gani_builder_from(gan_builder *builder, const char *name);
int32_t gani_builder_point(const gan_builder *builder); /* the current point */
void gani_builder_set_point(gan_builder *builder, int32_t point);
gan_shape gani_builder_shape(const gan_builder *builder);
/* The point of that name; fails the builder if there is none and returns -1 (the first input) then. */
int32_t gani_builder_find(gan_builder *builder, const char *name);
/* Puts a module after `points` and makes its first result the current point. A network and a text in the config stay
 * the caller's; what the module keeps is a reference and a copy. `prefix`, if not NULL, becomes the label, and the
 * beginning of its tensors' names. */
void gani_builder_add(gan_builder *builder, const gani_module_type *type, const gani_config *config,
                      const int32_t *points, int32_t count, const char *prefix);
/* Before the layer that has it is added: its tensor `name` will be `owner`'s, and none of its own is made. */
void gani_builder_tie(gan_builder *builder, const char *name, const char *owner);
void gani_builder_split(gan_builder *builder);
void gani_builder_next(gan_builder *builder);
void gani_builder_join(gan_builder *builder, gan_join join);

/* A config with every type's defaults. */
gani_config gani_config_default(void);

/* ---- finished networks ---- */

gan_layer *gani_layer_retain(gan_layer *layer);
void gani_layer_drop(gan_layer *layer);
/* The shape of a batch of items: types.c */
gan_shape gani_with_batch(gan_shape item, int64_t batch);
gan_shape gani_point_shape(const gan_layer *layer, int32_t point);
gan_dtype gani_input_dtype(const gan_layer *layer, int32_t index);
/* 0, or the limit of the indices that are there. */
int64_t gani_point_limit(const gan_layer *layer, int32_t point);
/* Room for as many ys as the network has outputs; all inert after a failure. */
void gani_layer_forward(gan_tape *tape, gan_layer *layer, gan_tensor *const *xs, int32_t count, gan_tensor **ys);
/* 1 if these inputs fit the network; otherwise the tape has failed. */
int gani_layer_ready(gan_tape *tape, const gan_layer *layer, gan_tensor *const *xs, int32_t count);
/* The same as gani_layer_forward for inputs that fit, whose first `reference` items are a reference batch. */
void gani_layer_apply(gan_tape *tape, gan_layer *layer, int64_t reference, gan_tensor *const *xs, gan_tensor **ys);
/* reference.c */
void gani_layer_set_reference(gan_tape *tape, gan_layer *layer, gan_tensor *const *xs, int32_t count);
void gani_layer_forward_reference(gan_tape *tape, gan_layer *layer, gan_tensor *const *references,
                                  gan_tensor *const *xs, int32_t count, gan_tensor **ys);
/* Which of its tensors this is; -1: none. */
int32_t gani_layer_index_of(const gan_layer *layer, const gan_tensor *tensor);
/* One forward pass; everything has been checked. */
void gani_layer_pass(gan_tape *tape, const gani_pass *pass, const gan_layer *layer, gan_tensor *const *xs,
                     gan_tensor **ys);
/* gan_layer_init_from_data, after its checks; the tape fails where it cannot be done. */
void gani_layer_init_from_data(gan_tape *tape, gan_layer *layer, gan_tensor *const *xs, int32_t count);
/* statistics.c; gan_layer_move_statistics, the same way. */
void gani_layer_move_statistics(gan_tape *tape, gan_layer *layer, gan_tensor *const *xs, int32_t count,
                                double momentum);
/* All buffers, one behind the other, to `kept` or back from it; gives how many bytes they are. NULL: only that. */
size_t gani_layer_move_buffers(const gan_layer *layer, char *kept, int back);
/* 1 if some batch normalisation in it, at whatever depth, keeps running statistics. */
int gani_layer_has_statistics(const gan_layer *layer);
void gani_layer_compensate(gan_tape *tape, const gan_layer *layer); /* spectrum.c */
/* clone.c; the copy belongs to `context`: the layer's own, or a part of it */
gan_status gani_layer_clone(gan_layer **out, gan_context *context, const gan_layer *layer);
int64_t gani_layer_summary(const gan_layer *layer, char *buffer, size_t size); /* summary.c */

/* names.c */
/* "3" or its prefix. */
void gani_module_name(const gan_layer *layer, int32_t index, char name[GANI_NAME_SIZE]);
int32_t gani_module_slots(const gan_layer *layer, const gani_module *module, gani_slot slots[GANI_MAX_MODULE_TENSORS]);
gan_tensor *gani_layer_find(const gan_layer *layer, const char *name);
/* Fills the lists of tensors and aliases anew; on failure they are as before. */
gan_status gani_layer_name(gan_layer *layer);
void gani_layer_drop_names(gan_layer *layer);
/* The place of a module's own tensor; 0 if no module of this network has one of that name. */
int gani_layer_slot(const gan_layer *layer, const char *name, int32_t *module, int32_t *slot);
/* The tensor that is known under this name first, without the lists; NULL if there is none or the name is an alias. */
gan_tensor *gani_module_find(const gan_layer *layer, const char *name, int32_t *is_parameter);
int64_t gani_layer_parameter_count(const gan_layer *layer);
/* builder_end.c: makes the list of networks inside, which is empty */
gan_status gani_layer_list_inner(gan_layer *layer);

/* tie.c */
gan_status gani_layer_tie(gan_layer *layer, const char *name, const char *owner);
gan_status gani_layer_set_trainable(gan_layer *layer, const char *prefix, int32_t trainable);

/* ---- types of the application: registered.c ---- */

typedef struct gani_registered {
    gani_attached attached;
    gani_module_type type; /* what networks see of it */
    gan_layer_type user;
    char name[GANI_NAME_SIZE];
} gani_registered;
gan_status gani_layer_type_register(gan_context *context, const gan_layer_type *type);
const gani_registered *gani_registered_find(const gan_context *context, const char *name); /* NULL if there is none */

/* init.c */
gan_status gani_layer_init_default(gan_layer *layer);
gan_status gani_layer_init_own(gan_layer *layer); /* not the networks inside */
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
