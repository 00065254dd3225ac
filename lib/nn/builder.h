/* The builder's insides, shared by the files that grow a network. */
#ifndef GANI_NN_BUILDER_H
#define GANI_NN_BUILDER_H

#include "nn/layer.h"

typedef struct gani_split {
    int32_t start;    /* where its branches begin: a point */
    int32_t position; /* modules there were when it was opened, for messages */
    int32_t count;    /* branches that have ended */
    int32_t ends[GANI_MAX_MODULE_INPUTS];
} gani_split;

typedef struct gani_tie {
    char *name, *owner;   /* owned */
    int32_t module, slot; /* whose it is; -1: not met yet */
} gani_tie;

struct gan_builder {
    gan_layer *layer; /* NULL: inert, there was no memory */
    int32_t module_capacity, result_capacity, tie_capacity, tie_count, split_count, current;
    gani_tie *ties;
    gani_split splits[GANI_MAX_NESTING];
    gan_status status;
    char message[GANI_MESSAGE_SIZE];
};

/* 1 if a name has a length, characters and a form that are allowed; otherwise the builder has failed. */
int gani_builder_check_form(gan_builder *builder, const char *name);
/* The same, and is no number and not taken. */
int gani_builder_check_new(gan_builder *builder, const char *name);
int gani_builder_has(const gan_builder *builder, const char *name);       /* a point of that name */
int gani_builder_has_below(const gan_builder *builder, const char *name); /* an input or a label of the form "name." */
/* Grows an array by one element of `size` bytes; 0 and failed if there is no memory. */
int gani_builder_grow(gan_builder *builder, void *array, int32_t count, int32_t *capacity, size_t size);

#endif
