/* What gan-bench times: a case is some networks and one step of training them, or of generating with one. */
#ifndef TESTS_BENCH_CASE_H
#define TESTS_BENCH_CASE_H

#include <gan.h>

#include "work.h"

/* What is there while a case runs. Whatever is not NULL is released at the end. */
enum { CASE_NETWORKS = 4, CASE_OPTIMIZERS = 2, CASE_INPUTS = 2 };
typedef struct bench bench;
typedef struct bench_case {
    const char *name, *text; /* one line for --help */
    int64_t batch;           /* the usual one */
    int64_t size;            /* the usual height and width of images of any size; 0: the networks have theirs */
    gan_status (*begin)(bench *b);
    gan_status (*step)(bench *b);
    void (*count)(const bench *b, work *w); /* the work a step needs */
} bench_case;

struct bench {
    const bench_case *which;
    int64_t batch, size;
    gan_context *context;
    gan_tape *tape;
    gan_layer *networks[CASE_NETWORKS];
    gan_optimizer *optimizers[CASE_OPTIMIZERS];
    gan_loss *loss; /* what the case adds to the adversarial terms, if it is a loss with options */
    gan_tensor *inputs[CASE_INPUTS];
    gan_session *session;
    gan_tensor *output; /* of the session */
};

/* Ends with an entry whose name is NULL. */
extern const bench_case bench_cases[];

/* Makes the tape and the case's own; the other members are set, the rest is 0. */
gan_status case_begin(bench *b);
void case_end(bench *b);
int64_t case_parameters(const bench *b); /* of all networks */

/* For the cases: a batch of inputs, and networks with an optimizer's parameters. */
gan_status case_images(bench *b, int index, gan_shape item);
/* Adam over one or two networks of the case. */
gan_status case_adam(bench *b, int index, int first, int second, const gan_adam_options *options);

/* pair.c: a generator and a discriminator, binary cross-entropy; the networks are those of the case's name */
gan_status pair_begin(bench *b);
gan_status pair_step(bench *b);
void pair_count(const bench *b, work *w);
/* cyclegan.c */
gan_status cyclegan_begin(bench *b);
gan_status cyclegan_step(bench *b);
void cyclegan_count(const bench *b, work *w);
/* wgangp.c */
gan_status wgangp_begin(bench *b);
gan_status wgangp_step(bench *b);
void wgangp_count(const bench *b, work *w);
/* infogan.c */
gan_status infogan_begin(bench *b);
gan_status infogan_step(bench *b);
void infogan_count(const bench *b, work *w);
/* generate.c */
gan_status generate_dcgan64_begin(bench *b);
gan_status generate_resnet9_begin(bench *b);
gan_status generate_step(bench *b);
void generate_count(const bench *b, work *w);

#endif
