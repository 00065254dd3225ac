/* Sessions: a network's snapshot, and the memory it runs in. */
#ifndef GANI_TRAIN_SESSION_H
#define GANI_TRAIN_SESSION_H

#include <gan/session.h>

#include "train/model.h"

struct gan_session {
    gan_context *context;  /* a part of the layer's: everything here belongs to it */
    atomic_int references; /* the owner's, and one while it runs */
    gan_layer *layer;      /* a copy, in evaluation mode and folded */
    gan_tape *tape;
    gan_tensor **inputs;           /* windows on the memory of whoever runs it */
    int64_t batch;                 /* the largest */
    int32_t kinds[GANI_MAX_PORTS]; /* GAN_INPUT_... of its model; 0: made of a layer */
    int32_t draws;                 /* all inputs can be drawn */
    int32_t is_one_batch;          /* the items of a batch depend on each other */
};

typedef struct gani_session_settings { /* checked */
    int64_t batch;
    int32_t workers;
    const gan_executor *executor; /* NULL: none */
} gani_session_settings;

/* kinds: the model's, or NULL. Messages of failures are in the layer's context. */
gan_status gani_session_new(gan_session **out, const gan_layer *layer, const int32_t *kinds,
                            const gani_session_settings *settings);
gan_session *gani_session_retain(gan_session *session);
void gani_session_end(gan_session *session); /* a reference */

/* What to run: the caller's memory, or latent vectors that are drawn. */
typedef struct gani_session_job {
    const void *const *inputs; /* NULL: drawn, items `first` and following of `seed` */
    uint64_t seed;
    int64_t first;
    void *const *outputs; /* NULL: none is wanted */
} gani_session_job;

/* 1 <= count <= batch; first + count items have fewer than 2^63 elements. Messages are in the session's context. */
gan_status gani_session_run(gan_session *session, const gani_session_job *job, int64_t count);

/* session_fold.c: folds batch normalisation into the layers before it, in a network that is used nowhere else and will
 * only be applied, in evaluation mode: its lists of names are gone afterwards. GAN_OK or GAN_E_MEMORY. */
gan_status gani_session_fold(gan_layer *layer);
/* session_pack.c: packs its weights for batches of so many items and fewer, in the form that the kernels read. GAN_OK
 * or GAN_E_MEMORY. */
gan_status gani_session_pack(gan_layer *layer, int64_t batch);

#endif
