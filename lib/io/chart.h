/* Curves over a common x axis, as a picture. */
#ifndef GANI_IO_CHART_H
#define GANI_IO_CHART_H

#include <gan/image.h>

#define GANI_CHART_CURVES 8

/* Curves and options have been checked: x finite and ascending. */
gan_status gani_chart_write(gan_context *context, const gan_curve *curves, int32_t count, const char *path,
                            const gan_chart_options *options);

#endif
