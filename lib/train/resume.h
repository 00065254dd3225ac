/* Between the files that read checkpoints. */
#ifndef GANI_TRAIN_RESUME_H
#define GANI_TRAIN_RESUME_H

#include "train/run.h"

#define GANI_COUNT_MOST ((int64_t)1 << 62) /* counts go on from here: they must not overflow */

typedef struct gani_resume_state { /* what the JSON text of a checkpoint says */
    int64_t step, position, roll_backs;
    double seconds;    /* by the log */
    int64_t best_step; /* -1: none */
    double best_value;
    int32_t waiting; /* token of metrics that the next line of the log has; -1: none */
    uint64_t streams[GAN_STREAM_COUNT];
    struct {
        int64_t steps;
        double learning_rate, gradient_norm; /* NaN: none, or an older checkpoint */
        int64_t accumulated;
        int32_t updates, settings; /* tokens */
    } optimizers[GANI_RUN_PARTS];  /* by part */
} gani_resume_state;

typedef struct gani_resume {
    gan_run *run;
    gani_safetensors file;
    gani_json json; /* stays until all is applied */
    gani_resume_state state;
    int32_t tensors; /* of this run's state */
} gani_resume;

gan_status gani_resume_mismatch(const gani_resume *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* resume_describe.c: takes the description, or says what does not belong to the run. */
gan_status gani_resume_describe(gani_resume *r);
/* Tells the logger which settings of optimizers are not those that the checkpoint was trained with. */
void gani_resume_tell_settings(gani_resume *r);

#endif
