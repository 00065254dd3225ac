/* What the example programs share: flags and presets, progress, the run and its folder, the two networks and their
 * optimizers, the judgement at the end. A program adds what its paper is about: networks, loss and phases. */
#ifndef FRONT_H
#define FRONT_H

#include <stdio.h>

#include <gan.h>

typedef struct front front;

/* ---- flags ---- */

typedef struct front_options {
    const char *data;   /* NULL: the built-in digits */
    const char *out;    /* run folder */
    const char *resume; /* checkpoint or folder; NULL: start anew */
    const char *judge;  /* model file of the classifier program; NULL: none */
    const char *test;   /* images that were not trained on; NULL: none */
    int64_t steps;      /* -1: by epochs */
    int64_t epochs, batch_size, latent_dim, size, sample_interval, checkpoint_interval, log_interval, threads,
        judge_count, judge_interval, hold_out;
    double seconds; /* 0: no limit */
    double lr, b1, b2, ema;
    double d_lr; /* of the discriminator; 0: lr, or what the preset says */
    uint64_t seed;
    int32_t flip, deterministic, no_filtering, overwrite, f64, describe, health;
} front_options;

enum { FRONT_INTEGER, FRONT_NUMBER, FRONT_TEXT, FRONT_SEED, FRONT_SWITCH, FRONT_CHOICE };

typedef struct front_flag {
    const char *name, *argument, *help; /* of FRONT_CHOICE the argument is "one|two": what can be chosen */
    int kind;
    void *value;      /* int64_t, double, const char *, uint64_t, int32_t, int32_t (from 0), with the default in it */
    double low, high; /* of numbers */
} front_flag;

enum { FRONT_IMAGES, FRONT_OWN, FRONT_MADE };

/* A named set of networks and settings, which flags then change. */
typedef struct front_preset {
    const char *name, *summary;
    int64_t size; /* edge length of the images that its networks are for; 0: any */
    int64_t batch_size, latent_dim, epochs;
    double lr, b1, b2;
    int32_t prior;      /* GAN_INPUT_... of the latent vector */
    int32_t unit_range; /* 1: pixels in [0, 1]; 0: in [-1, 1] */
    int32_t own_data;   /* FRONT_IMAGES, or what the program's `open` gives: FRONT_OWN, or FRONT_MADE of images */
} front_preset;

/* ---- a program ---- */

typedef gan_status front_phase(front *f, gan_tape *tape);

/* Steps between looks at the run's health; what a phase reports for them has to be of such a step. */
enum { FRONT_LOOK = 100 };

typedef struct front_program {
    const char *name;    /* "dcgan" */
    const char *network; /* what its one network is called; NULL: there are two, generator and discriminator */
    const char *summary; /* one sentence */
    const front_preset *presets;
    int preset_count;  /* the first is the default */
    front_flag *flags; /* its own */
    int flag_count;
    /* Gives the program's own flags the values that f->preset has, before flags are read; NULL: all presets have the
     * same. */
    void (*settle)(front *f);
    /* Makes f->generator, f->discriminator and, if it has one, f->loss, for f->options and f->preset; and its
     * optimizers, if they are not Adam with the flags' settings. */
    gan_status (*build)(front *f);
    struct {
        const char *name;
        front_phase *run;
    } phases[4]; /* of a step, in order */
    /* Opens what presets with data of their own are trained on, or makes it of front_open_images. */
    gan_status (*open)(front *f, gan_dataset **out);
    /* Opens what these are tested on; NULL: the same. */
    gan_status (*open_test)(front *f, gan_dataset **out);
    /* Adds what else belongs to a checkpoint, and sets how learning rates fall; NULL: nothing does, and they stay. */
    gan_status (*add)(front *f);
    /* Every --judge-interval steps, in the step's last phase: reports how good it is; NULL: front_measure, of images.
     */
    gan_status (*measure)(front *f);
    /* Says at the end how good it became; NULL: front_judge, of images. */
    gan_status (*judge)(front *f);
    /* Gives back what it made beside the members below; NULL: nothing. */
    void (*release)(front *f);
} front_program;

struct front {
    front_options options;
    const front_program *program;
    const char *called; /* front_called */
    const front_preset *preset;
    gan_context *context;
    gan_dataset *dataset, *held_out; /* held_out: NULL without --hold-out */
    gan_loader *loader;
    gan_run *run;
    gan_shape image;        /* of the data, C x H x W */
    gan_shape judged;       /* what --judge is shown: images, or parts of them */
    int64_t judged_classes; /* how many classes it must know; 0: any number */
    int32_t tested;         /* 1: --test must have labels, of the data's classes */
    gan_dtype dtype;        /* GAN_F32, or GAN_F64 with --f64 */
    int64_t classes;        /* of the data; 0: none */
    int32_t own_classes;    /* 1: what the generator is given as a class is none of the data's: InfoGAN's code */
    double low, high;       /* values of black and white */

