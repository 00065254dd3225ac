/* Two domains without pairs, made of one set of images: the first half as it is, the second half changed. */
#ifndef COGAN_DOMAINS_H
#define COGAN_DOMAINS_H

#include "front/front.h"

enum { DOMAINS_NEGATIVE, DOMAINS_EDGES }; /* white for black; what a 3 x 3 dilation adds */

/* A domain, 0 or 1, of the images of front_open_images. */
gan_status domains_open(front *f, gan_dataset **out, int which, int32_t task);
/* This step's batch of the second domain, in an order of its own. Borrowed. */
gan_status domains_second(front *f, int32_t task, gan_tensor **images);

/* The share of pixels in which image i of the first domain, changed as the data were, and image i + shift of the
 * second, or i + shift - count, are both above or both below 1/2. before, after: room for an image each. */
double domains_agreement(const front *f, gan_tensor *const pairs[2], int32_t task, int64_t shift, double *before,
                         double *after);
/* The networks that judgement makes pairs with: what the domains share, and the rest of each. */
gan_status domains_set_generators(front *f, gan_layer *shared, gan_layer *const own[2]);
/* Says in how many pixels pairs agree, and images that are no pair. Draws pairs.png, each pair one above the other. */
gan_status domains_judge(front *f, int32_t task);
void domains_release(void);

#endif
