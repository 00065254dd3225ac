/* What the files types_*.c share, one file a family of module types. Each type has its configuration, its shapes, its
 * tensors and its forward pass; names and layouts are PyTorch's. */
#ifndef GANI_NN_TYPES_H
#define GANI_NN_TYPES_H

#include "nn/weight.h"

#define FIELD(member, kind, optional)                                                                                  \
    { #member, kind, offsetof(gani_config, member), optional }
#define FIELD_INT(member) FIELD(member, GANI_FIELD_INT, 0)
#define FIELD_INT_OPTIONAL(member) FIELD(member, GANI_FIELD_INT, 1)
#define FIELD_FLAG(member) FIELD(member, GANI_FIELD_FLAG, 0)
#define FIELD_NUMBER(member) FIELD(member, GANI_FIELD_NUMBER, 0)
#define FIELD_NUMBER_OPTIONAL(member) FIELD(member, GANI_FIELD_NUMBER, 1)
#define FIELD_SHAPE(member) FIELD(member, GANI_FIELD_SHAPE, 0)
#define WEIGHT_FIELDS                                                                                                  \
    FIELD_INT_OPTIONAL(form), FIELD_INT_OPTIONAL(compensation), FIELD_INT_OPTIONAL(power_iterations),                  \
        FIELD_INT_OPTIONAL(compensated), FIELD_NUMBER_OPTIONAL(weight_epsilon), FIELD_NUMBER_OPTIONAL(gain),           \
        FIELD_NUMBER_OPTIONAL(multiplier)
#define FIELD_END                                                                                                      \
    { NULL, 0, 0, 0 }

extern const gani_field gani_no_fields[];

/* GAN_E_ARGUMENT: "its NAME is VALUE; it must be RANGE". */
gan_status gani_refuse_number(gani_site *site, const char *name, double value, const char *range);

/* What fits several types: the epsilon is a finite number above 0; there are two inputs; the input is C x H x W. */
gan_status gani_check_epsilon(gani_site *site, const gani_config *config);
gan_status gani_check_two(gani_site *site);
gan_status gani_check_image(gani_site *site, gan_shape input);

/* The output has the input's shape. */
gan_status gani_same_infer(gani_site *site, const gani_config *config, const gan_shape *inputs, gan_shape *output);

/* The inputs have one shape, which the output has. */
gan_status gani_equal_infer(gani_site *site, const gani_config *config, const gan_shape *inputs, gan_shape *output);

/* softmax over the keys of query^T key: N x queries x keys, each row of which sums to 1. N x D x ... each. */
gan_tensor *gani_attention_map(gan_tape *tape, gan_tensor *query, gan_tensor *key);

/* types_norm.c: a shape that is normalised over the batch, and options that make sense */
gan_status gani_batch_norm_check(gani_site *site, const gani_config *config, gan_shape input);
/* A type that normalises over the batch, and may keep running statistics. */
int gani_is_batch_norm(const gani_module_type *type);
/* Such a one uses the running statistics in this pass, not the batch's. */
int gani_by_running(const gani_pass *pass, const gani_config *config);
/* running = (1 - momentum) running + momentum batch, if there are running ones; mean and var (biased, overwritten) are
 * those of the batch x. */
void gani_update_running(gan_tape *tape, const gani_pass *pass, const gani_config *config, const gan_tensor *x,
                         gan_tensor *mean, gan_tensor *var, gan_tensor *running_mean, gan_tensor *running_var);

/* channels x 1 x 1 ..: the shape that broadcasts over x, for each item (items = its batch) or for all (items = 1) */
gan_shape gani_channel_column(const gan_tensor *x, int64_t items);

#endif