    gan_layer *generator, *discriminator; /* a program of one network has it as its generator */
    gan_layer *untrained;                 /* a copy of the generator as it began */
    struct {
        const char *title;
        gan_layer *layer;
    } others[4]; /* networks beside these: shown, and a part of checkpoints under their titles */
    gan_optimizer *generator_optimizer, *discriminator_optimizer;
    gan_loss *loss;
    gan_ema *ema;
    gan_model *model;
    gan_model *judge;    /* of the classifier program; NULL: none */
    const char *watched; /* the metric that says how right D is, near 0 if it always is; NULL: loss_d; "": none does */
    double least_spectrum; /* of the metric "spectrum": less is unhealthy; 0: there is none */
    const char *uniform;   /* an input of the generator that is drawn from U(-1, 1) whatever the prior is; NULL: none */
    double scale_d;        /* of D's loss: 1, or 1/2 where a program halves the sum of both terms */
    double d_rate;         /* D's learning rate is this much of G's, if --d-lr says nothing else; 1 */
    double weight_decay;   /* of Adam, L2; 0 unless build says otherwise */
    double scale_g;        /* of G's loss, likewise: 1, or 2 */
    /* of this step: what one phase makes and another uses; fake_labels: of fake, NULL if the networks know none */
    gan_tensor *fake, *fake_labels;
    double last_print;
    uint64_t given;             /* bit i: the i-th flag was */
    int32_t settled;            /* the run's folder is this run's: the first step has begun */
    int32_t refused;            /* front_refuse has said why */
    struct judgement *measured; /* front_measure's real images */
};

/* The whole of a program: flags, run, judgement. Returns the exit status. */
int front_main(const front_program *program, int argc, char **argv);
/* What a program was started as, without folders: "dcgan", or "gan-dcgan" where it is installed. Its messages begin
 * with it. path: argv[0]; otherwise: where that is of no use. */
const char *front_called(const char *path, const char *otherwise);
/* What --version says. */
void front_print_version(const char *called);

/* ---- for build and phases ---- */

/* Random streams of what is made once, from a seed of its own; all that was ever trained on it hangs on the numbers. */
enum {
    FRONT_STREAM_POINTS = 1000,    /* noise of points in the plane and beyond */
    FRONT_STREAM_LABELLED = 1001,  /* which items' labels are told */
    FRONT_STREAM_REFERENCE = 1002, /* latent vectors that virtual batch normalisation refers to */
    FRONT_STREAM_STACKS = 1003,    /* which digits lie on each other */
    FRONT_STREAM_CHOICES = 1004    /* which real images are compared with which */
};

/* The images of --data, or built-in digits. */
gan_status front_open_images(front *f, gan_dataset **out);
/* Shuffled batches of a set, in the run's type and range, mirrored at random with --flip. */
gan_status front_make_loader(const front *f, gan_dataset *dataset, int64_t batch_size, gan_loader **out);
/* This step's batch of a loader beside the run's, in the order that it has so many epochs on. Its place is a function
 * of the step: a run that goes on needs no state of it. Borrowed; either may be NULL. */
