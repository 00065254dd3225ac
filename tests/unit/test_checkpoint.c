/* Checkpoints: a run that was stopped, killed or met a full disk goes on to the same bits; what does not belong is
 * refused unchanged. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <gan.h>

#include "failing_io.h"
#include "files.h"
#include "folder_fixture.h"
#include "rewrite_model.h"
#include "run_fixture.h"
#include "train/run.h"

#define STEPS 40

static void begin(run_fixture *f, const char *where, int64_t steps) {
    fixture_setup setup = fixture_default();
    gan_run_options options;
    fixture_options(&options, where, steps);
    fixture_begin(f, &setup, &options);
}

/* What an uninterrupted run of so many steps ends with; its files are in `where`. */
static uint64_t reference(const char *where, int64_t steps) {
    run_fixture f;
    begin(&f, where, steps);
    assert_int_equal(gan_run_train(f.run), GAN_OK);
    uint64_t digest = fixture_digest(&f);
    fixture_end(&f);
    return digest;
}

static char *newest(const char *where, char path[FILES_PATH]) {
    gan_context *context = host_context(1);
    int64_t *steps;
    int32_t count;
    char name[64];
    assert_int_equal(gani_checkpoint_list(context, where, &steps, &count), GAN_OK);
    assert_true(count > 0);
    snprintf(name, sizeof name, "checkpoint-%06lld.safetensors", (long long)steps[0]);
    gani_free(context, steps);
    gan_context_release(context);
    return files_join(path, where, name);
}

/* All files that do not hold times are those of the uninterrupted run. */
static void assert_same_run(void) {
    assert_same("checkpoint-000040.safetensors");
    assert_same("model.safetensors");
    assert_same("fakes-000040.png");
    assert_same("reals.png");
    assert_same("loss.png");
}

static void test_cancel_and_resume(void **state) {
    (void)state;
    uint64_t expected = reference(other, STEPS);
    run_fixture f;
    begin(&f, folder, STEPS);
    f.cancel_at = 17;
    assert_int_equal(gan_run_train(f.run), GAN_E_CANCELLED);
    fixture_end(&f);
    begin(&f, folder, STEPS);
    /* whatever happened before does not matter */
    assert_int_equal(gan_context_set_position(f.context, GAN_STREAM_USER, 5), GAN_OK);
    assert_int_equal(gan_optimizer_set_learning_rate(f.optimizer_d, 0.5), GAN_OK);
    assert_int_equal(gan_layer_init_dcgan(f.generator), GAN_OK);
    assert_int_equal(gan_run_resume(f.run, folder), GAN_OK);
    assert_int_equal(gan_run_step(f.run), 17);
    assert_true(gan_optimizer_learning_rate(f.optimizer_d) == 2e-4);
    assert_int_equal(gan_run_train(f.run), GAN_OK);
    assert_true(fixture_digest(&f) == expected);
    fixture_end(&f);
    assert_same_run();
}

/* What layers keep between steps is in the checkpoint: random numbers, averages, buffers that the application set. */
static void test_layers_with_state(void **state) {
    (void)state;
    fixture_setup setup = fixture_default();
    setup.styles = 1;
    uint64_t digests[2];
    for (int stopped = 0; stopped < 2; stopped++) {
        run_fixture f;
        gan_run_options options;
        fixture_options(&options, stopped ? folder : other, STEPS);
        fixture_begin(&f, &setup, &options);
        assert_int_equal(gan_tensor_fill(gan_layer_find(f.generator, "9.alpha"), 0.25), GAN_OK);
        if (stopped) {
            f.cancel_at = 17;
            assert_int_equal(gan_run_train(f.run), GAN_E_CANCELLED);
            fixture_end(&f);
            fixture_begin(&f, &setup, &options);
            assert_int_equal(gan_run_resume(f.run, folder), GAN_OK);
            assert_true(gan_tensor_item(gan_layer_find(f.generator, "9.alpha"), 0) == 0.25);
        }
        assert_int_equal(gan_run_train(f.run), GAN_OK);
        digests[stopped] = fixture_digest(&f);
        gan_tensor *average = gan_layer_find(f.generator, "2.average");
        assert_true(gan_tensor_item(average, 0) != 0);
        fixture_end(&f);
    }
    assert_true(digests[0] == digests[1]);
    assert_same_run();
}

static int32_t die(void *user, const gan_progress *p) {
    (void)user;
    if (p->step == 26) raise(SIGKILL);
    return 0;
}

