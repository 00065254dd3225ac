/* What the tests of layer types share: a context that counts its memory, a tape, networks in double precision. */
#ifndef TESTS_UNIT_LAYER_FIXTURE_H
#define TESTS_UNIT_LAYER_FIXTURE_H

#include <gan.h>

#include "gradcheck.h"
#include "host.h"

typedef struct layer_fixture {
    host_memory memory;
    gan_context *context;
    gan_tape *tape;
} layer_fixture;

/* CMocka's setup and teardown; teardown fails if memory was not given back. */
int layer_fixture_open(void **state);
int layer_fixture_close(void **state);

/* A builder of GAN_F64, and its end, which must succeed. */
gan_builder *layer_fixture_begin(const layer_fixture *f, gan_shape input);
gan_layer *layer_fixture_end(const layer_fixture *f, gan_builder *b);
/* Ends a builder that must have failed: the status, and what its message must contain. */
void layer_fixture_refused(const layer_fixture *f, gan_builder *b, gan_status status, const char *where,
                           const char *what);

/* What the layer gives, which must not fail. */
gan_tensor *layer_fixture_forward(const layer_fixture *f, gan_layer *layer, gan_tensor *x);
/* A layer of two inputs, `layer`, as a function for the checks below. */
gan_tensor *layer_fixture_apply_two(gan_tape *tape, gan_tensor *const *xs, void *layer);

/* First and second derivatives of f at xs against differences, and the fused paths against the rules. */
void layer_fixture_check(const layer_fixture *f, const char *name, gradcheck_function *function, void *user,
                         gan_tensor *const *xs, int32_t count);
/* The same of a layer at x. */
void layer_fixture_check_layer(const layer_fixture *f, const char *name, gan_layer *layer, gan_tensor *x);
/* In single precision the layer gives what it gives in double at the same values, within 1e-5. `add`
 * adds what is to be tested to a builder. */
void layer_fixture_single(const layer_fixture *f, const char *name, void (*add)(gan_builder *), gan_shape item);

#endif
