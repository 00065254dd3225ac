/* Pairs of normal numbers from pairs of 32-bit numbers (Box and Muller 1958), in double precision. */
#ifndef GANI_BASE_BOX_MULLER_H
#define GANI_BASE_BOX_MULLER_H

#include <stdint.h>

enum { GANI_NORMAL_PAIRS = 32 };

/* With u = (lanes[2i] + 1/2) / 2^32 and v of the next lane so: out[2i] = sqrt(-2 ln u) cos(2 pi v) and out[2i + 1] the
 * same with the sine, to a few units in the last place. The same bits wherever one computes in IEEE doubles, for no
 * function of the system's is called. */
void gani_box_muller(const uint32_t lanes[2 * GANI_NORMAL_PAIRS], double out[2 * GANI_NORMAL_PAIRS]);

#endif