static void test_kill_and_resume(void **state) {
    (void)state;
    uint64_t expected = reference(other, STEPS);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        run_fixture f;
        begin(&f, folder, STEPS);
        gan_run_set_progress(f.run, die, NULL);
        gan_run_train(f.run);
        _exit(1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    run_fixture f;
    begin(&f, folder, STEPS);
    assert_int_equal(gan_run_resume(f.run, folder), GAN_OK);
    assert_int_equal(gan_run_step(f.run), 20);
    assert_int_equal(gan_run_train(f.run), GAN_OK);
    assert_true(fixture_digest(&f) == expected);
    fixture_end(&f);
    assert_same_run();
}

/* From each place within an epoch (of 6 batches), and from the end of one. */
static void test_within_an_epoch(void **state) {
    (void)state;
    uint64_t expected = reference(other, 20);
    for (int64_t stop = 6; stop <= 12; stop++) {
        char where[FILES_PATH];
        run_fixture f;
        files_folder(where);
        begin(&f, where, 20);
        f.cancel_at = stop;
        assert_int_equal(gan_run_train(f.run), GAN_E_CANCELLED);
        fixture_end(&f);
        begin(&f, where, 20);
        assert_int_equal(gan_run_resume(f.run, where), GAN_OK);
        assert_int_equal(gan_loader_position(f.loader), stop);
        assert_int_equal(gan_run_train(f.run), GAN_OK);
        assert_true(fixture_digest(&f) == expected);
        fixture_end(&f);
        files_remove(where);
    }
}

/* The log holds every step once, in order. */
static void assert_whole_log(int steps) {
    char *text = files_read_log(folder), *at = text;
    for (int step = 1; step <= steps; step++) {
        char start[32];
        snprintf(start, sizeof start, "{\"step\":%d,", step);
        if (strncmp(at, start, strlen(start)) != 0) fail_msg("line %d of the log is '%.30s'", step, at);
        at = strchr(at, '\n') + 1;
    }
    assert_int_equal(*at, 0);
    free(text);
}

static void test_log_is_cut(void **state) {
    (void)state;
    run_fixture f;
    reference(folder, STEPS);
    static const char *const leftovers[] = {"checkpoint-000050.safetensors.99-0.tmp",
                                            "fakes-000010.png.1-12.tmp",
                                            "model.safetensors.99-0.tmp",
                                            "best-model.safetensors.99-0.tmp",
                                            "best-checkpoint.safetensors.99-0.tmp",
                                            "reals.png.7-0.tmp",
                                            "loss.png.7-1.tmp"};
    enum { LEFTOVERS = sizeof leftovers / sizeof leftovers[0] }; /* one of each name that a run writes */
    static const char *const others[] = {"best-of.tmp",
                                         "best-model.safetensors.tmp",
                                         "fakes-mine.png.1-2.tmp",
                                         "notes.txt.99-0.tmp",
                                         "loss.png.7-.tmp",
                                         "loss.png.-1.tmp"};
    char path[FILES_PATH], first[FILES_PATH];
    for (int i = 0; i < LEFTOVERS; i++) files_write(files_join(path, folder, leftovers[i]), "half", 4);
    for (int i = 0; i < 6; i++) files_write(files_join(path, folder, others[i]), "mine", 4);
    FILE *log = fopen(files_join(path, folder, "log.jsonl"), "ab");
    assert_non_null(log);
    fputs("{\"step\":41,\"loss_d\":0.", log); /* a crash in the middle of a line */
    fclose(log);
    begin(&f, folder, STEPS);
    /* an older checkpoint by name: the newer one is of a course that is left */
    assert_int_equal(gan_run_resume(f.run, files_join(first, folder, "checkpoint-000030.safetensors")), GAN_OK);
    assert_whole_log(30);
    f.cancel_at = 35;
    assert_int_equal(gan_run_train(f.run), GAN_E_CANCELLED);
    assert_string_equal(newest(folder, path), files_join(first, folder, "checkpoint-000035.safetensors"));
    for (int i = 0; i < LEFTOVERS; i++) assert_false(files_exist(files_join(path, folder, leftovers[i])));
    for (int i = 0; i < 6; i++) {
        assert_true(files_exist(files_join(path, folder, others[i])));
        remove(path);
    }
    f.cancel_at = 0;
    assert_int_equal(gan_run_train(f.run), GAN_OK);
    assert_whole_log(STEPS);
    fixture_end(&f);
}

static void test_keep(void **state) {
    (void)state;
    static const int64_t keeps[] = {1, 3};
    for (size_t i = 0; i < 2; i++) {
        fixture_setup setup = fixture_default();
        gan_run_options options;
        run_fixture f;
        fixture_options(&options, i == 0 ? folder : other, 7);
        options.checkpoint_interval = 1;
        options.sample_interval = 0;
        options.checkpoint_keep = keeps[i];
        fixture_begin(&f, &setup, &options);
        assert_int_equal(gan_run_train(f.run), GAN_OK);
        int64_t *steps;
        int32_t count;
        assert_int_equal(gani_checkpoint_list(f.context, options.folder, &steps, &count), GAN_OK);
        assert_int_equal(count, keeps[i]);
        for (int32_t k = 0; k < count; k++) assert_int_equal(steps[k], 7 - k);
        gani_free(f.context, steps);
        fixture_end(&f);
    }
}

static void test_names(void **state) {
    (void)state;
    assert_int_equal(gani_checkpoint_step("checkpoint-000012.safetensors"), 12);
    assert_int_equal(gani_checkpoint_step("checkpoint-1234567.safetensors"), 1234567);
    static const char *const bad[] = {"checkpoint-12.safetensors",
                                      "checkpoint-0000012.safetensors",
                                      "checkpoint-000012.safetensors.5-0.tmp",
                                      "checkpoint-.safetensors",
                                      "model.safetensors",
                                      "checkpoint-99999999999999999999.safetensors"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) assert_int_equal(gani_checkpoint_step(bad[i]), -1);
}

/* ---- damage ---- */

static void spoil(const char *path, size_t at_from_end) {
    size_t size;
    unsigned char *data = files_read(path, &size);
    data[size - at_from_end] ^= 4;
    files_write(path, data, size);
    free(data);
}

static void test_damaged(void **state) {
    (void)state;
    char path[FILES_PATH];
    run_fixture f;
    reference(folder, STEPS);
    spoil(newest(folder, path), 100);
    begin(&f, folder, STEPS);
    assert_int_equal(gan_run_resume(f.run, path), GAN_E_FORMAT);
    assert_non_null(strstr(gan_context_error(f.context), "damaged"));
    assert_int_equal(gan_run_resume(f.run, folder), GAN_OK); /* the one before */
    assert_int_equal(gan_run_step(f.run), 30);
    fixture_end(&f);
    spoil(files_join(path, folder, "checkpoint-000030.safetensors"), 1);
    begin(&f, folder, STEPS);
    uint64_t before = fixture_digest(&f);
    assert_int_equal(gan_run_resume(f.run, folder), GAN_E_FORMAT);
    assert_int_equal(gan_run_resume(f.run, other), GAN_E_IO);
    assert_non_null(strstr(gan_context_error(f.context), "no checkpoint"));
    assert_int_equal(gan_run_resume(f.run, files_join(path, folder, "model.safetensors")), GAN_E_FORMAT);
    assert_int_equal(gan_run_resume(f.run, files_join(path, folder, "nothing")), GAN_E_IO);
    assert_true(fixture_digest(&f) == before);
    fixture_end(&f);
}

static void test_wrong_state(void **state) {
    (void)state;
    static const struct {
        const char *from, *to, *words;
    } cases[] = {
        {"\"gradient_norm\":", "\"gradient_norm\":-", "optimizers[0] has a negative gradient_norm"},
        {"\"gradient_norm\":", "\"gradient_norm\":[],\"was\":", "gradient_norm is not a number"},
        {"\"learning_rate\":", "\"learning_rate\":-", "optimizers[0] has a negative learning_rate"},
        {"\"accumulated\":false", "\"accumulated\":0", "accumulated is not true or false"},
    };
    char path[FILES_PATH], wrong[FILES_PATH];
    run_fixture f;
    reference(folder, 2);
    newest(folder, path);
    files_join(wrong, other, "wrong.safetensors");
    files_folder(other);
    begin(&f, folder, STEPS);
    uint64_t before = fixture_digest(&f);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rewrite_checkpoint(f.context, path, wrong, cases[i].from, cases[i].to);
        gan_status status = gan_run_resume(f.run, wrong);
        if (status != GAN_E_FORMAT || strstr(gan_context_error(f.context), cases[i].words) == NULL)
            fail_msg("%s: status %d, %s", cases[i].to, (int)status, gan_context_error(f.context));
        assert_true(fixture_digest(&f) == before);
    }
    fixture_end(&f);
}