gan_status front_next(const front *f, gan_loader *loader, int64_t epochs_on, gan_tensor **items, gan_tensor **labels);
/* Says why the program does not go on, in a sentence; GAN_E_ARGUMENT. */
gan_status front_refuse(front *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Refuses a flag that was given, and would change nothing: "--b1 is not for RMSProp". */
gan_status front_not_for(front *f, const char *flag, const char *what);
/* 1 if the flag was given, whatever its value. */
int front_given(front *f, const char *flag);
/* Refuses data without classes, for networks that are told the class. */
gan_status front_need_classes(front *f);
/* 1 if the preset has this name. */
int front_is(const front *f, const char *preset);
/* Steps of the run in all: --steps, or what --epochs come to. */
int64_t front_steps(const front *f);
/* A builder of networks in the run's type. */
gan_builder *front_begin(const front *f, gan_shape input);
/* Sets an element of a tensor of numbers. */
void front_put(gan_tensor *tensor, int64_t index, double value);
/* Where the largest of the first `columns` elements of a row stands. */
int64_t front_largest(const gan_tensor *matrix, int64_t row, int64_t columns);
/* 1 if the name of a tensor ends so: ".bias". */
int front_ends_with(const char *name, const char *end);
/* Ends a builder; the status is the first error, of before or of this. */
gan_status front_end(gan_layer **out, gan_status status, gan_builder *b);
/* The learning rate of a network, by the flags; Adam with their settings for it. */
double front_lr(const front *f, const gan_layer *layer);
void front_adam_options(const front *f, const gan_layer *layer, gan_adam_options *adam);
/* Options of a layer without a bias. */
const gan_weight_options *front_no_bias(void);
/* Batch normalisation with another epsilon than 1e-5. */
void front_add_batch_norm(gan_builder *b, double epsilon);
/* Latent vectors, one for each image of this step's batch, from the preset's prior: batch x latent_dim. */
gan_tensor *front_latent(front *f, gan_tape *tape);
/* `count` of them. */
gan_tensor *front_latents(front *f, gan_tape *tape, int64_t count);
/* G's images for as many new latent vectors and, if G is told the class, for classes that are as random:
 * f->fake_labels. */
gan_tensor *front_make(front *f, gan_tape *tape, int64_t count);
/* The step's images. */
gan_tensor *front_reals(front *f);
/* Scores of images by the discriminator, which may be told their classes, too. */
gan_tensor *front_score(front *f, gan_tape *tape, gan_tensor *images, gan_tensor *labels);
/* The generator's loss on images that front_make has made, times f->scale_g. */
gan_tensor *front_loss_g(front *f, gan_tape *tape, gan_tensor *fake);
/* D's loss on the step's images and f->fake, times f->scale_d. D is asked about the reals first: in which order matters
 * to dropout and to running statistics, and C leaves the order of arguments to the compiler. */
gan_tensor *front_loss_d(front *f, gan_tape *tape);
/* One step of an optimizer on a loss, which is reported under the name. */
gan_status front_step(front *f, gan_tape *tape, gan_optimizer *optimizer, const char *name, gan_tensor *loss);

/* The usual phases: D's step on fakes that are new, and G's on the same fakes, through the D that has just been updated
 * (the DCGAN programs); or G's first, on new fakes, then D's on the same ones, which are a step of G old by then
 * (PyTorch-GAN). The loss is f->loss. */
gan_status front_phase_d(front *f, gan_tape *tape);
gan_status front_phase_g(front *f, gan_tape *tape);
gan_status front_phase_g_first(front *f, gan_tape *tape);
gan_status front_phase_d_second(front *f, gan_tape *tape);
/* Or one network a minibatch, G's step in the first (the DCGAN authors' programs). */
gan_status front_phase_alternate(front *f, gan_tape *tape);
/* An optimizer's rate stays for `start` updates and falls linearly to 0 in those that are left of `updates`. */
gan_status front_fall(gan_optimizer *optimizer, int64_t start, int64_t updates);

/* Refuses --b1 and --b2, for another optimizer than Adam. */
gan_status front_no_betas(front *f, const char *optimizer);
/* SGD as the papers of 2014 used it, for both networks: the learning rate is the flags' divided by `slower` for each
 * step done, until it is 1e-6; the momentum, which is set before each step, rises from 0.5 to 0.7 in 250 epochs. */
gan_status front_make_sgd(front *f, double slower);
void front_set_momentum(front *f);

/* ---- how good it is ---- */

/* The quality figures at the end, and how they were counted: printed, and in OUT/quality.txt. */
gan_status front_judge(front *f);
/* The Fréchet distance of `count` real images to as many others, over random choices of both. */
typedef struct front_floor {
    double mean, deviation; /* the standard deviation of one choice */
    int64_t images;         /* among which they were chosen */
    int choices;
} front_floor;
/* `features`: an empty set that makes vectors of the data's images as judges see them; left with some. */
gan_status front_measure_floor(front *f, gan_features *features, int64_t count, front_floor *out);
/* On the way: reports "frechet", of at most 2,000 samples, which is not to be compared with the one at the end. */
gan_status front_measure(front *f);
/* Eight hexadecimal digits of a network's weights, which tell it from other trainings of the same network. */
const char *front_digest(const gan_layer *layer, char text[9]);
/* The path of a file of the run's folder, OUT/name: there is room for any name of fewer than FRONT_NAME_SIZE bytes,
 * because a longer --out is refused. Returns `path`. */
enum { FRONT_PATH_SIZE = 4096, FRONT_NAME_SIZE = 64 };
const char *front_path(const front *f, const char *name, char path[FRONT_PATH_SIZE]);
/* The file, for writing; NULL: none, also where a link was put under its name. */
FILE *front_file(const front *f, const char *name, int append);
/* A line for people: printed, and added to OUT/quality.txt. */
void front_say(const front *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Draws curves into the run's folder. */
gan_status front_chart(const front *f, const char *file, const char *title, const char *x_label,
                       const gan_curve *curves, int32_t count);
/* front_judge, of a critic that reports "wasserstein", its estimate of the distance, which should fall as the samples
 * become better (Arjovsky et al. 2017, figure 3): says the rank correlation (Spearman) of what front_measure reported
 * with the means of the estimate since the time before, and draws wasserstein.png, both over the steps, each divided by
 * its largest. Fewer than four points say nothing. */
gan_status front_judge_critic(front *f);

/* Images that judgements make, or look at, at once. Seeds of samples count portions: figures hang on it. */
enum { FRONT_PORTION = 500 };

/* Images and labels that a front_looker is shown: items first to first + count - 1 of a set, in the order shown. */
typedef struct front_seen {
    gan_dataset *dataset;
    int64_t first, count;
    gan_tensor *images, *labels;
} front_seen;
typedef gan_status front_looker(front *f, void *user, const front_seen *seen);
/* Shows these items of a loader's first epoch, how->batch_size at once, and of the last ones what there is. */
gan_status front_show(front *f, gan_dataset *data, const gan_loader_options *how, int64_t first, int64_t count,
                      front_looker *look, void *user);
/* Shows, in batches, the images that a network which classifies is tested on: those of --test, else the program's own
 * for tests, else those that it was trained on (*trained becomes 1), or of built-in digits others. *whose: their name.
 */
gan_status front_look(front *f, front_looker *look, void *user, const char **whose, int32_t *trained);

/* How many of these a model's logits are right about; *count: of how many. */
gan_status front_count_right(front *f, gan_model *model, int64_t *right, int64_t *count, const char **whose,
                             int32_t *trained);

/* Most inputs of a model: the library's limit. */
enum { FRONT_MOST_INPUTS = 64 };
/* Each row of `columns` items becomes a walk from its first latent vector to its last; classes stay its first's. */
void front_walk(gan_model *model, gan_tensor **inputs, int64_t count, int64_t columns);

/* ---- inside the front end ---- */

/* A model of the generator, or of a copy of it. */
gan_status front_make_model(const front *f, gan_layer *generator, gan_model **out);

/* Reads the flags over the preset's settings. Returns -1 to go on, else the exit status of the program (after --help or
 * a refusal). */
int front_parse(front *f, int argc, char **argv);
/* options.json: what this run was started with. */
void front_write_options(const front *f);
/* Loads the classifier that will judge, if there is one: what is wrong with it is said before hours of training. */
gan_status front_open_judge(front *f);
/* What the classifier is shown for a value of the run's images: it saw black as -1 and white as 1. */
double front_to_judge(const front *f, double value);
/* What a classifier takes samples for. */
enum { FRONT_MOST_CLASSES = 256 };
typedef struct front_votes {
    int64_t count, seen[FRONT_MOST_CLASSES]; /* samples in all, and those that it takes for each class */
    double confidence;                       /* sum of the probabilities of these */
    int64_t asked_right, asked;              /* of a generator that is told the class */
} front_votes;
/* Adds those of a batch of logits; labels: what was asked for, or NULL. */
void front_count_votes(front_votes *votes, const gan_tensor *logits, const gan_tensor *labels);
/* The class with the fewest, and its share in percent. */
int64_t front_rarest(const front_votes *votes, int64_t classes, double *share);
/* Spearman's rank correlation; ties have the mean of their ranks. */
double front_rank_correlation(const double *a, const double *b, int64_t count);
/* means[i]: of the curve's values at steps after x[i - 1] up to x[i]; NaN if it has none there. */
void front_mean_between(const gan_curve *curve, const double *x, int64_t count, double *means);
/* Opens --test. */
gan_status front_open_test(const front *f, gan_dataset **out);
/* Log likelihood of the images of --test under a Parzen window of samples, and of as many real images. */
gan_status front_say_parzen(front *f);
/* Draws interpolation.png, eight walks. */
gan_status front_draw_walk(const front *f);
/* Draws what was reported so far of how good and how healthy the run is: quality.png, modes.png, diversity.png,
 * gradient-norm.png. */
gan_status front_draw_quality(const front *f);
void front_end_measure(front *f);

#endif
