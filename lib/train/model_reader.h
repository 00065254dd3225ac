/* What the two files that read a model's description share. */
#ifndef GANI_TRAIN_MODEL_READER_H
#define GANI_TRAIN_MODEL_READER_H

#include "train/model.h"

typedef struct gani_read_network { /* one that has been read, for those that are the same */
    char path[GANI_TENSOR_NAME_SIZE];
    gan_layer *layer; /* retained */
} gani_read_network;

typedef struct gani_model_reader {
    const gani_safetensors *file;
    gani_json json;
    gan_dtype dtype;
    gani_read_network *networks;
    int32_t network_count, network_capacity;
} gani_model_reader;

/* Reads a network: inputs, nodes, outputs, aliases. The root object (0) is one. */
gan_status gani_model_read_network(gani_model_reader *r, gan_layer **out, int32_t object);

#endif
