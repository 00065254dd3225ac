/* After its first steps a training run allocates nothing: neither from the context's allocator, nor behind its back
 * from the process. Both are counted, the second by functions of this program that stand in for the C library's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "app.h"
#include "files.h"
#include "host.h"
#include "kernel/blas.h"
#include "sanitized.h"

static atomic_llong process_calls;

#if defined(__GLIBC__) && !SANITIZED
#define COUNTS_PROCESS 1
#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Names that glibc exports for exactly this purpose. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void *__sbrk(intptr_t size);
long syscall(long number, ...);
int posix_memalign(void **out, size_t alignment, size_t size);
void *memalign(size_t alignment, size_t size);
void *mmap64(void *address, size_t size, int protection, int flags, int file, int64_t offset);
void *sbrk(intptr_t size);

static void counted(void) { atomic_fetch_add_explicit(&process_calls, 1, memory_order_relaxed); }

void *malloc(size_t size) {
    counted();
    return __libc_malloc(size);
}
void *calloc(size_t count, size_t size) {
    counted();
    return __libc_calloc(count, size);
}
void *realloc(void *block, size_t size) {
    counted();
    return __libc_realloc(block, size);
}
void *memalign(size_t alignment, size_t size) {
    counted();
    return __libc_memalign(alignment, size);
}
void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
int posix_memalign(void **out, size_t alignment, size_t size) {
    *out = memalign(alignment, size);
    return *out == NULL ? ENOMEM : 0;
}
void *mmap(void *address, size_t size, int protection, int flags, int file, off_t offset) {
    counted();
    return (void *)syscall(SYS_mmap, address, size, protection, flags, file, offset);
}
void *mmap64(void *address, size_t size, int protection, int flags, int file, int64_t offset) {
    return mmap(address, size, protection, flags, file, offset);
}
void *sbrk(intptr_t size) {
    counted();
    return __sbrk(size);
}
#else
#define COUNTS_PROCESS 0
#endif

#define SETTLED 20 /* steps until all memory has found its size: three epochs and two lines of the log */
#define WATCHED 100

typedef struct watch {
    host_memory memory;
    long long hook_before, hook_after, process_before, process_after;
} watch;

static int32_t look(void *user, const gan_progress *progress) {
    watch *w = user;
    if (progress->step == SETTLED) {
        w->hook_before = atomic_load(&w->memory.calls);
        w->process_before = atomic_load(&process_calls);
    }
    if (progress->step == SETTLED + WATCHED) {
        w->process_after = atomic_load(&process_calls);
        w->hook_after = atomic_load(&w->memory.calls);
    }
    return 0;
}

/* `process`: 0: what the process allocates, beside the hook, may be another's */
static void check_calls(int process, int32_t threads, int32_t level, int32_t blas, int64_t width,
                        const gan_executor *executor) {
    char folder[FILES_PATH];
    watch w;
    memset(&w, 0, sizeof w);
    gan_allocator allocator = host_allocator(&w.memory);
    app a = {.progress = look, .user = &w};
    app_setup setup = app_tiny(files_folder(folder));
    setup.threads = threads;
    setup.level = level;
    setup.blas = blas;
    setup.allocator = &allocator;
    setup.executor = executor;
    setup.steps = SETTLED + WATCHED + 2;
    setup.interval = 10 * setup.steps; /* no sheet, no checkpoint in between */
    setup.log_interval = 10;
    setup.width = width;
    setup.batch = 8;
    gan_status status = app_begin(&a, &setup);
    if (status == GAN_OK) status = app_train(&a);
    app_end(&a);
    files_remove(folder);
    if (status != GAN_OK) print_error("%s: %s\n", a.stage, a.message);
    assert_int_equal(status, GAN_OK);
    assert_true(w.hook_before > 100); /* the counter works */
    assert_int_equal(w.hook_after - w.hook_before, 0);
    if (!COUNTS_PROCESS || !process) return;
    assert_true(w.process_before > 100);
    assert_int_equal(w.process_after - w.process_before, 0);
}

static void check(int32_t threads, int32_t level, int32_t blas, int64_t width, const gan_executor *executor) {
    check_calls(1, threads, level, blas, width, executor);
}

static void test_one_thread(void **state) {
    (void)state;
    check(1, GAN_LEVEL_AUTO, GAN_BLAS_OFF, 4, NULL);
    check(1, GAN_LEVEL_AUTO, GAN_BLAS_AUTO, 4, NULL);
}

