/* Hosts that make life hard: a decimal comma, another rounding, signals all the time, system calls that are
 * interrupted, small stacks. The whole application of app.h must write the same files, byte for byte, as in a plain
 * program, and leave the host's settings alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fenv.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "app.h"
#include "comma.h"
#include "files.h"
#include "sanitized.h"
#include "strange.h"

#define STACK ((size_t)512 << 10)
#define LOCALE 1
#define ROUNDING 2
#define SIGNALS 4
#define INTERRUPTED 8

/* ---- the system, as this program sees it ---- */

/* Files hold times. Here time is the number of times that it was asked for, in milliseconds. */
static atomic_int asked;
int clock_gettime(clockid_t clock, struct timespec *now) {
    (void)clock;
    int count = atomic_fetch_add(&asked, 1);
    now->tv_sec = 1000 + count / 1000;
    now->tv_nsec = count % 1000 * 1000000L;
    return 0;
}

static atomic_int interrupting, interrupted;

#if defined(__linux__) && !SANITIZED
#define CAN_INTERRUPT 1
#include <sys/syscall.h>
long syscall(long number, ...);

/* Every other call of these is interrupted by a signal before anything is done. */
static int is_interrupted(void) {
    static atomic_uint calls;
    if (!atomic_load(&interrupting) || atomic_fetch_add(&calls, 1) % 2 != 0) return 0;
    atomic_fetch_add(&interrupted, 1);
    errno = EINTR;
    return 1;
}
int open(const char *path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return is_interrupted() ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}
ssize_t read(int file, void *buffer, size_t size) {
    return is_interrupted() ? -1 : (ssize_t)syscall(SYS_read, file, buffer, size);
}
ssize_t write(int file, const void *buffer, size_t size) {
    return is_interrupted() ? -1 : (ssize_t)syscall(SYS_write, file, buffer, size);
}
int ftruncate(int file, off_t size) { return is_interrupted() ? -1 : (int)syscall(SYS_ftruncate, file, size); }
int fsync(int file) {
    (void)file;
    return is_interrupted() ? -1 : 0; /* the machine will not fail */
}
/* Linux closes the file also when it is interrupted. */
int close(int file) {
    int result = (int)syscall(SYS_close, file);
    return is_interrupted() ? -1 : result;
}
#else
#define CAN_INTERRUPT 0
#endif

/* ---- signals ---- */

static const int kinds[] = {SIGINT, SIGTERM, SIGALRM, SIGUSR1};
#define KINDS ((int)(sizeof kinds / sizeof kinds[0]))
static atomic_int received[KINDS], elsewhere, stop_sending;
static pthread_t own; /* the one thread that takes signals */

static void handle(int signal) {
    for (int i = 0; i < KINDS; i++)
        if (kinds[i] == signal) atomic_fetch_add(&received[i], 1);
    if (!pthread_equal(pthread_self(), own)) atomic_fetch_add(&elsewhere, 1);
}

static void *send_signals(void *unused) {
    (void)unused;
    for (int i = 0; !atomic_load(&stop_sending); i++) {
        kill(getpid(), kinds[i % KINDS]); /* to any thread that does not block it */
        struct timespec moment = {0, 200000};
        nanosleep(&moment, NULL);
    }
    return NULL;
}

static void set_of_kinds(sigset_t *set) {
    sigemptyset(set);
    for (int i = 0; i < KINDS; i++) sigaddset(set, kinds[i]);
}

/* ---- one application in one such host ---- */

typedef struct host {
    int what;
    const char *folder;
    gan_status status;
    int kept; /* settings are as they were */
    char message[APP_MESSAGE];
} host;

static app_setup setup_in(const char *folder) {
    app_setup setup = app_tiny(folder);
    setup.threads = 3;
    setup.steps = 6;
    setup.interval = 3;
    return setup;
}

static int same_handlers(void) {
    for (int i = 0; i < KINDS; i++) {
        struct sigaction now;
        if (sigaction(kinds[i], NULL, &now) != 0 || now.sa_handler != handle) return 0;
    }
    return 1;
}

static void *live(void *argument) {
    host *h = argument;
    sigset_t set, before_mask, after_mask;
    set_of_kinds(&set);
    own = pthread_self();
    if (h->what & SIGNALS) pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    pthread_sigmask(SIG_BLOCK, NULL, &before_mask);
    app_setup setup = setup_in(h->folder);
    if (h->what & ROUNDING) strange_settings(FE_UPWARD);
    strange_image before = strange_now();
    h->status = app_all(&setup, h->message);
    strange_image after = strange_now();
    strange_end();
    h->kept = strange_same(&before, &after);
    pthread_sigmask(SIG_BLOCK, NULL, &after_mask);
    /* ThreadSanitizer itself can leave every signal blocked in a thread that is sent many (google/sanitizers #1855). */
    if (!SANITIZED_THREADS || !(h->what & SIGNALS))
        for (int i = 1; i < 32; i++) h->kept &= sigismember(&before_mask, i) == sigismember(&after_mask, i);
    if (h->what & SIGNALS) h->kept &= same_handlers();
    return NULL;
}

static void start_small(pthread_t *thread, void *(*function)(void *argument), void *argument) {
    pthread_attr_t attributes;
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstacksize(&attributes, STACK), 0);
    assert_int_equal(pthread_create(thread, &attributes, function, argument), 0);
    pthread_attr_destroy(&attributes);
}

