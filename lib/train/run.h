/* A training run's insides, shared by the files that give it its services. */
#ifndef GANI_TRAIN_RUN_H
#define GANI_TRAIN_RUN_H

#include <gan/run.h>

#include "data/image_pool.h"
#include "data/loader.h"
#include "loss/loss.h"
#include "optim/optimizer.h"
#include "train/ema.h"
#include "train/model.h"

#define GANI_RUN_PARTS 32
#define GANI_RUN_PHASES 16
#define GANI_RUN_METRICS 16
#define GANI_HISTORY_POINTS                                                                                            \
    4096 /* of one metric; when they are used up, every second one goes and half as many come                          \
          */

/* What a checkpoint holds besides the run itself: exactly one of the handles is set. */
typedef struct gani_part {
    char name[GANI_NAME_SIZE];
    gan_layer *layer;
    gan_optimizer *optimizer;
    gan_ema *ema;
    uint64_t version; /* of the average's source when the step began */
    gan_loss *loss;
    gan_pool *pool;
} gani_part;

typedef struct gani_run_phase {
    char name[GANI_NAME_SIZE];
    gan_phase *function;
    void *user;
} gani_run_phase;

typedef struct gani_metric {
    char name[GANI_NAME_SIZE];
    double value;
    int32_t reported; /* in this step */
    int32_t waits;    /* for the next line of the log */
    int32_t own;      /* reported once; else it is only known from a log */
    double *x, *y;    /* history: steps and values; NULL until the first logged one */
    int64_t count, stride, seen;
} gani_metric;
/* Gives their histories back: log.c. */
void gani_metrics_end(gan_context *context, gani_metric *metrics, int32_t count);

/* How fast steps are lately: decaying sums of their number and of how long they took. */
typedef struct gani_rate {
    double steps, seconds;
    int32_t paused; /* the last step was passed over: its time was no step's */
} gani_rate;

typedef struct gani_monitor {
    int32_t on;
    gan_monitor_options options; /* its texts and handles are NULL: see below */
    char *loss;                  /* name of a metric; NULL: none */
    gan_layer *layer;            /* whose spectra are looked at, retained; NULL: none */
    double real_distance;        /* mean distance of real items; -1: not measured yet */
} gani_monitor;

typedef struct gani_settled { /* settle.c */
    gan_model *model;         /* on a copy of the network; NULL: none yet */
    uint64_t version;         /* of the network's tensors then */
    int64_t items;            /* whose statistics they are */
    char *kept;               /* the buffers of the network before gani_run_settle; NULL: it was not */
    uint64_t kept_version;    /* of the network's tensors after it */
} gani_settled;

struct gan_run {
    atomic_int references;
    gan_context *context;
    gan_run_options options; /* its texts are NULL: see below */
    char *folder;            /* NULL: no files */
    char *best_metric;       /* NULL: none */
    gan_loader *loader;
    gan_model *model;
    gan_tape *tape;
    gani_part parts[GANI_RUN_PARTS];
    gani_run_phase phases[GANI_RUN_PHASES];
    gani_metric metrics[GANI_RUN_METRICS];
    int32_t part_count, phase_count, metric_count;
    int32_t (*progress)(void *user, const gan_progress *progress);
    void *progress_user;

    gan_tensor *images, *labels;                               /* the step's batch: the loader's */
    int64_t step;                                              /* steps done */
    int32_t training;                                          /* inside gan_run_train */
    int32_t stepping;                                          /* inside a step: phases run */
    int32_t broken;                                            /* a step ended half-way */
    int64_t failed_step;                                       /* which one */
    int32_t log_begun;                                         /* log.jsonl is this run's own */
    int64_t sheet_step, log_step, checkpoint_step, model_step; /* when each was last written; -1: not yet */
    double earlier_seconds;                                    /* trained before this process */
    double begun, step_ended;                                  /* clock */
    gani_rate rate;
    gani_monitor monitor;
    int64_t roll_backs;   /* so far */
    int32_t best_pending; /* the last step was the best, but it could not be written */
    int64_t best_step;    /* -1: none yet */
    double best_value;
    gani_settled settled;
    const char *names[GANI_RUN_METRICS]; /* metrics reported in this step, for the progress callback */
    double values[GANI_RUN_METRICS];
    int log_file; /* -1: closed */
    long long log_size;
    gani_json_out line;
};

/* run.c; arguments have been checked */
gan_status gani_run_create(gan_run **out, gan_context *context, const gan_run_options *options);
void gani_run_drop(gan_run *run);
/* `part` has one handle, and no name yet; the run takes a reference of its own. */
gan_status gani_run_add_part(gan_run *run, const char *name, const gani_part *part);
/* "layer", "average": in messages */
const char *gani_part_kind(const gani_part *part);
gan_status gani_run_add_phase(gan_run *run, const char *name, gan_phase *phase, void *user);
gan_status gani_run_report(gan_run *run, const char *name, double value);
/* The same between steps, with a name that is known to be one. */
gan_status gani_run_put_metric(gan_run *run, const char *name, double value);
/* Has a metric's value wait for the next line of the log: a checkpoint says so. */
void gani_run_restore_metric(gan_run *run, const char *name, double value);
int gani_run_is_metric(const char *name);                                      /* can it name one? */
const gani_metric *gani_run_find_metric(const gan_run *run, const char *name); /* NULL: there is none */
/* The metric of that name, made if there is none; NULL: there are too many. */
gani_metric *gani_run_metric(gan_run *run, const char *name);
/* "folder/name", gani_alloc'ed; NULL and a message without memory */
char *gani_run_path(gan_run *run, const char *name);
double gani_run_clock(void);                 /* seconds, monotonic */
double gani_run_seconds(const gan_run *run); /* trained so far, in all processes */
double gani_run_epochs(const gan_run *run);
void gani_rate_add(gani_rate *rate, double seconds); /* of one step */
double gani_run_steps_per_second(const gan_run *run);
double gani_run_images_per_second(const gan_run *run);

