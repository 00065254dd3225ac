/* Exported functions of gan/builder.h: building. */
#include "api/api.h"

GAN_API gan_builder *gan_builder_begin(gan_context *context, gan_shape input) {
    GANI_ENTER();
    return gani_builder_begin(context, input, 0);
}
/* Whether a limit of indices is one: 0, inside, means that there are none. */
static int check_limit(gan_builder *builder, int64_t limit) {
    if (builder == NULL || gani_builder_failed(builder)) return 0;
    if (limit < 1)
        gani_builder_fail(builder, GAN_E_ARGUMENT, "builder: indices below %lld: the limit must be at least 1",
                          (long long)limit);
    return limit >= 1;
}
GAN_API gan_builder *gan_builder_begin_indices(gan_context *context, gan_shape input, int64_t limit) {
    GANI_ENTER();
    gan_builder *builder = gani_builder_begin(context, input, limit < 1 ? 1 : limit);
    check_limit(builder, limit);
    return builder;
}
GAN_API void gan_builder_input_indices(gan_builder *builder, const char *name, gan_shape shape, int64_t limit) {
    GANI_ENTER();
    if (check_limit(builder, limit) && gani_builder_named(builder, name))
        gani_builder_input(builder, name, shape, limit);
}

GAN_API void gan_builder_set_dtype(gan_builder *builder, gan_dtype dtype) {
    GANI_ENTER();
    if (builder != NULL) gani_builder_set_dtype(builder, dtype);
}

int gani_builder_named(gan_builder *builder, const char *name) {
    if (builder == NULL || gani_builder_failed(builder)) return 0;
    if (name == NULL) gani_builder_fail(builder, GAN_E_ARGUMENT, "builder: a name is NULL");
    return name != NULL;
}

GAN_API void gan_builder_input(gan_builder *builder, const char *name, gan_shape shape) {
    GANI_ENTER();
    if (gani_builder_named(builder, name)) gani_builder_input(builder, name, shape, 0);
}
GAN_API void gan_builder_output(gan_builder *builder, const char *name) {
    GANI_ENTER();
    if (gani_builder_named(builder, name)) gani_builder_output(builder, name);
}
GAN_API void gan_builder_label(gan_builder *builder, const char *name) {
    GANI_ENTER();
    if (gani_builder_named(builder, name)) gani_builder_label(builder, name);
}
GAN_API void gan_builder_from(gan_builder *builder, const char *name) {
    GANI_ENTER();
    if (gani_builder_named(builder, name)) gani_builder_from(builder, name);
}
GAN_API gan_shape gan_builder_shape(const gan_builder *builder) {
    return builder == NULL ? gan_shape_0d() : gani_builder_shape(builder);
}
GAN_API void gan_builder_split(gan_builder *builder) {
    GANI_ENTER();
    if (builder != NULL) gani_builder_split(builder);
}
GAN_API void gan_builder_next(gan_builder *builder) {
    GANI_ENTER();
    if (builder != NULL) gani_builder_next(builder);
}
GAN_API void gan_builder_join(gan_builder *builder, gan_join join) {
    GANI_ENTER();
    if (builder != NULL) gani_builder_join(builder, join);
}
GAN_API gan_status gan_builder_end(gan_layer **out, gan_builder *builder) {
    GANI_ENTER();
    if (builder == NULL) {
        if (out != NULL) *out = NULL;
        return GAN_E_ARGUMENT;
    }
    return gani_builder_end(out, builder, 1);
}

/* ---- layers of several inputs ---- */

/* The current point and the named ones; 0 if the builder has failed. */
static int find_points(gan_builder *builder, int32_t points[GANI_MAX_MODULE_INPUTS], const char *const *names,
                       int32_t count) {
    if (builder == NULL || gani_builder_failed(builder)) return 0;
    if (count < 0 || count >= GANI_MAX_MODULE_INPUTS)
        gani_builder_fail(builder, GAN_E_LIMIT, "builder: a layer of %ld more inputs; 0 to %d are possible",
                          (long)count, GANI_MAX_MODULE_INPUTS - 1);
    else if (count > 0 && names == NULL)
        gani_builder_fail(builder, GAN_E_ARGUMENT, "builder: the names of the inputs are NULL");
    points[0] = gani_builder_point(builder);
    for (int32_t i = 0; i < count && !gani_builder_failed(builder); i++)
        if (gani_builder_named(builder, names[i])) points[i + 1] = gani_builder_find(builder, names[i]);
    return !gani_builder_failed(builder);
}

GAN_API void gan_add_layer_many(gan_builder *builder, gan_layer *layer, const char *name, const char *const *inputs,
                                int32_t count) {
    GANI_ENTER();
    int32_t points[GANI_MAX_MODULE_INPUTS];
    if (!find_points(builder, points, inputs, count)) return;
    if (layer == NULL) {
        gani_builder_fail(builder, GAN_E_ARGUMENT, "builder: the layer to add is NULL");
    } else if (layer->context != gani_builder_layer(builder)->context) {
        gani_builder_fail(builder, GAN_E_ARGUMENT, "builder: the layer to add belongs to another context");
    } else {
        gani_config config = gani_config_default();
        config.network = layer;
        gani_builder_add(builder, &gani_type_network, &config, points, count + 1, name);
    }
}
GAN_API void gan_add_layer(gan_builder *builder, gan_layer *layer, const char *name) {
    GANI_ENTER();
    gan_add_layer_many(builder, layer, name, NULL, 0);
}

/* ---- types of the application ---- */

GAN_API void gan_layer_type_init_sized(gan_layer_type *type, size_t size) {
    gan_layer_type defaults = {.inputs = 1};
    gani_options_init(type, size, &defaults, sizeof defaults);
}

GAN_API gan_status gan_layer_type_register(gan_context *context, const gan_layer_type *type) {
    GANI_ENTER();
    if (context == NULL) return GAN_E_ARGUMENT;
    if (type == NULL) return gani_null(context, "gan_layer_type_register", "the type");
    gan_layer_type known;
    gan_layer_type_init(&known);
    gan_status status = gani_options_decode(context, "gan_layer_type_register", type, &known, sizeof known);
    return status != GAN_OK ? status : gani_layer_type_register(context, &known);
}

GAN_API void gan_add_registered_many(gan_builder *builder, const char *type, const char *config,
                                     const char *const *inputs, int32_t count) {
    GANI_ENTER();
    int32_t points[GANI_MAX_MODULE_INPUTS];
    if (!gani_builder_named(builder, type) || !find_points(builder, points, inputs, count)) return;
    const gani_registered *registered = gani_registered_find(gani_builder_layer(builder)->context, type);
    gani_config known = gani_config_default();
    known.registered = registered;
    /* the text is not changed: the module copies it */
    known.text = (char *)(uintptr_t)(config == NULL ? "{}" : config);
    if (registered == NULL)
        gani_builder_fail(builder, GAN_E_UNSUPPORTED, "builder: the type '%.100s' was not registered", type);
    else
        gani_builder_add(builder, &registered->type, &known, points, count + 1, NULL);
}
GAN_API void gan_add_registered(gan_builder *builder, const char *type, const char *config) {
    GANI_ENTER();
    gan_add_registered_many(builder, type, config, NULL, 0);
}
