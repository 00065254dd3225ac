/* Mixtures of normal distributions, of which it can be counted what a generator covers: data, centres, and the count.
 */
#ifndef FRONT_MIXTURES_H
#define FRONT_MIXTURES_H

#include "front/front.h"

/* Rings of 8 in the plane: of radius 2 and deviation 0.1; the VEEGAN paper's, 1 and 0.01; the WGAN-GP authors', 2 and
 * 0.02, divided by 1.414. Grids of 25: of spacing 2 and deviation 0.05, the same counted by the VEEGAN paper's rule,
 * and the WGAN-GP authors', divided by 2.828. The VEEGAN paper's 10 components in 1200 dimensions, of which 700 have
 * noise. */
enum {
    MIXTURE_RING8,
    MIXTURE_RING8_VEEGAN,
    MIXTURE_RING8_WGAN_GP,
    MIXTURE_GRID25,
    MIXTURE_GRID25_VEEGAN,
    MIXTURE_GRID25_WGAN_GP,
    MIXTURE_HIGH1200
};
/* as a FRONT_CHOICE has them */
#define MIXTURE_NAMES "ring8|ring8-veegan|ring8-wgan-gp|grid25|grid25-veegan|grid25-wgan-gp|high1200"

typedef struct mixture {
    int64_t components, dimension, noisy; /* noise in the first `noisy` coordinates only */
    double scale;                         /* radius of a ring, spacing of a grid; 0: neither */
    double deviation, radius;             /* a point within radius deviations of a centre is of high quality */
    int32_t rule;                         /* GAN_MODES_... */
    int64_t judged;                       /* points that are counted, by the protocols of the papers */
    double extent;                        /* of its picture; 0: none */
} mixture;

const mixture *mixture_of(int32_t which);
double mixture_centre(int32_t which, int64_t component, int64_t axis);

/* `points` of them in the run's type, the components in turn and as labels; the library shuffles. */
gan_status mixture_open(front *f, gan_dataset **out, int32_t which, int64_t points);

/* Refuses --judge-count but for 0, which judges none. */
gan_status mixture_check_count(front *f);
/* Points of f->model and, unless they are NULL, the inputs (as many as the model has) that they were made from, for
 * seed 1; the caller releases all. */
gan_status mixture_draw(front *f, int32_t which, gan_tensor **inputs, gan_tensor **made);
/* Reports "modes" and "high_quality" of points it draws. */
gan_status mixture_measure(front *f, int32_t which);
/* Says both, and draws points.png of those in the plane. */
gan_status mixture_say(front *f, int32_t which, const gan_tensor *made);

#endif