/* A host's life is a thread with a small stack; this one waits. */
static void live_in(host *h) {
    pthread_t life, sender;
    struct sigaction action = {.sa_handler = handle}; /* no SA_RESTART */
    for (int i = 0; i < KINDS; i++) assert_int_equal(sigaction(kinds[i], &action, NULL), 0);
    atomic_store(&stop_sending, 0);
    atomic_store(&asked, 0);
    atomic_store(&interrupting, (h->what & INTERRUPTED) != 0);
    start_small(&life, live, h);
    if (h->what & SIGNALS) assert_int_equal(pthread_create(&sender, NULL, send_signals, NULL), 0);
    pthread_join(life, NULL);
    atomic_store(&stop_sending, 1);
    if (h->what & SIGNALS) pthread_join(sender, NULL);
    atomic_store(&interrupting, 0);
    action.sa_handler = SIG_IGN; /* what is still pending goes away */
    for (int i = 0; i < KINDS; i++) sigaction(kinds[i], &action, NULL);
    if (h->status != GAN_OK) print_error("%s\n", h->message);
    assert_int_equal(h->status, GAN_OK);
    assert_int_equal(h->kept, 1);
}

static char plain[FILES_PATH]; /* the folder of the plain program */

static void same_files(const char *folder) {
    DIR *list = opendir(plain);
    assert_non_null(list);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(list)) != NULL;) {
        if (entry->d_name[0] == '.') continue;
        char path[FILES_PATH];
        size_t size, other_size;
        unsigned char *bytes = files_read(files_join(path, plain, entry->d_name), &size);
        files_join(path, folder, entry->d_name);
        if (!files_exist(path)) fail_msg("%s is missing", entry->d_name);
        unsigned char *other = files_read(path, &other_size);
        if (size != other_size || memcmp(bytes, other, size) != 0) fail_msg("%s differs", entry->d_name);
        free(bytes);
        free(other);
        count++;
    }
    closedir(list);
    assert_true(count >= 9); /* log, reals, three fakes, loss, model, checkpoint, and what app_files writes */
    assert_int_equal(files_count(folder), count);
}

static void check(int what) {
    char folder[FILES_PATH];
    host h = {.what = what, .folder = files_folder(folder)};
    live_in(&h);
    same_files(folder);
    files_remove(folder);
}

static int set_up(void **state) {
    (void)state;
    app_setup setup = setup_in(files_folder(plain));
    char message[APP_MESSAGE];
    atomic_store(&asked, 0);
    return app_all(&setup, message) == GAN_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    files_remove(plain);
    return 0;
}

static void test_small_stack(void **state) {
    (void)state;
    check(0);
}

static void test_locale(void **state) {
    (void)state;
    if (!comma_begin()) skip();
    char text[8];
    snprintf(text, sizeof text, "%.1f", 0.5);
    check(LOCALE);
    comma_end();
    assert_string_equal(text, "0,5");
}

static void test_rounding(void **state) {
    (void)state;
    check(ROUNDING);
}

static void test_signals(void **state) {
    (void)state;
    for (int i = 0; i < KINDS; i++) atomic_store(&received[i], 0);
    int rounds = 0, least = 0;
    while (least == 0 && rounds < 20) { /* on a fast machine one life may be too short for all kinds */
        check(SIGNALS);
        rounds++;
        least = atomic_load(&received[0]);
        for (int i = 1; i < KINDS; i++)
            if (atomic_load(&received[i]) < least) least = atomic_load(&received[i]);
    }
    assert_true(least > 0);
    assert_int_equal(atomic_load(&elsewhere), 0);
}

static void test_interrupted_calls(void **state) {
    (void)state;
    if (!CAN_INTERRUPT) skip();
    atomic_store(&interrupted, 0);
    check(INTERRUPTED);
    assert_true(atomic_load(&interrupted) > 50);
}

static void test_everything(void **state) {
    (void)state;
    (void)comma_begin();
    check(ROUNDING | SIGNALS | INTERRUPTED);
    comma_end();
}

/* The same tests in a process whose threads, and whose first one, get small stacks unless they ask for more. */
static char *self;
static void test_small_limit(void **state) {
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit limit = {256 << 10, 256 << 10};
        char small[] = "small";
        char *arguments[] = {self, small, NULL};
        if (setrlimit(RLIMIT_STACK, &limit) == 0) execv(self, arguments);
        _exit(100);
    }
    int result = 0;
    assert_true(waitpid(child, &result, 0) == child);
    assert_true(WIFEXITED(result));
    assert_int_equal(WEXITSTATUS(result), 0);
}

int main(int count, char **arguments) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_stack),       cmocka_unit_test(test_locale),
        cmocka_unit_test(test_rounding),          cmocka_unit_test(test_signals),
        cmocka_unit_test(test_interrupted_calls), cmocka_unit_test(test_everything),
        cmocka_unit_test(test_small_limit),
    };
    const struct CMUnitTest small[] = {cmocka_unit_test(test_small_stack), cmocka_unit_test(test_everything)};
    self = arguments[0];
    /* Only threads that unblock them may take signals: not this one, nor those that a CBLAS starts when it is loaded.
     */
    sigset_t set, before;
    set_of_kinds(&set);
    if (sigprocmask(SIG_BLOCK, &set, &before) != 0) return 1;
    if (!sigismember(&before, SIGALRM)) return execv(self, arguments);
    if (count > 1) return cmocka_run_group_tests(small, set_up, tear_down);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