/* Every bit of the file counts: flips all over the header and here and there in the data. */
static void test_every_byte(void **state) {
    (void)state;
    char path[FILES_PATH];
    reference(folder, 2);
    size_t size, header = 0;
    unsigned char *data = files_read(newest(folder, path), &size);
    memcpy(&header, data, 8);
    gan_context *context = host_context(1);
    for (size_t i = 0; i < size; i += (size_t)host_stride() * (i < header + 8 ? 7 : 9973)) {
        data[i] ^= 1;
        files_write(path, data, size);
        data[i] ^= 1;
        gani_safetensors file;
        gan_status status = gani_safetensors_read(&file, context, path, GANI_SAFETENSORS_FILE);
        if (status == GAN_OK) status = gani_safetensors_verify(&file, 1);
        gani_safetensors_end(&file);
        if (status == GAN_OK) fail_msg("a flip in byte %zu was not seen", i);
    }
    free(data);
    gan_context_release(context);
}

/* ---- what does not belong ---- */

static void expect_mismatch(const fixture_setup *setup, const char *words) {
    gan_run_options options;
    run_fixture f;
    fixture_options(&options, folder, STEPS);
    fixture_begin(&f, setup, &options);
    uint64_t before = fixture_digest(&f);
    assert_int_equal(gan_run_resume(f.run, folder), GAN_E_MISMATCH);
    if (strstr(gan_context_error(f.context), words) == NULL)
        fail_msg("'%s' does not say '%s'", gan_context_error(f.context), words);
    assert_true(fixture_digest(&f) == before);
    fixture_end(&f);
}

