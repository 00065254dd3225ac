/* Terms that are no game of two: penalties, matching, information, cycles; and what belongs to them. They mean what
 * gan/loss.h says of gan_ in place of gani_; operands are known to be valid handles, options to be checked. */
#ifndef GANI_LOSS_TERMS_H
#define GANI_LOSS_TERMS_H

#include "loss/loss.h"

/* penalty.c */
typedef struct gani_penalty {
    double weight, target; /* of the norm; without one the squared norm is the penalty */
    int32_t where, squared, one_sided;
} gani_penalty;
extern const gani_loss_type gani_loss_penalty_type;
/* The one of real and fake that is not read may be NULL. */
gan_tensor *gani_penalty_points(gan_tape *tape, const gani_penalty *penalty, gan_tensor *real, gan_tensor *fake);
gan_tensor *gani_penalty_term(gan_tape *tape, const gani_penalty *penalty, gan_tensor *scores, gan_tensor *x);
gan_tensor *gani_drift_penalty(gan_tape *tape, gan_tensor *scores, double weight);

/* orthogonal.c: of one weight, without a factor */
gan_tensor *gani_orthogonal_penalty(gan_tape *tape, gan_tensor *weight, gan_orthogonal_form form);

/* matching.c */
typedef struct gani_matching {
    gan_distance distance;
    int32_t average;
    int64_t weight_count;
    double weights[GAN_FEATURES];
} gani_matching;
extern const gani_loss_type gani_loss_matching_type;
gan_tensor *gani_feature_matching(gan_tape *tape, const gani_matching *matching, gan_tensor *const *real,
                                  gan_tensor *const *fake, int32_t count);
extern const gani_loss_type gani_loss_cycle_type; /* its options: gan_loss_cycle_options */
/* Mean (average = 1) or sum of the elements' distances; the tape fails, in the name of the term, if the shapes differ.
 */
gan_tensor *gani_distance(gan_tape *tape, const char *name, gan_tensor *a, gan_tensor *b, gan_distance distance,
                          int32_t average);

/* information.c */
#define GANI_MAX_CODES 64 /* what gani_concat takes */
#define GANI_MAX_CODE_WIDTH ((int64_t)1 << 24)
enum { GANI_CODE_CATEGORICAL, GANI_CODE_GAUSSIAN, GANI_CODE_UNIFORM };
typedef struct gani_code { /* one call of gan_loss_add_... */
    int32_t kind, learned; /* learned: sigma */
    int64_t count;         /* numbers in the codes */
    double sigma;
} gani_code;
typedef struct gani_information {
    gan_loss_mutual_information_options options;
    int64_t code_count, width, posterior_width; /* of the codes that there are; numbers in codes, numbers of Q's */
    gani_code codes[GANI_MAX_CODES];
} gani_information;
extern const gani_loss_type gani_loss_information_type;
gan_status gani_information_add(gan_loss *loss, const char *function, int32_t kind, int64_t count, double sigma);
gan_tensor *gani_sample_codes(gan_tape *tape, const gani_information *information, gan_dtype dtype, int64_t batch);
/* total and each, if not NULL, receive detached tensors. */
gan_tensor *gani_mutual_information(gan_tape *tape, const gani_information *information, gan_tensor *posterior,
                                    gan_tensor *codes, gan_tensor **total, gan_tensor **each);

/* augment.c */
#define GANI_AUGMENT_DRAWS 7
/* draws: N x GANI_AUGMENT_DRAWS, f64, contiguous, in (0, 1): brightness, saturation, contrast, shift down, shift right,
 * the hole's row and column. */
gan_tensor *gani_diff_augment(gan_tape *tape, gan_tensor *x, const gan_diff_augment_options *options,
                              const gan_tensor *draws);

#endif
