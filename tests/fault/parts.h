/* Small pieces of an application for the sweeps of test_parts.c and test_blocks.c: networks of every kind of layer and
 * weight that app.h has not, with the losses that go with them, each made and trained for a step. Nothing here asserts:
 * every failure comes back as a status, with the context's message. */
#ifndef TESTS_FAULT_PARTS_H
#define TESTS_FAULT_PARTS_H

#include <gan.h>

#include "host.h"

enum { PARTS_LAYERS = 3, PARTS_LOSSES = 3, PARTS_TENSORS = 4 };

typedef struct parts {
    gan_context *context;
    gan_tape *tape;
    gan_layer *layers[PARTS_LAYERS];
    gan_optimizer *optimizer;
    gan_loss *losses[PARTS_LOSSES];
    gan_tensor *tensors[PARTS_TENSORS];
    gan_session *session;
    gan_layer *copy;
    int sessions;       /* 1: they are made too */
    uint64_t digest;    /* of what training made */
    const char *broken; /* a promise that was, or NULL */
} parts;

typedef struct parts_case {
    const char *name;
    gan_status (*run)(parts *p);
} parts_case;
extern const parts_case parts_cases[];
extern const int parts_count;

/* Every allocation of every case fails in turn, or at every coarse-th (host_sweep_step), and not more than every
 * least-th: once, and from then on. 1 if all went well: a failure is GAN_E_MEMORY with a message about memory; a
 * success has the results that there are without failures; all memory is given back; and the case runs in the same
 * context afterwards as if nothing had happened. */
int parts_sweep(int sessions, long long coarse, long long least);

#endif