static void test_mismatch(void **state) {
    (void)state;
    reference(folder, STEPS);
    fixture_setup setup = fixture_default();
    setup.seed = 8;
    expect_mismatch(&setup, "seed is 7, this run's 8");
    setup = fixture_default();
    setup.items = 101;
    expect_mismatch(&setup, "100 items, this run's have 101");
    setup = fixture_default();
    setup.items_seed = 1; /* as many, but others */
    expect_mismatch(&setup, "it was trained on other data");
    setup = fixture_default();
    setup.batch = 20;
    expect_mismatch(&setup, "batch size is 16, this run's 20");
    setup = fixture_default();
    setup.loader.shuffle = 0;
    expect_mismatch(&setup, "loader's shuffle is yes, this run's no");
    setup = fixture_default();
    setup.loader.low = 0;
    expect_mismatch(&setup, "loader's range is -1 to 1, this run's 0 to 1");
    setup = fixture_default();
    setup.loader.high = 0.5;
    expect_mismatch(&setup, "loader's range is -1 to 1, this run's -1 to 0.5");
    setup = fixture_default();
    setup.loader.dtype = GAN_F64;
    expect_mismatch(&setup, "loader's dtype is f32, this run's f64");
    setup = fixture_default();
    setup.loader.flip = 1;
    expect_mismatch(&setup, "loader's flip is no, this run's yes");
    setup = fixture_default();
    setup.loader.crop_padding = 2;
    expect_mismatch(&setup, "loader's crop_padding is 0, this run's 2");
    setup = fixture_default();
    setup.hidden = 25;
    expect_mismatch(&setup, "'generator.0.weight' has shape 24x8, 25x8 is expected");
    setup = fixture_default();
    setup.extra_layer = 1;
    expect_mismatch(&setup, "no layer 'extra'");
    assert_whole_log(STEPS); /* it was not cut */
}

static void test_mismatch_fewer(void **state) {
    (void)state;
    fixture_setup setup = fixture_default();
    gan_run_options options;
    run_fixture f;
    setup.extra_layer = 1;
    fixture_options(&options, folder, 3);
    fixture_begin(&f, &setup, &options);
    assert_int_equal(gan_run_train(f.run), GAN_OK);
    fixture_end(&f);
    setup.extra_layer = 0;
    expect_mismatch(&setup, "it has 3 layers, the run has 2");
}

/* ---- every rule's state ---- */

static uint64_t train_rule(const char *where, int32_t rmsprop, int64_t steps, int resume) {
    fixture_setup setup = fixture_default();
    gan_run_options options;
    run_fixture f;
    setup.rmsprop = rmsprop;
    fixture_options(&options, where, steps);
    fixture_begin(&f, &setup, &options);
    assert_int_equal(gan_optimizer_set_clipping(f.optimizer_d, 0.1, 0.5), GAN_OK);
    gan_schedule_options schedule;
    gan_schedule_options_init(&schedule);
    schedule.kind = GAN_SCHEDULE_LINEAR;
    schedule.length = 30;
    assert_int_equal(gan_optimizer_set_schedule(f.optimizer_d, &schedule), GAN_OK);
    if (resume) assert_int_equal(gan_run_resume(f.run, where), GAN_OK);
    assert_int_equal(gan_run_train(f.run), GAN_OK);
    uint64_t digest = fixture_digest(&f);
    fixture_end(&f);
    return digest;
}

static void test_rules(void **state) {
    (void)state;
    uint64_t expected[2];
    for (int32_t rmsprop = 1; rmsprop <= 2; rmsprop++) {
        expected[rmsprop - 1] = train_rule(NULL, rmsprop, 20, 0);
        char where[FILES_PATH];
        files_folder(where);
        train_rule(where, rmsprop, 13, 0);
        assert_true(train_rule(where, rmsprop, 20, 1) == expected[rmsprop - 1]);
        files_remove(where);
    }
    assert_true(expected[0] != expected[1]);
    /* state of one rule into another */
    fixture_setup setup = fixture_default();
    train_rule(folder, 1, 3, 0);
    expect_mismatch(&setup, "its optimizer 'adam_d' is rmsprop, the run's is adam");
    setup.rmsprop = 2;
    expect_mismatch(&setup, "has no tensor 'adam_d.grad_avg.1.weight'");
}

