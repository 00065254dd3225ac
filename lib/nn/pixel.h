/* Parts of PixelCNN and PixelRNN (van den Oord, Kalchbrenner, Kavukcuoglu 2016) that several types of layers share. */
#ifndef GANI_NN_PIXEL_H
#define GANI_NN_PIXEL_H

#include "nn/layer.h"

/* The longest walk over rows or diagonals: concat joins 64 x 64. */
#define GANI_MAX_STEPS 4096

/* Which taps of a kernel see something: those above the centre and left of it, and at the centre what `type` and the
 * colours say. */
typedef struct gani_mask {
    int64_t type;   /* GAN_MASK_A or GAN_MASK_B */
    int64_t colors; /* into so many runs of neighbours the channels are split */
    int64_t period; /* the result's channels are so many, over and over again (the gates of an LSTM) */
} gani_mask;

/* Checks a mask for channels before and behind it: GAN_OK, or the sentence is in the site. */
gan_status gani_mask_check(gani_site *site, const gani_mask *mask, int64_t inputs);
/* x: N x C x H x W, weight: O x C x KH x KW with odd KH and KW, bias: O or NULL; gives N x O x H x W. What the mask
 * removes of the weight counts as 0: results do not depend on pixels that it hides, to the last bit, as long as they
 * are finite, and the gradient there is 0. */
gan_tensor *gani_masked_conv2d(gan_tape *tape, gan_tensor *x, gan_tensor *weight, gan_tensor *bias,
                               const gani_mask *mask);

/* N x C x H x W -> N x C x H x (W + H - 1): row r moved right by r, zeros elsewhere; and back. */
gan_tensor *gani_skew(gan_tape *tape, gan_tensor *x);
gan_tensor *gani_unskew(gan_tape *tape, gan_tensor *x);

#endif
