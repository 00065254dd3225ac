/* Reading MXCSR is the whole cost, some five nanoseconds: control words are written only where they are not the
 * default, and writing MXCSR back is cheaper than asking whether it has changed. The flags of the x87 stay as they are
 * by themselves: neither libgan nor what it calls computes there on this processor. */
#include "kernel/environment.h"

#include <errno.h>

#if defined(__x86_64__)
#include <immintrin.h>

#define SSE_FLAGS 0x3Fu
#define SSE_DEFAULT 0x1F80u /* round to nearest, all exceptions masked, no flushing */
#define X87_DEFAULT 0x037Fu /* the same, and 64-bit mantissas */
#define X87_BITS 0x0F3Fu    /* those that mean something */

static uint16_t x87(void) {
    uint16_t control;
    __asm__ volatile("fnstcw %0" : "=m"(control));
    return control;
}

/* Not fldcw, which would trap on an exception that the caller has left pending: fnstenv masks them all. */
static void set_x87(uint16_t control) {
    uint32_t words[7];
    __asm__ volatile("fnstenv %0" : "=m"(words));
    words[0] = (words[0] & 0xFFFF0000u) | control;
    __asm__ volatile("fldenv %0" : : "m"(words));
}

gani_environment gani_enter(void) {
    gani_environment before = {errno, _mm_getcsr(), x87()};
    if ((before.sse & ~SSE_FLAGS) != SSE_DEFAULT) _mm_setcsr(SSE_DEFAULT);
    if (((before.x87 ^ X87_DEFAULT) & X87_BITS) != 0) set_x87(X87_DEFAULT);
    return before;
}

void gani_leave(const gani_environment *before) {
    _mm_setcsr(before->sse);
    if (x87() != before->x87) set_x87(before->x87);
    errno = before->error;
}

#else

gani_environment gani_enter(void) {
    gani_environment before = {.error = errno};
    fegetenv(&before.floating);
    fesetenv(FE_DFL_ENV);
    return before;
}

void gani_leave(const gani_environment *before) {
    fesetenv(&before->floating);
    errno = before->error;
}

#endif