static void test_rules_fewer(void **state) {
    (void)state;
    fixture_setup setup = fixture_default();
    setup.rmsprop = 1;
    train_rule(folder, 2, 3, 0);
    expect_mismatch(&setup, "adam_d.");
}

/* Another setting of an optimizer may be meant: it is told, and the run goes on. */
typedef struct notices {
    int count;
    char last[256];
} notices;
static void take_notice(void *user, int32_t level, const char *id, const char *text) {
    notices *n = user;
    (void)level;
    if (strcmp(id, "resume.setting") != 0) return;
    n->count++;
    snprintf(n->last, sizeof n->last, "%s", text);
}

static void test_settings_told(void **state) {
    (void)state;
    fixture_setup setup = fixture_default();
    gan_run_options options;
    gan_schedule_options schedule;
    train_rule(folder, 2, 3, 0);
    setup.rmsprop = 2;
    fixture_options(&options, folder, 5);
    for (int other_setting = 0; other_setting <= 2; other_setting++) {
        run_fixture f;
        notices n = {0, ""};
        fixture_begin(&f, &setup, &options);
        f.context->logger = (gan_logger){sizeof(gan_logger), &n, take_notice};
        gan_schedule_options_init(&schedule);
        schedule.kind = GAN_SCHEDULE_LINEAR;
        schedule.length = other_setting == 1 ? 40 : 30;
        assert_int_equal(gan_optimizer_set_schedule(f.optimizer_d, &schedule), GAN_OK);
        double norm = other_setting == 2 ? (double)INFINITY : 0.5;
        assert_int_equal(gan_optimizer_set_clipping(f.optimizer_d, 0.1, norm), GAN_OK);
        assert_int_equal(gan_run_resume(f.run, folder), GAN_OK);
        static const char *const said[] = {
            "", "the optimizer 'adam_d' has schedule.length 40, in the checkpoint it was 30",
            "the optimizer 'adam_d' has max_norm infinity, in the checkpoint it was 0.5"};
        assert_int_equal(n.count, other_setting > 0);
        assert_string_equal(n.last, said[other_setting]);
        fixture_end(&f);
    }
}

/* ---- accumulated gradients are state, too ---- */

static gan_status every_third(void *user, gan_run *run, gan_tape *tape) {
    run_fixture *f = user;
    gan_tensor *z = gan_normal(tape, GAN_F32, gan_shape_2d(4, FIXTURE_LATENT));
    gan_tensor *loss = gan_mean(tape, gan_square(tape, gan_layer_forward(tape, f->generator, z)));
    return gan_run_step(run) % 3 < 2 ? gan_optimizer_accumulate(f->optimizer_g, tape, loss)
                                     : gan_optimizer_step(f->optimizer_g, tape, loss);
}

static uint64_t train_accumulating(const char *where, int64_t steps, int averaging, int resume) {
    run_fixture f;
    begin(&f, where, steps);
    assert_int_equal(gan_optimizer_set_averaging(f.optimizer_g, averaging), GAN_OK);
    assert_int_equal(gan_run_add_phase(f.run, "accumulate", every_third, &f), GAN_OK);
    if (resume) assert_int_equal(gan_run_resume(f.run, where), GAN_OK);
    assert_int_equal(gan_run_train(f.run), GAN_OK);
    uint64_t digest = fixture_digest(&f);
    fixture_end(&f);
    return digest;
}

static void test_accumulated(void **state) {
    (void)state;
    uint64_t sums[2];
    for (int averaging = 0; averaging <= 1; averaging++) {
        char where[FILES_PATH];
        files_folder(where);
        sums[averaging] = train_accumulating(NULL, 10, averaging, 0);
        train_accumulating(where, 5, averaging, 0); /* ends with a sum of two, whose mean with a third is to come */
        assert_true(train_accumulating(where, 10, averaging, 1) == sums[averaging]);
        files_remove(where);
    }
    assert_true(sums[0] != sums[1]);
}

/* ---- losses that remember, and pools ---- */

static void begin_stateful(run_fixture *f, const char *where, int32_t kind, int64_t steps) {
    fixture_setup setup = fixture_default();
    gan_run_options options;
    setup.stateful = kind;
    fixture_options(&options, where, steps);
    fixture_begin(f, &setup, &options);
}

