/* The course of a program: context and data, networks, run, progress, end. */
#define _POSIX_C_SOURCE 200809L
#include "front/front.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- progress ---- */

static volatile sig_atomic_t interrupted;
static void on_interrupt(int number) {
    (void)number;
    interrupted = 1;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void print_clock(char *out, size_t size, double seconds) {
    long long s = (long long)(seconds + 0.5);
    if (s >= 3600)
        snprintf(out, size, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(out, size, "%lld:%02lld", s / 60, s % 60);
}

/* The latest value of each metric: not every step reports all of them. */
static struct {
    char name[64];
    double value;
} latest[32];
static int latest_count;

static void take_latest(const gan_progress *p) {
    for (int32_t i = 0; i < p->metric_count; i++) {
        int at = 0;
        while (at < latest_count && strcmp(latest[at].name, p->metric_names[i]) != 0) at++;
        if (at == (int)(sizeof latest / sizeof latest[0])) continue;
        if (at == latest_count) snprintf(latest[latest_count++].name, sizeof latest[0].name, "%s", p->metric_names[i]);
        latest[at].value = p->metric_values[i];
    }
}

static int32_t on_progress(void *user, const gan_progress *p) {
    front *f = user;
    take_latest(p);
    int terminal = isatty(STDOUT_FILENO), last = p->step == p->steps;
    double t = now();
    if (!last && t - f->last_print < (terminal ? 0.2 : 5.0)) return interrupted;
    f->last_print = t;
    char left[32];
    print_clock(left, sizeof left, p->seconds_left);
    printf("%sstep %lld/%lld  epoch %.2f  %.0f images/s", terminal ? "\r\033[K" : "", (long long)p->step,
           (long long)p->steps, p->epochs, p->images_per_second);
    for (int i = 0; i < latest_count; i++) printf("  %s %.3f", latest[i].name, latest[i].value);
    printf("  %s left", left);
    if (!terminal || last) printf("\n");
    fflush(stdout);
    return interrupted;
}

/* What the library has to say on the way, above the progress line. */
static void on_event(void *user, int32_t level, const char *id, const char *text) {
    (void)user, (void)id;
    if (level > GAN_LOG_WARNING) return;
    printf("%s%s\n", isatty(STDOUT_FILENO) ? "\r\033[K" : "", text);
}

/* ---- context, data, networks ---- */

gan_status front_open_images(front *f, gan_dataset **out) {
    if (f->options.data == NULL) {
        if (f->options.size != 28 && f->options.size != 32 && f->options.size != 64)
            return front_refuse(f, "the built-in digits are of size 28, 32 or 64, not %lld: give images with --data",
                                (long long)f->options.size);
        gan_digits_options d;
        gan_digits_options_init(&d);
        d.size = f->options.size;
        return gan_digits_create(out, f->context, &d);
    }
    gan_folder_options folder;
    gan_folder_options_init(&folder);
    folder.size = f->options.size;
    return gan_dataset_open(out, f->context, f->options.data, &folder);
}

gan_status front_make_loader(const front *f, gan_dataset *dataset, int64_t batch_size, gan_loader **out) {
    gan_loader_options l;
    gan_loader_options_init(&l);
    l.batch_size = batch_size;
    l.low = f->low;
    l.high = f->high;
    l.dtype = f->dtype;
    l.flip = f->options.flip;
    return gan_loader_create(out, dataset, &l);
}

gan_status front_next(const front *f, gan_loader *loader, int64_t epochs_on, gan_tensor **items, gan_tensor **labels) {
    int64_t place = gan_run_step(f->run) + epochs_on * gan_loader_batches(loader);
    gan_status status = gan_loader_set_position(loader, place);
    return status == GAN_OK ? gan_loader_next(loader, items, labels) : status;
}

static gan_status hold_out(front *f) {
    gan_dataset *all = f->dataset;
    int64_t count = gan_dataset_count(all), some = f->options.hold_out;
    if (some >= count)
        return front_refuse(f, "--hold-out: the data have %lld items: %lld cannot be held back", (long long)count,
                            (long long)some);
    f->dataset = NULL;
    gan_status status = gan_dataset_slice(&f->held_out, all, count - some, some);
    if (status == GAN_OK) status = gan_dataset_slice(&f->dataset, all, 0, count - some);
    gan_dataset_release(all);
    return status;
}

static gan_status open_data(front *f) {
    if (f->options.flip && f->preset->own_data != FRONT_IMAGES)
        return front_refuse(f, "--flip is not for preset %s, whose data are not the images as they come",
                            f->preset->name);
    gan_status status =
        f->preset->own_data != FRONT_IMAGES ? f->program->open(f, &f->dataset) : front_open_images(f, &f->dataset);
    if (status == GAN_OK && f->options.hold_out > 0) status = hold_out(f);
    if (status != GAN_OK) return status;
    f->image = f->judged = gan_dataset_shape(f->dataset);
    f->classes = gan_dataset_classes(f->dataset);
    if (f->options.batch_size > gan_dataset_count(f->dataset))
        return front_refuse(f, "--batch-size: %lld are more than the %lld items of the data",
                            (long long)f->options.batch_size, (long long)gan_dataset_count(f->dataset));
    return front_make_loader(f, f->dataset, f->options.batch_size, &f->loader);
}

static gan_status begin(front *f) {
    const front_options *o = &f->options;
    gan_context_options co;
    gan_context_options_init(&co);
    co.seed = o->seed;
    co.threads = (int32_t)o->threads;
    co.deterministic = o->deterministic;
    if (o->no_filtering) co.filtering = GAN_FILTERING_OFF;
    const gan_logger logger = {.struct_size = sizeof logger, .log = on_event};
    co.logger = &logger;
    f->dtype = o->f64 ? GAN_F64 : GAN_F32;
    f->low = f->preset->unit_range ? 0 : -1;
    f->high = 1;
    f->scale_d = f->scale_g = 1;
    f->d_rate = 1;
    gan_status status = gan_context_create(&f->context, &co);
    if (status == GAN_OK) status = open_data(f);
    if (status == GAN_OK) status = f->program->build(f);
    if (status == GAN_OK && f->discriminator == NULL && f->options.d_lr > 0)
        status = front_refuse(f, "--d-lr: there is no discriminator");
    return status;
}

static gan_status make_adam(gan_optimizer **out, const front *f, gan_layer *layer) {
    gan_adam_options adam;
    front_adam_options(f, layer, &adam);
    return *out != NULL || layer == NULL ? GAN_OK : gan_adam_create(out, layer, &adam);
}

gan_status front_make_model(const front *f, gan_layer *generator, gan_model **out) {
    int32_t kinds[FRONT_MOST_INPUTS];
    gan_model_options mo;
    gan_model_options_init(&mo);
    mo.low = f->low;
    mo.high = f->high;
    mo.inputs = kinds;
    mo.input_count = gan_layer_input_count(generator);
    for (int32_t i = 0; i < mo.input_count && i < FRONT_MOST_INPUTS; i++) {
        kinds[i] = gan_layer_input_limit(generator, i) > 0 ? GAN_INPUT_CLASS : f->preset->prior;
        if (f->uniform != NULL && strcmp(gan_layer_input_name(generator, i), f->uniform) == 0)
            kinds[i] = GAN_INPUT_UNIFORM;
    }
    return gan_model_create(out, generator, &mo);
}

static gan_status make_model(front *f) {
    gan_status status = GAN_OK;
    if (f->options.ema > 0) status = gan_ema_create(&f->ema, f->generator, f->options.ema);
    if (status != GAN_OK) return status;
    return front_make_model(f, f->ema != NULL ? gan_ema_layer(f->ema) : f->generator, &f->model);
}

static void end(front *f) {
    if (f->program->release != NULL) f->program->release(f);
    front_end_measure(f);
    gan_run_release(f->run);
    gan_model_release(f->model);
    gan_model_release(f->judge);
    gan_ema_release(f->ema);
    gan_loss_release(f->loss);
    gan_optimizer_release(f->generator_optimizer);
    gan_optimizer_release(f->discriminator_optimizer);
    gan_layer_release(f->untrained);
    gan_layer_release(f->generator);
    gan_layer_release(f->discriminator);
    gan_loader_release(f->loader);
    gan_dataset_release(f->held_out);
    gan_dataset_release(f->dataset);
    gan_context_release(f->context);
}

/* ---- the run ---- */

/* A phase of the run is one of the program's: user points at its place in the table. */
typedef struct phase_call {
    front *f;
    front_phase *run;
    int last; /* of the step */
} phase_call;

/* Before the first step the library has refused a folder that holds another run, and nothing in it may be changed. */
static void settle_in(front *f) {
    if (f->settled) return;
    f->settled = 1;
    front_write_options(f);
    char path[FRONT_PATH_SIZE];
    if (f->options.resume == NULL) remove(front_path(f, "quality.txt", path));
}

static gan_status call_phase(void *user, gan_run *run, gan_tape *tape) {
    const phase_call *call = user;
    front *f = call->f;
    settle_in(f);
    gan_status status = call->run(f, tape);
    int64_t every = f->options.judge_interval;
    if (status != GAN_OK || !call->last || every == 0 || (gan_run_step(run) + 1) % every != 0) return status;
    return (f->program->measure != NULL ? f->program->measure : front_measure)(f);
}

static gan_status make_run(front *f, phase_call *calls) {
    const front_options *o = &f->options;
    gan_run_options ro;
    gan_run_options_init(&ro);
    ro.folder = o->out;
    ro.steps = front_steps(f);
    ro.sample_interval = o->sample_interval;
    ro.checkpoint_interval = o->checkpoint_interval;
    ro.log_interval = o->log_interval;
    ro.sheet_zoom = o->size <= 32 ? 2 : 1;
    ro.seconds = o->seconds;
    ro.overwrite = o->overwrite;
    if (o->health == GAN_HEALTH_ROLL_BACK) ro.on_divergence = GAN_DIVERGENCE_ROLL_BACK;
    int64_t classes = 0;
    for (int32_t i = 0; i < gan_layer_input_count(f->generator); i++)
        if (gan_layer_input_limit(f->generator, i) > 1) classes = gan_layer_input_limit(f->generator, i);
    if (classes > 1 && classes <= 32) {
        ro.sheet_columns = 10; /* one class a row */
        ro.sheet_count = 10 * classes;
    }
    gan_status status = gan_run_create(&f->run, f->context, &ro);
    if (status == GAN_OK) status = gan_run_set_loader(f->run, f->loader);
    if (status == GAN_OK) status = gan_run_set_progress(f->run, on_progress, f);
    gan_monitor_options watch;
    gan_monitor_options_init(&watch);
    watch.policy = o->health; /* in the order of GAN_HEALTH_... */
    if (f->watched != NULL) watch.discriminator_loss = f->watched[0] != '\0' ? f->watched : NULL;
    watch.spectrum = f->least_spectrum;
    watch.interval = FRONT_LOOK;
    if (status == GAN_OK) status = gan_run_set_monitor(f->run, &watch);
    const char *one = f->program->network;
    if (status == GAN_OK) status = gan_run_add_layer(f->run, one != NULL ? one : "generator", f->generator);
    if (status == GAN_OK && f->discriminator != NULL)
        status = gan_run_add_layer(f->run, "discriminator", f->discriminator);
    if (status == GAN_OK)
        status =
            gan_run_add_optimizer(f->run, one != NULL ? "optimizer" : "generator_optimizer", f->generator_optimizer);
    if (status == GAN_OK && f->discriminator_optimizer != NULL)
        status = gan_run_add_optimizer(f->run, "discriminator_optimizer", f->discriminator_optimizer);
    if (status == GAN_OK && f->ema != NULL) status = gan_run_add_ema(f->run, "generator_ema", f->ema);
    for (int i = 0; i < 4 && f->others[i].layer != NULL && status == GAN_OK; i++)
        status = gan_run_add_layer(f->run, f->others[i].title, f->others[i].layer);
    if (status == GAN_OK && f->program->add != NULL) status = f->program->add(f);
    for (int i = 0; i < 4 && f->program->phases[i].name != NULL && status == GAN_OK; i++) {
        calls[i] = (phase_call){f, f->program->phases[i].run, i == 3 || f->program->phases[i + 1].name == NULL};
        status = gan_run_add_phase(f->run, f->program->phases[i].name, call_phase, &calls[i]);
    }
    if (status == GAN_OK) status = gan_run_set_model(f->run, f->model);
    return status;
}

static gan_status train(front *f) {
    const front_options *o = &f->options;
    gan_status status = o->resume == NULL ? GAN_OK : gan_run_resume(f->run, o->resume);
    if (status != GAN_OK) return status;
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_interrupt;
    action.sa_flags = (int)SA_RESETHAND; /* a second interrupt ends the program at once */
    sigaction(SIGINT, &action, NULL);
    printf("%lld items of ", (long long)gan_dataset_count(f->dataset));
    for (int32_t i = 0; i < f->image.rank; i++) printf("%s%lld", i > 0 ? "x" : "", (long long)f->image.size[i]);
    printf(" from %s; %ld thread%s (%s)\n",
           o->data != NULL                    ? o->data
           : f->preset->own_data == FRONT_OWN ? "the built-in set"
                                              : "the built-in digits",
           (long)gan_context_threads(f->context), gan_context_threads(f->context) == 1 ? "" : "s",
           gan_context_level(f->context));
    fflush(stdout);
    status = gan_run_train(f->run);
    if (status == GAN_OK) settle_in(f); /* there may have been no step to do */
    return status;
}

static void print_layer(const char *title, const gan_layer *layer) {
    char table[16384];
    if (layer == NULL) return;
    gan_layer_summary(layer, table, sizeof table);
    printf("%s\n%s\n", title, table);
}

static int finish(front *f, gan_status status) {
    const front_options *o = &f->options;
    if (status == GAN_OK) {
        if (f->program->network == NULL && f->image.rank == 3) {
            printf("Pictures: ");
            if (o->sample_interval > 0) printf("%s/fakes-*.png (samples), %s/reals.png (data), ", o->out, o->out);
            printf("%s/interpolation.png, %s/loss.png\n", o->out, o->out);
        }
        printf("Model:    %s/model.safetensors\n", o->out);
        return 0;
    }
    if (status == GAN_E_CANCELLED) {
        printf("\nStopped. To go on: repeat the command with --resume %s\n", o->out);
        return 130;
    }
    if (f->refused) return 1;
    fprintf(stderr, "%s: %s\n", f->called, gan_context_explain(f->context, status));
    if (status == GAN_E_NUMERIC && f->settled && o->health != GAN_HEALTH_ROLL_BACK)
        fprintf(stderr,
                "To go back to a checkpoint with lower learning rates where that happens: --health roll-back\n");
    if (status == GAN_E_STATE && !f->settled) /* the library names no flags */
        fprintf(stderr,
                "To go on with it: --resume %s. To begin anew there: --overwrite. To keep it: another folder, --out.\n",
                o->out);
    return 1;
}

static int run(front *f) {
    phase_call calls[4];
    gan_status status = begin(f);
    if (status == GAN_OK) status = make_adam(&f->generator_optimizer, f, f->generator);
    if (status == GAN_OK) status = make_adam(&f->discriminator_optimizer, f, f->discriminator);
    if (status == GAN_OK) status = make_model(f);
    if (status == GAN_OK) {
        print_layer(f->program->network != NULL ? f->program->network : "generator", f->generator);
        print_layer("discriminator", f->discriminator);
        for (int i = 0; i < 4; i++) print_layer(f->others[i].title, f->others[i].layer);
        if (f->options.describe) return 0;
        status = front_open_judge(f);
        if (status == GAN_OK) status = gan_layer_clone(&f->untrained, f->generator);
        if (status == GAN_OK) status = make_run(f, calls);
    }
    if (status == GAN_OK) status = train(f);
    if (status == GAN_OK) status = front_draw_quality(f);
    if (status == GAN_OK && f->program->network == NULL && f->image.rank == 3) status = front_draw_walk(f);
    if (status == GAN_OK) status = (f->program->judge != NULL ? f->program->judge : front_judge)(f);
    return finish(f, status);
}

int front_main(const front_program *program, int argc, char **argv) {
    char out[128];
    snprintf(out, sizeof out, "runs/%s", program->name);
    front f = {.program = program,
               .called = front_called(argc > 0 ? argv[0] : NULL, program->name),
               .options = {.out = out,
                           .steps = -1,
                           .sample_interval = 100,
                           .checkpoint_interval = 500,
                           .log_interval = 10,
                           .threads = -1,
                           .judge_count = 10000}};
    int done = front_parse(&f, argc, argv);
    if (done >= 0) return done;
    done = run(&f);
    end(&f);
    return done;
}
