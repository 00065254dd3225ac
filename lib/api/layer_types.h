/* What the functions share that add layers: gan_add_... */
#ifndef GANI_API_LAYER_TYPES_H
#define GANI_API_LAYER_TYPES_H

#include "api/api.h"

/* Decodes options without a context at hand: the builder keeps the error. */
static inline int decode(gan_builder *builder, const char *name, const void *options, void *known, size_t size) {
    if (builder == NULL || gani_builder_failed(builder)) return 0;
    gan_status status = gani_options_decode(NULL, name, options, known, size);
    if (status != GAN_OK)
        gani_builder_fail(builder, status, "builder: %s: %s", name,
                          status == GAN_E_UNSUPPORTED
                              ? "an option is set that this version of libgan does not know"
                              : "the options were not initialised: call their init function first");
    return status == GAN_OK;
}

/* 1 if a reserved member is 0; otherwise the builder has failed. */
static inline int check_reserved(gan_builder *builder, const char *name, int32_t reserved) {
    gan_status status = gani_options_reserved(NULL, name, reserved);
    if (status != GAN_OK)
        gani_builder_fail(builder, status,
                          "builder: %s: a reserved option is set, which this version of libgan does "
                          "not know",
                          name);
    return status == GAN_OK;
}

static inline void check_flag(gan_builder *builder, const char *type, const char *name, int32_t value) {
    if (value != 0 && value != 1)
        gani_builder_fail(builder, GAN_E_ARGUMENT, "builder: %s: %s is %ld, neither 0 nor 1", type, name, (long)value);
}

static inline void add(gan_builder *builder, const gani_module_type *type, const gani_config *config) {
    if (builder == NULL) return;
    int32_t point = gani_builder_point(builder);
    gani_builder_add(builder, type, config, &point, 1, NULL);
}

/* After the current point and a named one. */
static inline void add_joint(gan_builder *builder, const gani_module_type *type, const gani_config *config,
                             const char *name) {
    if (!gani_builder_named(builder, name)) return;
    int32_t points[2] = {gani_builder_point(builder), gani_builder_find(builder, name)};
    gani_builder_add(builder, type, config, points, 2, NULL);
}

#endif