/* Before the pool is full, in between, and long after. */
static void test_stateful(void **state) {
    (void)state;
    static const int64_t stops[] = {1, 2, 3, 13, 39};
    run_fixture f;
    begin_stateful(&f, other, 1, STEPS);
    assert_int_equal(gan_run_train(f.run), GAN_OK);
    uint64_t expected = fixture_digest(&f);
    double mean = gan_loss_path_length_mean(f.path);
    assert_true(mean > 0);
    assert_true(gan_pool_count(f.pool) == 40 && gan_context_position(f.context, GAN_STREAM_POOL) == 16 * STEPS - 40);
    fixture_end(&f);
    for (size_t i = 0; i < sizeof stops / sizeof stops[0]; i++) {
        files_remove(folder);
        files_folder(folder);
        begin_stateful(&f, folder, 1, STEPS);
        f.cancel_at = stops[i];
        assert_int_equal(gan_run_train(f.run), GAN_E_CANCELLED);
        fixture_end(&f);
        begin_stateful(&f, folder, 1, STEPS);
        assert_int_equal(gan_run_resume(f.run, folder), GAN_OK);
        assert_int_equal(gan_run_step(f.run), stops[i]);
        assert_int_equal(gan_run_train(f.run), GAN_OK);
        assert_true(fixture_digest(&f) == expected);
        assert_true(gan_loss_path_length_mean(f.path) == mean);
        fixture_end(&f);
        assert_same_run();
    }
}

static void test_stateful_mismatch(void **state) {
    (void)state;
    run_fixture f;
    fixture_setup setup = fixture_default();
    begin_stateful(&f, folder, 1, 5);
    assert_int_equal(gan_run_train(f.run), GAN_OK);
    fixture_end(&f);
    expect_mismatch(&setup, "it has 2 losses, the run has 0");
    setup.stateful = 2;
    expect_mismatch(&setup, "'pool.images' has shape 40x1x28x28, 41x1x28x28 is expected");
    setup.stateful = 3;
    expect_mismatch(&setup, "its loss 'path' is path_length, the run's is historical_averaging");
    reference(other, 3);
    char path[FILES_PATH], to[FILES_PATH];
    size_t size;
    unsigned char *data = files_read(newest(other, path), &size);
    files_remove(folder);
    files_folder(folder);
    files_write(files_join(to, folder, "checkpoint-000003.safetensors"), data, size);
    free(data);
    expect_mismatch(&setup, "it has no loss 'path'");
}

/* A pool alone, and one that passes everything through: its tensor is empty. */
static void test_pool_alone(void **state) {
    (void)state;
    for (int resume = 0; resume <= 2; resume++) {
        run_fixture f;
        gan_pool_options o;
        gan_pool *pool;
        begin(&f, folder, 3 + resume);
        gan_pool_options_init(&o);
        o.capacity = 0;
        assert_int_equal(gan_pool_create(&pool, f.context, gan_shape_3d(1, 28, 28), &o), GAN_OK);
        if (resume < 2) assert_int_equal(gan_run_add_pool(f.run, "pool", pool), GAN_OK);
        gan_pool_release(pool);
        if (resume > 0) {
            assert_int_equal(gan_run_resume(f.run, folder), resume == 1 ? GAN_OK : GAN_E_MISMATCH);
            if (resume == 2) assert_non_null(strstr(gan_context_error(f.context), "it has 1 pools, the run has 0"));
        }
        if (resume < 2) assert_int_equal(gan_run_train(f.run), GAN_OK);
        fixture_end(&f);
    }
}