static void test_two_threads(void **state) {
    (void)state;
    check(2, GAN_LEVEL_AUTO, GAN_BLAS_OFF, 4, NULL);
    check(2, GAN_LEVEL_AUTO, GAN_BLAS_AUTO, 4, NULL);
    check(2, GAN_LEVEL_AUTO, GAN_BLAS_OFF, 16, NULL); /* large enough to be shared out */
}

static void test_reference(void **state) {
    (void)state;
    check(1, GAN_LEVEL_REFERENCE, GAN_BLAS_OFF, 4, NULL);
    check(2, GAN_LEVEL_REFERENCE, GAN_BLAS_AUTO, 4, NULL);
}

static void one_after_another(void *user, int64_t count, void (*task)(void *argument, int64_t index, int32_t worker),
                              void *argument) {
    (void)user;
    for (int64_t i = 0; i < count; i++) task(argument, i, (int32_t)(i % 2));
}

static void test_executor(void **state) {
    (void)state;
    gan_executor executor = {sizeof executor, NULL, one_after_another, 2, 0};
    check(1, GAN_LEVEL_AUTO, GAN_BLAS_OFF, 4, &executor);
}

/* OpenBLAS has kernels for small products that do, with AVX-512. */
static int cblas_allocates(void) {
    enum { EDGE = 64 };
    static float a[EDGE * EDGE], b[EDGE * EDGE], c[EDGE * EDGE];
    static const int64_t edges[] = {1, 2, 4, 8, 16, 33, EDGE};
    enum { EDGES = sizeof edges / sizeof edges[0] };
    gani_blas_gemm(0, 0, 0, EDGE, EDGE, EDGE, a, EDGE, b, EDGE, c, EDGE); /* its first may allocate anyhow */
    long long before = atomic_load(&process_calls);
    for (int64_t i = 0; i < 4 * EDGES * EDGES * EDGES; i++)
        gani_blas_gemm(0, i & 1, i >> 1 & 1, edges[i / 4 % EDGES], edges[i / 4 / EDGES % EDGES],
                       edges[i / 4 / EDGES / EDGES], a, EDGE, b, EDGE, c, EDGE);
    return atomic_load(&process_calls) != before;
}

/* A CBLAS may allocate (docs/threads.md), which is for its user to accept; most with one thread do not. */
static void test_cblas(void **state) {
    (void)state;
    if (gani_blas_threads() != 1) skip();
    int allocates = cblas_allocates();
    if (allocates) print_message("this CBLAS allocates in products of its own: only the context's calls are counted\n");
    check_calls(!allocates, 1, GAN_LEVEL_AUTO, GAN_BLAS_ON, 4, NULL);
}

/* Sessions allocate nothing from their first run on, whatever the number of items. */
static void test_session(void **state) {
    (void)state;
    watch w;
    memset(&w, 0, sizeof w);
    gan_allocator allocator = host_allocator(&w.memory);
    app a = {.progress = NULL};
    app_setup setup = app_tiny(NULL);
    setup.allocator = &allocator;
    assert_int_equal(app_begin(&a, &setup), GAN_OK);
    float pictures[4 * 28 * 28];
    for (int32_t threads = 1; threads <= 2; threads++) {
        gan_session *session;
        gan_session_options options;
        gan_session_options_init(&options);
        options.batch = 4;
        options.threads = threads;
        assert_int_equal(gan_session_create(&session, a.model, &options), GAN_OK);
        w.hook_before = atomic_load(&w.memory.calls);
        w.process_before = atomic_load(&process_calls);
        gan_status status = GAN_OK;
        for (int64_t count = 1; count <= 4 && status == GAN_OK; count++)
            status = gan_session_sample(session, 0, count, 1, pictures, (size_t)count * sizeof pictures / 4);
        w.process_after = atomic_load(&process_calls);
        w.hook_after = atomic_load(&w.memory.calls);
        assert_int_equal(status, GAN_OK);
        assert_int_equal(w.hook_after - w.hook_before, 0);
        if (COUNTS_PROCESS) assert_int_equal(w.process_after - w.process_before, 0);
        gan_session_release(session);
    }
    app_end(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_thread), cmocka_unit_test(test_two_threads), cmocka_unit_test(test_reference),
        cmocka_unit_test(test_executor),   cmocka_unit_test(test_cblas),       cmocka_unit_test(test_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
