#define _GNU_SOURCE /* feenableexcept */
#include "strange.h"

#include <errno.h>
#include <fenv.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

void strange_settings(int rounding) {
    fesetenv(FE_DFL_ENV);
    fesetround(rounding);
    feraiseexcept(FE_UNDERFLOW);
#if defined(__GLIBC__)
    feenableexcept(FE_DIVBYZERO | FE_INVALID);
#endif
#if defined(__x86_64__)
    _mm_setcsr(_mm_getcsr() | 0x8040u); /* flush to zero, denormals are zero */
#elif defined(__aarch64__)
    uint64_t control;
    __asm__ volatile("mrs %0, fpcr" : "=r"(control));
    control |= (uint64_t)1 << 24; /* flush to zero */
    __asm__ volatile("msr fpcr, %0" : : "r"(control));
#endif
    errno = 4711;
}

strange_image strange_now(void) {
    strange_image image;
    memset(&image, 0, sizeof image);
    image.error = errno;
    image.rounding = fegetround();
    image.flags = fetestexcept(FE_ALL_EXCEPT);
#if defined(__x86_64__)
    uint16_t control, status;
    __asm__ volatile("fnstcw %0" : "=m"(control));
    __asm__ volatile("fnstsw %0" : "=m"(status));
    image.control[0] = _mm_getcsr();
    image.control[1] = control;
    image.control[2] = status & 0x3Fu;
#elif defined(__aarch64__)
    uint64_t control, status;
    __asm__ volatile("mrs %0, fpcr" : "=r"(control));
    __asm__ volatile("mrs %0, fpsr" : "=r"(status));
    image.control[0] = (uint32_t)control;
    image.control[1] = (uint32_t)status;
#endif
    return image;
}

int strange_same(const strange_image *a, const strange_image *b) { return memcmp(a, b, sizeof *a) == 0; }

void strange_end(void) {
    fesetenv(FE_DFL_ENV);
    errno = 0;
}
