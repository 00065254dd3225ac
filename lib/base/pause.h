/* Tells the processor that this thread waits for another: it saves power, and leaves what it shares with the other
 * hardware thread of its core to that. Some ten nanoseconds where there is such an instruction, nothing elsewhere. */
#ifndef GANI_BASE_PAUSE_H
#define GANI_BASE_PAUSE_H

static inline void gani_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif
