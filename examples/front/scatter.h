/* Pictures of points in the plane. */
#ifndef FRONT_SCATTER_H
#define FRONT_SCATTER_H

#include "front/front.h"

/* OUT/points.png: points of the data in grey under `fakes` (N x 2) in blue, from -extent to extent. */
gan_status scatter_write(const front *f, const gan_tensor *fakes, double extent);

#endif
