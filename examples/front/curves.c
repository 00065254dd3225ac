/* Curves of a run: what was logged, drawn. */
#include "front/front.h"

#include <math.h>
#include <stdlib.h>

gan_status front_chart(const front *f, const char *file, const char *title, const char *x_label,
                       const gan_curve *curves, int32_t count) {
    char path[FRONT_PATH_SIZE];
    gan_chart_options options;
    gan_chart_options_init(&options);
    options.title = title;
    options.x_label = x_label;
    return gan_chart_write(f->context, curves, count, front_path(f, file, path), &options);
}

gan_status front_draw_quality(const front *f) {
    /* a program reports one of those that are drawn into the same file */
    static const struct {
        const char *metric, *file, *title;
    } charts[] = {
        {"frechet", "quality.png", "Frechet distance of samples to data"},
        {"high_quality", "quality.png", "Share of samples of high quality"},
        {"accuracy", "quality.png", "Share of items that are told right"},
        {"error", "quality.png", "Share of items that are told wrong"},
        {"modes", "modes.png", "Modes that samples cover"},
        {"diversity", "diversity.png", "Mean distance of samples to each other, divided by that of data"},
        {"gradient_norm", "gradient-norm.png", "Largest norm of a network's gradient"},
    };
    gan_status status = GAN_OK;
    for (size_t i = 0; i < sizeof charts / sizeof charts[0] && status == GAN_OK; i++) {
        gan_curve curve;
        if (gan_run_curve(f->run, charts[i].metric, &curve) == GAN_OK && curve.count > 1)
            status = front_chart(f, charts[i].file, charts[i].title, "step", &curve, 1);
    }
    return status;
}

/* How many are smaller, ties by half. */
static double rank_of(const double *values, int64_t count, int64_t which) {
    double rank = 0;
    for (int64_t i = 0; i < count; i++)
        rank += values[i] < values[which] ? 1 : values[i] == values[which] && i != which ? 0.5 : 0;
    return rank;
}

double front_rank_correlation(const double *a, const double *b, int64_t count) {
    double middle = 0.5 * (double)(count - 1), aa = 0, bb = 0, ab = 0;
    for (int64_t i = 0; i < count; i++) {
        double x = rank_of(a, count, i) - middle, y = rank_of(b, count, i) - middle;
        aa += x * x;
        bb += y * y;
        ab += x * y;
    }
    return ab / sqrt(aa * bb);
}

void front_mean_between(const gan_curve *curve, const double *x, int64_t count, double *means) {
    int64_t at = 0;
    for (int64_t i = 0; i < count; i++) {
        double sum = 0;
        int64_t some = 0;
        for (; at < curve->count && curve->x[at] <= x[i]; at++, some++) sum += curve->y[at];
        means[i] = some > 0 ? sum / (double)some : NAN;
    }
}

static void divide_by_largest(double *values, int64_t count) {
    double largest = 0;
    for (int64_t i = 0; i < count; i++) largest = fmax(largest, fabs(values[i]));
    for (int64_t i = 0; i < count && largest > 0; i++) values[i] /= largest;
}

static gan_status correlate(const front *f) {
    gan_curve often, seldom;
    if (f->options.judge_interval == 0 || gan_run_curve(f->run, "wasserstein", &often) != GAN_OK ||
        gan_run_curve(f->run, "frechet", &seldom) != GAN_OK || seldom.count < 4)
        return GAN_OK;
    int64_t count = seldom.count;
    double *means = malloc((size_t)(2 * count) * sizeof *means), *values = means + count;
    if (means == NULL) return GAN_E_MEMORY;
    front_mean_between(&often, seldom.x, count, means);
    for (int64_t i = 0; i < count; i++) values[i] = seldom.y[i];
    front_say(f, "rank correlation of wasserstein with frechet: %.4f, at %lld steps",
              front_rank_correlation(means, values, count), (long long)count);
    divide_by_largest(means, count);
    divide_by_largest(values, count);
    const gan_curve both[] = {{"wasserstein", seldom.x, means, count}, {"frechet", seldom.x, values, count}};
    gan_status status = front_chart(f, "wasserstein.png", "Each divided by its largest value", "step", both, 2);
    free(means);
    return status;
}

gan_status front_judge_critic(front *f) {
    gan_status status = front_judge(f);
    return status == GAN_OK ? correlate(f) : status;
}
