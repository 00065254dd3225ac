/* The caller's settings that arithmetic and system calls disturb: errno and the floating-point environment. <fenv.h>
 * would do for the latter, but saving and loading everything takes longer than a small operation; here it takes a few
 * cycles where the processor allows. */
#ifndef GANI_KERNEL_ENVIRONMENT_H
#define GANI_KERNEL_ENVIRONMENT_H

#include <fenv.h>
#include <stdint.h>

typedef struct gani_environment {
    int error;
#if defined(__x86_64__)
    uint32_t sse; /* MXCSR: rounding, masks, flags, flush to zero, denormals are zero */
    uint16_t x87; /* control word: the C library's conversions of numbers follow its rounding */
#else
    fenv_t floating;
#endif
} gani_environment;

/* Saves the caller's settings; from here to gani_leave arithmetic rounds to nearest, keeps subnormal numbers and never
 * traps. Threads that are started in between inherit this. */
gani_environment gani_enter(void);
/* Puts them back as they were. */
void gani_leave(const gani_environment *before);

#endif
