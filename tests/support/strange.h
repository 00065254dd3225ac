/* A host with strange settings: another rounding, tiny numbers flushed to zero, exceptions that trap, flags raised, an
 * errno. */
#ifndef TESTS_SUPPORT_STRANGE_H
#define TESTS_SUPPORT_STRANGE_H

#include <stdint.h>

/* All that can be read of a thread's settings. */
typedef struct strange_image {
    int error, rounding, flags;
    uint32_t control[3]; /* of the processor, where the tests know how to ask */
} strange_image;

void strange_settings(int rounding);
strange_image strange_now(void);
int strange_same(const strange_image *a, const strange_image *b);
/* Back to the default environment. Call it before anything is asserted or printed. */
void strange_end(void);

#endif
