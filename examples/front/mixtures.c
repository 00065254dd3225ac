#include "front/mixtures.h"

#include "front/scatter.h"

#include <math.h>
#include <stdlib.h>

#define ROOT_2 1.414 /* as the WGAN-GP authors' program has it; 2.828 for the grid */

static const mixture mixtures[] = {
    [MIXTURE_RING8] = {8, 2, 2, 2, 0.1, 3, GAN_MODES_FAIR_SHARE, 10000, 3},
    [MIXTURE_RING8_VEEGAN] = {8, 2, 2, 1, 0.01, 3, GAN_MODES_ANY, 2500, 1.5},
    [MIXTURE_RING8_WGAN_GP] = {8, 2, 2, 2 / ROOT_2, 0.02 / ROOT_2, 3, GAN_MODES_FAIR_SHARE, 10000, 2},
    [MIXTURE_GRID25] = {25, 2, 2, 2, 0.05, 3, GAN_MODES_FAIR_SHARE, 10000, 6},
    [MIXTURE_GRID25_VEEGAN] = {25, 2, 2, 2, 0.05, 3, GAN_MODES_ANY, 2500, 6},
    [MIXTURE_GRID25_WGAN_GP] = {25, 2, 2, 1 / ROOT_2, 0.025 / ROOT_2, 3, GAN_MODES_FAIR_SHARE, 10000, 2},
    [MIXTURE_HIGH1200] = {10, 1200, 700, 0, 1, 10, GAN_MODES_ANY, 2500, 0}};

const mixture *mixture_of(int32_t which) { return &mixtures[which]; }

double mixture_centre(int32_t which, int64_t component, int64_t axis) {
    static const double means[] = {-1, -0.5, 0, 0.5, -2, -2.5, 10, 0.25, -13, -5.5};
    const mixture *m = &mixtures[which];
    if (m->scale == 0) return means[component];
    if (m->components == 25) return m->scale * ((double)(axis == 0 ? component % 5 : component / 5) - 2);
    double angle = 2 * 3.14159265358979323846 * (double)component / 8;
    return m->scale * (axis == 0 ? cos(angle) : sin(angle));
}

gan_status mixture_open(front *f, gan_dataset **out, int32_t which, int64_t points) {
    const mixture *m = &mixtures[which];
    gan_tensor *data = NULL;
    int32_t *labels = malloc((size_t)points * sizeof *labels);
    gan_status status = labels == NULL ? GAN_E_MEMORY : GAN_OK;
    if (status == GAN_OK) status = gan_tensor_create(&data, f->context, f->dtype, gan_shape_2d(points, m->dimension));
    if (status == GAN_OK)
        status = gan_tensor_fill_normal(data, 0, m->deviation, f->options.seed, FRONT_STREAM_POINTS, 0);
    for (int64_t i = 0; i < points && status == GAN_OK; i++) {
        labels[i] = (int32_t)(i % m->components);
        for (int64_t k = 0; k < m->dimension; k++) {
            int64_t at = i * m->dimension + k;
            double noise = k < m->noisy ? gan_tensor_item(data, at) : 0;
            /* the order hangs on every bit of the data: in single precision these are the same with any C library */
            front_put(data, at, (float)(mixture_centre(which, labels[i], k) + noise));
        }
    }
    gan_memory_dataset description;
    gan_memory_dataset_init(&description);
    description.count = points;
    description.shape = gan_shape_1d(m->dimension);
    description.dtype = f->dtype;
    description.items = data == NULL ? NULL : gan_tensor_data(data);
    description.labels = labels;
    description.classes = (int32_t)m->components;
    if (status == GAN_OK) status = gan_memory_dataset_create(out, f->context, &description);
    gan_tensor_release(data);
    free(labels);
    return status;
}

/* ---- judging ---- */

gan_status mixture_check_count(front *f) {
    return f->options.judge_count != 0
               ? front_not_for(f, "judge-count",
                               "mixtures, of which each is judged by as many points as its rule says; 0: none")
               : GAN_OK;
}

gan_status mixture_draw(front *f, int32_t which, gan_tensor **inputs, gan_tensor **made) {
    gan_tensor *own[FRONT_MOST_INPUTS] = {NULL}, **drawn = inputs != NULL ? inputs : own;
    int32_t count = gan_layer_input_count(gan_model_layer(f->model));
    gan_status status = gan_model_draw(drawn, f->model, mixtures[which].judged, 1);
    if (status == GAN_OK) status = gan_model_generate_many(made, f->model, drawn, count);
    for (int32_t i = 0; i < count; i++) gan_tensor_release(own[i]);
    return status;
}

static gan_status make_centres(const front *f, int32_t which, gan_tensor **out) {
    const mixture *m = &mixtures[which];
    gan_status status = gan_tensor_create(out, f->context, GAN_F64, gan_shape_2d(m->components, m->dimension));
    for (int64_t i = 0; i < m->components * m->dimension && status == GAN_OK; i++)
        ((double *)gan_tensor_data(*out))[i] = mixture_centre(which, i / m->dimension, i % m->dimension);
    return status;
}

static gan_status count(const front *f, int32_t which, const gan_tensor *made, gan_modes *modes) {
    const mixture *m = &mixtures[which];
    gan_tensor *centres = NULL;
    gan_modes_options options;
    gan_modes_init(modes);
    gan_modes_options_init(&options);
    options.radius = m->radius;
    options.rule = m->rule;
    gan_status status = make_centres(f, which, &centres);
    if (status == GAN_OK) status = gan_count_modes(modes, NULL, made, centres, m->deviation, &options);
    gan_tensor_release(centres);
    return status;
}

gan_status mixture_measure(front *f, int32_t which) {
    gan_modes modes;
    gan_tensor *made = NULL;
    gan_status status = mixture_draw(f, which, NULL, &made);
    if (status == GAN_OK) status = count(f, which, made, &modes);
    gan_tensor_release(made);
    if (status == GAN_OK) status = gan_run_report_value(f->run, "modes", (double)modes.modes);
    return status == GAN_OK ? gan_run_report_value(f->run, "high_quality", modes.share) : status;
}

gan_status mixture_say(front *f, int32_t which, const gan_tensor *made) {
    gan_modes modes;
    gan_status status = count(f, which, made, &modes);
    if (status != GAN_OK) return status;
    front_say(f, "%lld of %lld modes; %.2f%% of high quality, KL to uniform %.4f (%lld points, seed 1)",
              (long long)modes.modes, (long long)modes.centres, 100 * modes.share, modes.divergence,
              (long long)modes.points);
    return mixtures[which].extent > 0 ? scatter_write(f, made, mixtures[which].extent) : GAN_OK;
}
