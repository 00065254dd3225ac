/* Which sanitizers are compiled in. */
#ifndef TESTS_SUPPORT_SANITIZED_H
#define TESTS_SUPPORT_SANITIZED_H

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SANITIZED_THREADS 1
#endif
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_THREAD__) && !defined(SANITIZED_THREADS)
#define SANITIZED_THREADS 1
#endif
#if (defined(__SANITIZE_ADDRESS__) || defined(SANITIZED_THREADS)) && !defined(SANITIZED)
#define SANITIZED 1
#endif

/* ThreadSanitizer */
#ifndef SANITIZED_THREADS
#define SANITIZED_THREADS 0
#endif
/* Any sanitizer that puts itself in place of the C library's functions, as some tests do. */
#ifndef SANITIZED
#define SANITIZED 0
#endif

#endif
