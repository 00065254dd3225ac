/* Every allocation and every file operation of a whole application fails in turn, once or from then on, while it goes
 * on with an earlier run in a folder that has files. Each time: a status that says what kind of failure it was, a
 * message that names what failed, all memory given back, every file whole - the old one or the new one -, and
 * afterwards the same application, run again in that folder, ends as if nothing had happened.
 *
 * With GAN_TEST_FULL=1 in the environment at every site; else at every few. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "base/context.h"
#include "failing_io.h"
#include "files.h"
#include "host.h"

static char before[FILES_PATH], after[FILES_PATH]; /* folders: three steps were made; six */
static gani_io quick;

/* ---- folders ---- */

typedef int visit(const char *folder, const char *name, void *user); /* 0: go on */
static int each_file(const char *folder, visit *function, void *user) {
    DIR *list = opendir(folder);
    int result = list == NULL;
    for (struct dirent *entry; result == 0 && (entry = readdir(list)) != NULL;)
        if (entry->d_name[0] != '.') result = function(folder, entry->d_name, user);
    if (list != NULL) closedir(list);
    return result;
}

static int copy_file(const char *folder, const char *name, void *user) {
    char path[FILES_PATH];
    size_t size;
    unsigned char *bytes = files_read(files_join(path, folder, name), &size);
    files_write(files_join(path, user, name), bytes, size);
    free(bytes);
    return 0;
}

/* 1: "folder/name" is there and holds the same, or begins with it. */
static int same(const char *folder, const char *other, const char *name, int begins) {
    char a[FILES_PATH], b[FILES_PATH];
    size_t a_size, b_size;
    if (!files_exist(files_join(a, folder, name)) || !files_exist(files_join(b, other, name))) return 0;
    unsigned char *a_bytes = files_read(a, &a_size), *b_bytes = files_read(b, &b_size);
    int result = (begins ? a_size >= b_size : a_size == b_size) && memcmp(a_bytes, b_bytes, b_size) == 0;
    free(a_bytes);
    free(b_bytes);
    return result;
}

static int is_temporary(const char *name) {
    size_t length = strlen(name);
    return length > 4 && strcmp(name + length - 4, ".tmp") == 0;
}
/* Files that hold times differ between runs. */
static int is_timed(const char *name) {
    return strcmp(name, "log.jsonl") == 0 || strncmp(name, "checkpoint-", 11) == 0;
}

/* A file that was there before is as it was, or as the run would have left it. A checkpoint may only go for a newer. */
static int check_old(const char *folder, const char *name, void *user) {
    (void)folder;
    const char *now = user;
    if (strcmp(name, "log.jsonl") == 0) return !same(now, before, name, 1);
    if (strncmp(name, "checkpoint-", 11) == 0) {
        char newer[FILES_PATH];
        return !same(now, before, name, 0) && !files_exist(files_join(newer, now, "checkpoint-000006.safetensors"));
    }
    return !same(now, before, name, 0) && !same(now, after, name, 0);
}
static int check_new(const char *folder, const char *name, void *user) {
    (void)folder;
    const char *now = user;
    char path[FILES_PATH];
    return is_timed(name) ? !files_exist(files_join(path, now, name)) : !same(now, after, name, 0);
}

/* What only a run may tidy up; others' names are theirs, and are left alone for ever if the disk refuses to remove them
 * at the time. */
static int check_tidy(const char *folder, const char *name, void *user) {
    (void)folder;
    if (!is_temporary(name)) return 0;
    return *(const int *)user ||
           (strncmp(name, "saved", 5) != 0 && strncmp(name, "layer", 5) != 0 && strncmp(name, "sheet", 5) != 0);
}

/* ---- the application ---- */

static app_setup setup_in(const char *folder, int64_t steps) {
    app_setup setup = app_tiny(folder);
    setup.width = 2;
    setup.batch = 3;
    setup.steps = steps;
    setup.interval = 6; /* one sheet and one checkpoint, at the end */
    setup.io = &quick;
    return setup;
}

/* Goes on from step 3 to step 6 in the folder. *created: the context was. */
static gan_status go_on(const char *folder, const gan_allocator *allocator, failing_io *how, app *a, int *created) {
    app_setup setup = setup_in(folder, 6);
    setup.allocator = allocator;
    memset(a, 0, sizeof *a);
    if (how != NULL) {
        failing_io_begin(how, &quick);
        setup.io = &failing_io_table;
    }
    gan_status status = app_begin(a, &setup);
    if (status == GAN_OK) status = app_resume(a);
    if (status == GAN_OK) status = app_files(a);
    *created = a->context != NULL;
    app_end(a);
    return status;
}

static int failed_at(const char *what, long long site, const char *mode, const app *a, const char *problem) {
    print_error("%s %lld fails %s, while %s: %s (message: '%s')\n", what, site, mode, a->stage, problem, a->message);
    return 0;
}