/* train.c */
gan_status gani_run_train(gan_run *run);

/* settle.c. The model as it is sampled and saved: where an average of the run is in it, its copy with the statistics of
 * `most` samples, or as many as the options say; borrowed until the next call; NULL if the run has no model. Phases may
 * read the average, and so it stays as it is: what they see does not depend on when a picture was drawn. */
gan_status gani_run_settled_model(gan_run *run, int64_t most, gan_model **model);
#define GANI_LOOK_STATISTICS 256 /* enough for the monitor's rough measure */
/* The average itself gets them, for the application; and what it had before, if nothing has touched it since. */
gan_status gani_run_settle(gan_run *run);
void gani_run_unsettle(gan_run *run);
void gani_run_end_settled(gan_run *run);

/* log.c */
#define GANI_LOG_NAME "log.jsonl"
gan_status gani_run_log_open(gan_run *run);
void gani_run_log_close(gan_run *run);
gan_status gani_run_log_line(gan_run *run);
gan_status gani_run_log_sync(gan_run *run);
/* One line for a roll-back that was just made. */
gan_status gani_run_log_roll_back(gan_run *run, int64_t failed_step, const char *reason);
/* One line for a figure that is out of bounds, and what is done. */
gan_status gani_run_log_health(gan_run *run, const char *what, double value, double bound, const char *action);
/* Cuts log.jsonl back to what was written up to `step` and in a course with so many roll-backs, takes the curves from
 * it and says in *seconds how long training took by then. */
gan_status gani_run_log_cut(gan_run *run, int64_t step, int64_t roll_backs, double *seconds);

/* sheets.c */
gan_status gani_run_reals(gan_run *run);
gan_status gani_run_fakes(gan_run *run);
gan_status gani_run_chart(gan_run *run);

/* Shuffled real items, in the dataset's type. */
gan_status gani_run_read_reals(gan_run *run, int64_t count, gan_tensor **images);

/* monitor.c: the options have been checked */
gan_status gani_run_set_monitor(gan_run *run, const gan_monitor_options *options);
void gani_run_end_monitor(gan_run *run);
/* After a step: looks, if it is time, and acts; GAN_E_NUMERIC: the run is to go back. */
gan_status gani_run_look(gan_run *run);

/* checkpoint.c */
gan_status gani_run_checkpoint(gan_run *run);
gan_status gani_run_best_checkpoint(gan_run *run);
/* Calls visit for every tensor of the run's state, under its name in a checkpoint, in the order of the file. Ends early
 * when it returns other than GAN_OK, with that status. */
typedef gan_status gani_visit_state(void *user, const char *name, gan_tensor *tensor);
gan_status gani_run_visit(const gan_run *run, gani_visit_state *visit, void *user);
#define GANI_STATE_NAME_SIZE 288
void gani_state_sum_name(const gani_part *part, const gani_member *member, char name[GANI_STATE_NAME_SIZE]);
#define GANI_CHECKPOINT_KEY "gan.checkpoint"
#define GANI_CHECKPOINT_SCHEMA 1

/* folder.c */
/* Removes what killed processes left of files half written. Only tidying: nothing depends on it. */
void gani_run_tidy(gan_run *run);
/* 1 if the file lies in the run's folder, as far as names tell. */
int gani_run_owns(const gan_run *run, const char *path);
/* May the folder become this run's? Not if another run's files are there that must not be overwritten: GAN_E_STATE. */
gan_status gani_run_may_claim(gan_run *run);
/* It does: what another run kept as its best goes. */
void gani_run_claim(gan_run *run);
/* Keeps the newest up to the present step. Later ones are of a course that this run has left by going back. */
gan_status gani_run_remove_old(gan_run *run);
/* What a run writes beside checkpoints and sheets. */
#define GANI_MODEL_NAME "model.safetensors"
#define GANI_BEST_MODEL_NAME "best-model.safetensors"
#define GANI_BEST_CHECKPOINT_NAME "best-checkpoint.safetensors"
#define GANI_REALS_NAME "reals.png"
#define GANI_CURVES_NAME "loss.png"
#define GANI_STEP_MOST ((int64_t)1 << 53) /* steps are numbers in log.jsonl */
#define GANI_CHECKPOINT_NAME_SIZE 64
void gani_checkpoint_name(int64_t step, char name[GANI_CHECKPOINT_NAME_SIZE]);
/* The step in a checkpoint's file name; -1: not such a name. */
int64_t gani_checkpoint_step(const char *name);
/* Steps of all checkpoints in a folder, the newest first; gani_alloc'ed. */
gan_status gani_checkpoint_list(gan_context *context, const char *folder, int64_t **steps, int32_t *count);

/* resume.c */
gan_status gani_run_resume(gan_run *run, const char *path);
/* The same inside training. `roll_backs`: at least so many were made, the log's lines about them stay. */
gan_status gani_run_load(gan_run *run, const char *path, int64_t roll_backs);

/* guard.c */
/* Layers and averages hold numbers only: otherwise GAN_E_NUMERIC, and the run is broken. */
gan_status gani_run_check_finite(gan_run *run);
/* The same of one network, which messages call `name`. */
gan_status gani_run_check_layer(gan_run *run, const char *name, const gan_layer *layer);
/* After a GAN_E_NUMERIC whose message the context has: back to a checkpoint, or that status again. */
gan_status gani_run_roll_back(gan_run *run);
/* Everything that training changes is in a checkpoint. */
gan_status gani_run_check_parts(gan_run *run);

#endif
