/* What the codes of an InfoGAN have come to mean: counted on images with labels, and in pictures. */
#ifndef INFOGAN_CODES_H
#define INFOGAN_CODES_H

#include "front/front.h"

enum { CODES_CATEGORIES = 10, CODES_MOST_CONTINUOUS = 16 };

/* The network that reads codes from images, trunk and then guesser: logits of the categories, then the continuous. */
gan_status codes_set_reader(front *f, gan_layer *trunk, gan_layer *guesser, int64_t continuous);

/* Says how well the category classifies images with labels, each category being taken for the label that fits best, no
 * label twice; on built-in digits also the correlation of each continuous code with slant and stroke width. Draws
 * code-N.png for each continuous code: a category a row, the code from -2 to 2 in a row, all else the same. */
gan_status codes_judge(front *f);
void codes_release(void);

#endif