static void test_add_refused(void **state) {
    (void)state;
    run_fixture f;
    begin_stateful(&f, folder, 1, 3);
    gan_context *context = host_context(1);
    gan_loss *foreign;
    gan_pool *pool;
    assert_int_equal(gan_loss_bce_create(&foreign, context, NULL), GAN_OK);
    assert_int_equal(gan_pool_create(&pool, context, gan_shape_1d(2), NULL), GAN_OK);
    assert_int_equal(gan_run_add_loss(f.run, "foreign", foreign), GAN_E_ARGUMENT);
    assert_non_null(strstr(gan_context_error(f.context), "'foreign' belongs to another context"));
    assert_int_equal(gan_run_add_pool(f.run, "foreign", pool), GAN_E_ARGUMENT);
    assert_int_equal(gan_run_add_loss(f.run, "no name", f.loss), GAN_E_ARGUMENT);
    assert_non_null(strstr(gan_context_error(f.context), "cannot name a loss"));
    assert_int_equal(gan_run_add_pool(f.run, "", f.pool), GAN_E_ARGUMENT);
    assert_non_null(strstr(gan_context_error(f.context), "cannot name a pool"));
    assert_int_equal(gan_run_add_loss(f.run, "average", f.loss), GAN_E_ARGUMENT);
    assert_non_null(strstr(gan_context_error(f.context), "there is a 'average' already"));
    assert_int_equal(gan_run_add_loss(f.run, NULL, f.loss), GAN_E_ARGUMENT);
    assert_int_equal(gan_run_add_loss(f.run, "null", NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_run_add_pool(f.run, "null", NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_run_add_loss(NULL, "null", f.loss), GAN_E_ARGUMENT);
    assert_int_equal(gan_run_add_pool(NULL, "null", f.pool), GAN_E_ARGUMENT);
    assert_int_equal(gan_run_add_loss(f.run, "bce", f.loss), GAN_OK); /* has nothing to remember */
    assert_int_equal(gan_run_train(f.run), GAN_OK);
    gan_loss_release(foreign);
    gan_pool_release(pool);
    gan_context_release(context);
    fixture_end(&f);
}

/* ---- disks that fail ---- */

static gan_status train_failing(failing_io *io, const char *where, int64_t steps) {
    fixture_setup setup = fixture_default();
    gan_run_options options;
    run_fixture f;
    fixture_options(&options, where, steps);
    options.sample_interval = 1000;
    options.checkpoint_interval = 2;
    options.log_interval = 2;
    options.checkpoint_keep = 1;
    fixture_begin(&f, &setup, &options);
    failing_io_set(f.context, io);
    gan_status status = gan_run_train(f.run);
    if (status != GAN_OK) assert_true(gan_context_error(f.context)[0] != '\0');
    failing_io_reset(f.context);
    fixture_end(&f);
    return status;
}

/* Goes on from the newest checkpoint, or from the start if there is none. */
static uint64_t train_again(const char *where, int64_t steps) {
    fixture_setup setup = fixture_default();
    gan_run_options options;
    run_fixture f;
    fixture_options(&options, where, steps);
    options.sample_interval = options.checkpoint_interval = 0;
    options.log_interval = 1000;
    options.overwrite = 1;
    fixture_begin(&f, &setup, &options);
    gan_status status = gan_run_resume(f.run, where);
    if (status != GAN_OK && strstr(gan_context_error(f.context), "there is no checkpoint") == NULL)
        fail_msg("%s", gan_context_error(f.context));
    assert_int_equal(gan_run_train(f.run), GAN_OK);
    uint64_t digest = fixture_digest(&f);
    fixture_end(&f);
    return digest;
}

/* Each file operation of a run fails in turn, once or from then on: the run says so or does without, and no checkpoint
 * is lost. */
static void test_failing_disk(void **state) {
    (void)state;
    uint64_t expected = reference(other, 5);
    const long long step = host_sweep_step(5);
    for (int stays = 0; stays <= 1; stays++) {
        int failures = 0;
        for (long long n = 1;; n += step) {
            char where[FILES_PATH];
            failing_io io = {.fail_at = n, .stays = stays, .error = ENOSPC};
            files_folder(where);
            gan_status status = train_failing(&io, where, 5);
            if (status != GAN_OK && status != GAN_E_IO)
                fail_msg("operation %lld (%s): status %d", n, io.failed, (int)status);
            failures += status != GAN_OK;
            int done = io.failed == NULL;
            if (train_again(where, 5) != expected)
                fail_msg("operation %lld (%s): other bits after going on", n, io.failed);
            files_remove(where);
            if (done) break;
        }
        assert_true(failures > 50 / step);
    }
}

/* The last good checkpoint stays when the next cannot be written. */
static void test_full_disk(void **state) {
    (void)state;
    char path[FILES_PATH];
    size_t size, now;
    run_fixture f;
    fixture_setup setup = fixture_default();
    gan_run_options options;
    reference(folder, 20);
    fixture_options(&options, folder, 30);
    options.checkpoint_keep = 1;
    options.sample_interval = 0;
    options.log_interval = 1000;
    unsigned char *before = files_read(newest(folder, path), &size);
    fixture_begin(&f, &setup, &options);
    assert_int_equal(gan_run_resume(f.run, folder), GAN_OK);
    failing_io io = {.fail_at = 6, .stays = 1, .error = ENOSPC};
    failing_io_set(f.context, &io);
    assert_int_equal(gan_run_train(f.run), GAN_E_IO);
    assert_non_null(strstr(gan_context_error(f.context), "No space left"));
    failing_io_reset(f.context);
    unsigned char *after = files_read(newest(folder, path), &now);
    assert_int_equal(now, size);
    assert_memory_equal(before, after, size);
    free(before);
    free(after);
    /* with room again, the same run just goes on */
    assert_int_equal(gan_run_train(f.run), GAN_OK);
    assert_int_equal(gan_run_step(f.run), 30);
    fixture_end(&f);
}

/* A picture that cannot be written, on the way or at the end, costs neither checkpoint nor model. */
static void test_picture_fails(void **state) {
    (void)state;
    char path[FILES_PATH], checkpoint[FILES_PATH];
    run_fixture f;
    fixture_setup setup = fixture_default();
    gan_run_options options;
    fixture_options(&options, folder, 20);
    options.sample_interval = options.checkpoint_interval = 10;
    fixture_begin(&f, &setup, &options);
    static const char *const names[][2] = {{"fakes-000010.png", "checkpoint-000010.safetensors"},
                                           {"fakes-000020.png", "checkpoint-000020.safetensors"}};
    for (int i = 0; i < 2; i++) assert_int_equal(mkdir(files_join(path, folder, names[i][0]), 0700), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(gan_run_train(f.run), GAN_E_IO);
        assert_non_null(strstr(gan_context_error(f.context), names[i][0]));
        assert_int_equal(gan_run_step(f.run), 10 * (i + 1));
        assert_string_equal(newest(folder, path), files_join(checkpoint, folder, names[i][1]));
        assert_int_equal(rmdir(files_join(path, folder, names[i][0])), 0);
    }
    assert_true(files_exist(files_join(path, folder, "model.safetensors")));
    assert_int_equal(gan_run_train(f.run), GAN_OK);
    assert_true(files_exist(files_join(path, folder, names[1][0])));
    fixture_end(&f);
}

/* Where there are no checkpoints, the model is all that is left of a run. */
static void test_picture_fails_alone(void **state) {
    (void)state;
    char path[FILES_PATH];
    run_fixture f;
    fixture_setup setup = fixture_default();
    gan_run_options options;
    fixture_options(&options, folder, 20);
    options.sample_interval = 20;
    options.checkpoint_interval = 0;
    fixture_begin(&f, &setup, &options);
    assert_int_equal(mkdir(files_join(path, folder, "fakes-000020.png"), 0700), 0);
    assert_int_equal(gan_run_train(f.run), GAN_E_IO);
    assert_non_null(strstr(gan_context_error(f.context), "fakes-000020.png"));
    assert_true(files_exist(files_join(path, folder, "model.safetensors")));
    fixture_end(&f);
}

/* Without memory at any point, a resume changes nothing. */
static void test_resume_without_memory(void **state) {
    (void)state;
    host_memory memory;
    memset(&memory, 0, sizeof memory);
    reference(folder, 10);
    fixture_setup setup = fixture_default();
    gan_run_options options;
    run_fixture f;
    setup.memory = &memory;
    fixture_options(&options, folder, 10);
    fixture_begin(&f, &setup, &options);
    uint64_t before = fixture_digest(&f);
    gan_status status = GAN_E_MEMORY;
    int failures = 0;
    for (; status != GAN_OK; failures += host_stride()) {
        long long blocks = atomic_load(&memory.blocks);
        memory.fail_at = atomic_load(&memory.calls) + 1 + failures;
        status = gan_run_resume(f.run, folder);
        memory.fail_at = 0;
        if (status == GAN_OK) break;
        assert_int_equal(status, GAN_E_MEMORY);
        assert_true(fixture_digest(&f) == before);
        assert_true(atomic_load(&memory.blocks) <= blocks + 4); /* curves of the log may stay */
    }
    assert_true(failures > 10);
    assert_int_equal(gan_run_step(f.run), 10);
    fixture_end(&f);
    assert_int_equal(atomic_load(&memory.blocks), 0);
}

/* Training without memory from some allocation on: says so, gives everything back, and what it left can be gone on
 * from. */
static void test_train_without_memory(void **state) {
    (void)state;
    uint64_t expected = reference(other, 5);
    for (long long n = 1;; n += host_stride() + n / 8) {
        char where[FILES_PATH];
        host_memory memory;
        fixture_setup setup = fixture_default();
        gan_run_options options;
        run_fixture f;
        memset(&memory, 0, sizeof memory);
        setup.memory = &memory;
        fixture_options(&options, files_folder(where), 5);
        options.sample_interval = 1000;
        options.checkpoint_interval = 2;
        fixture_begin(&f, &setup, &options);
        memory.fail_at = atomic_load(&memory.calls) + n;
        gan_status status = gan_run_train(f.run);
        memory.fail_at = 0;
        fixture_end(&f);
        assert_int_equal(atomic_load(&memory.blocks), 0);
        assert_true(status == GAN_OK || status == GAN_E_MEMORY);
        assert_true(train_again(where, 5) == expected);
        files_remove(where);
        if (status == GAN_OK) break;
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_folders, close_folders)
    const struct CMUnitTest tests[] = {
        TEST(test_cancel_and_resume),
        TEST(test_layers_with_state),
        TEST(test_kill_and_resume),
        TEST(test_within_an_epoch),
        TEST(test_log_is_cut),
        TEST(test_keep),
        TEST(test_names),
        TEST(test_damaged),
        TEST(test_wrong_state),
        TEST(test_every_byte),
        TEST(test_mismatch),
        TEST(test_mismatch_fewer),
        TEST(test_rules),
        TEST(test_rules_fewer),
        TEST(test_settings_told),
        TEST(test_accumulated),
        TEST(test_stateful),
        TEST(test_stateful_mismatch),
        TEST(test_pool_alone),
        TEST(test_add_refused),
        TEST(test_full_disk),
        TEST(test_picture_fails),
        TEST(test_picture_fails_alone),
        TEST(test_failing_disk),
        TEST(test_resume_without_memory),
        TEST(test_train_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
