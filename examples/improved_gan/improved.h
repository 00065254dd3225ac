/* Networks and data of the techniques of Salimans et al. 2016 (arXiv 1606.03498). */
#ifndef IMPROVED_GAN_IMPROVED_H
#define IMPROVED_GAN_IMPROVED_H

#include "front/front.h"

/* What a network has beside what its preset says. */
typedef struct improved_parts {
    int64_t classes;                  /* logits of D; 1: real or not, no more */
    int32_t minibatch_discrimination; /* in D, before the last layer: 100 kernels of 5 dimensions, as the authors' */
    int32_t virtual_batch_norm;       /* in G, in place of batch normalisation */
} improved_parts;

/* f->generator, and f->discriminator with two outputs: logits, and the features that are matched. Counts have the gains
 * in them that are not trained. */
gan_status improved_mnist(front *f, const improved_parts *parts);     /* 695,568 + 1,541,020 */
gan_status improved_cifar(front *f, const improved_parts *parts);     /* 4,941,958 + 1,408,244 */
gan_status improved_two_moons(front *f, const improved_parts *parts); /* 5,122 + 8,642 */
gan_status improved_dcgan(front *f, const improved_parts *parts);     /* 759,681 + 138,689 */

/* The authors' start of mnist and cifar: lengths and biases of weight normalised layers by a batch, of D by the first
 * 500 items, for cifar of G too. After the reference of virtual batch normalisation. */
gan_status improved_init_from_data(front *f);

/* ---- data ---- */

/* Two half circles that reach into each other, noise of 0.1: two classes, `count` points. */
gan_status improved_open_moons(front *f, gan_dataset **out, int64_t count, uint64_t seed);

/* Chooses the items whose labels are told, per_class of each class, by the seed. */
gan_status improved_choose_labelled(front *f, int64_t per_class, uint64_t seed);
/* This step's batch of them, from new orders of all of them. Borrowed. */
gan_status improved_labelled(front *f, gan_tensor **items, gan_tensor **labels);
/* This step's batch of all items, in another order than front_reals. Borrowed. */
gan_status improved_other_reals(front *f, gan_tensor **items);
void improved_release(void);

#endif
