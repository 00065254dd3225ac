/* What training changes, as one number: equal digests of two runs say that no bit is different. Each goes on from the
 * hash it is given, the first from GANI_HASH_START. */
#ifndef TESTS_SUPPORT_DIGEST_H
#define TESTS_SUPPORT_DIGEST_H

#include <gan/parts.h>

#include "base/rng.h"

uint64_t digest_layer(uint64_t hash, const gan_layer *layer);         /* all its tensors */
uint64_t digest_positions(uint64_t hash, const gan_context *context); /* of all streams */

#endif
