/* What the tests of sessions share: networks with running statistics that are not those of a fresh network. */
#ifndef TESTS_UNIT_SESSION_FIXTURE_H
#define TESTS_UNIT_SESSION_FIXTURE_H

#include <gan.h>

#define SESSION_LATENT 10

/* Fills all tensors of a layer: means in (-1, 1), variances in (0.5, 1.5), the others in (-0.5, 0.5). */
void session_fixture_fill(gan_layer *layer);
/* A DCGAN's generator, SESSION_LATENT to 2 x 12 x 12, filled. norm: 1 with batch normalisation, 0 without. */
gan_layer *session_fixture_generator(gan_context *context, gan_dtype dtype, int32_t norm);
gan_model *session_fixture_model(gan_context *context, gan_dtype dtype, int32_t norm);
/* Defaults but for these. */
gan_session_options session_fixture_options(int64_t batch, int32_t threads);
/* A session, which must be made. */
gan_session *session_fixture_session(gan_model *model, int64_t batch);
/* The same of a layer. */
gan_session *session_fixture_layer_session(gan_layer *layer, int64_t batch);

/* Runs the layer in evaluation mode, then a session of it with every number of items from 1 to that of the inputs, and
 * compares all outputs: |difference| <= tolerance * largest value. */
void session_fixture_compare(const char *name, gan_layer *layer, gan_tensor *const *inputs, double tolerance);

#endif
