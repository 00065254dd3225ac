/* The binary format of CIFAR-10 and CIFAR-100: records of one or two label bytes and three planes of 32 x 32. */
#ifndef GANI_DATA_CIFAR_H
#define GANI_DATA_CIFAR_H

#include "data/dataset.h"
#include "data/names.h"

#define GANI_CIFAR_EDGE 32
#define GANI_CIFAR_PIXELS ((size_t)3 * GANI_CIFAR_EDGE * GANI_CIFAR_EDGE)

/* Which byte of a record is the label, and how many classes there are. */
typedef struct gani_cifar_layout {
    size_t label_bytes, label_at;
    int32_t classes;
} gani_cifar_layout;
gani_cifar_layout gani_cifar_layout_of(const gan_cifar_options *options);

/* Looks at the content of a file: whole records, at least one, labels of existing classes. `name` is for messages. */
gan_status gani_cifar_check(gan_context *context, const char *name, const uint8_t *data, size_t size,
                            const gani_cifar_layout *layout, int64_t *records);
/* Class names, one a line; as many as there are classes, or GAN_E_FORMAT. */
gan_status gani_cifar_names(gani_names *names, gan_context *context, const char *name, const char *text, size_t size,
                            int32_t classes);

#endif