/* 1: all is as promised after the failure of one site. */
static int check_site(const char *what, long long site, int stays, host_memory *memory, failing_io *how, int *done) {
    const char *mode = stays ? "from then on" : "once";
    gan_status expected = how != NULL ? GAN_E_IO : GAN_E_MEMORY;
    char folder[FILES_PATH];
    app a;
    int created = 0, strict = !stays, any = 1;
    files_folder(folder);
    each_file(before, copy_file, folder);
    gan_allocator allocator = host_allocator(memory);
    gan_status status = go_on(folder, &allocator, how, &a, &created);
    *done = how != NULL ? how->calls < how->fail_at : atomic_load(&memory->calls) < memory->fail_at;
    int good = 1;
    if (status != GAN_OK && status != expected) good = failed_at(what, site, mode, &a, gan_status_text(status));
    if (status != GAN_OK && created && strlen(a.message) < 12) good = failed_at(what, site, mode, &a, "no message");
    if (status == GAN_E_MEMORY && created && strstr(a.message, "memory") == NULL)
        good = failed_at(what, site, mode, &a, "the message is about something else");
    if (status == GAN_E_IO && strchr(a.message, '\'') == NULL)
        good = failed_at(what, site, mode, &a, "the message names no file");
    if (atomic_load(&memory->blocks) != 0 || atomic_load(&memory->bytes) != 0)
        good = failed_at(what, site, mode, &a, "memory was not given back");
    if (each_file(before, check_old, folder) != 0) good = failed_at(what, site, mode, &a, "a file is damaged");
    if (strict && (how == NULL || how->failed == NULL || strcmp(how->failed, "remove") != 0) &&
        each_file(folder, check_tidy, &any) != 0)
        good = failed_at(what, site, mode, &a, "a temporary file is left");
    if (status == GAN_OK && each_file(after, check_new, folder) != 0)
        good = failed_at(what, site, mode, &a, "it succeeded with other results");
    if (status != GAN_OK && good) {
        app again;
        if (go_on(folder, NULL, NULL, &again, &created) != GAN_OK)
            good = failed_at(what, site, mode, &again, "it does not go on afterwards");
        else if (each_file(after, check_new, folder) != 0)
            good = failed_at(what, site, mode, &a, "going on gives other results");
        else if (each_file(folder, check_tidy, &strict) != 0)
            good = failed_at(what, site, mode, &a, "a temporary file is left after going on");
    }
    files_remove(folder);
    return good;
}

/* The first sites one by one, then every step-th, shifted by one for the second mode. */
static void sweep(int files, long long step) {
    int good = 1;
    long long sites = 0;
    for (int stays = 0; stays <= 1; stays++) {
        int done = 0;
        for (long long site = 1 + stays * (step > 1); !done; site += step) {
            host_memory memory = {.fail_at = files ? 0 : site, .once = !stays};
            failing_io how = {.fail_at = site, .stays = stays, .error = EIO};
            good &=
                check_site(files ? "file operation" : "allocation", site, stays, &memory, files ? &how : NULL, &done);
            sites += !done;
        }
    }
    print_message("%lld failures\n", sites);
    assert_true(sites > 10);
    assert_int_equal(good, 1);
}

static void test_memory(void **state) {
    (void)state;
    sweep(0, host_sweep_step(23));
}

static void test_files(void **state) {
    (void)state;
    sweep(1, host_sweep_step(7));
}

/* ---- threads ---- */

static int threads_made, thread_fails_at, thread_error, only_with_attributes;

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*function)(void *argument),
                   void *argument) {
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) = NULL;
    void *found = dlsym(RTLD_NEXT, "pthread_create");
    memcpy(&real, &found, sizeof real);
    if (only_with_attributes && attributes != NULL) return thread_error;
    if (thread_fails_at != 0 && ++threads_made >= thread_fails_at) return thread_error;
    return real(thread, attributes, function, argument);
}

static int create_with(int32_t threads, gan_context **context, host_memory *memory) {
    gan_allocator allocator = host_allocator(memory);
    gan_context_options options;
    gan_context_options_init(&options);
    options.threads = threads;
    options.allocator = &allocator;
    threads_made = 0;
    return gan_context_create(context, &options);
}

static void test_threads_that_do_not_start(void **state) {
    (void)state;
    for (thread_fails_at = 1; thread_fails_at <= 3; thread_fails_at++) {
        host_memory memory = {0};
        gan_context *context = (gan_context *)(uintptr_t)1;
        thread_error = EAGAIN;
        assert_int_equal(create_with(4, &context, &memory), GAN_E_SYSTEM);
        assert_null(context);
        assert_true(atomic_load(&memory.blocks) == 0);
    }
    thread_fails_at = 1;
    host_memory memory = {0};
    gan_context *context = NULL;
    assert_int_equal(create_with(1, &context, &memory), GAN_OK); /* no thread is needed */
    gan_context_release(context);
    thread_fails_at = 0;
    only_with_attributes = 1; /* the stack is too small for this program's thread-local storage */
    thread_error = EINVAL;
    assert_int_equal(create_with(3, &context, &memory), GAN_OK);
    assert_int_equal(gan_context_threads(context), 3);
    gan_context_release(context);
    only_with_attributes = 0;
    assert_true(atomic_load(&memory.blocks) == 0);
}

/* ---- */

static int set_up(void **state) {
    (void)state;
    quick = quick_io();
    app a = {0};
    int created;
    app_setup setup = setup_in(files_folder(before), 3);
    gan_status status = app_begin(&a, &setup);
    if (status == GAN_OK) status = app_train(&a);
    if (status == GAN_OK) status = app_files(&a);
    app_end(&a);
    files_folder(after);
    each_file(before, copy_file, after);
    if (status == GAN_OK) status = go_on(after, NULL, NULL, &a, &created);
    if (status != GAN_OK) print_error("%s: %s\n", a.stage, a.message);
    return status == GAN_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    files_remove(before);
    files_remove(after);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_threads_that_do_not_start),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
