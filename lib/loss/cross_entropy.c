/* Cross-entropy of a softmax with labels. */
#include "loss/loss.h"

gan_cross_entropy_options gani_cross_entropy_defaults(void) {
    return (gan_cross_entropy_options){.struct_size = sizeof(gan_cross_entropy_options), .ignore_index = -100};
}

/* 1 if the labels' shape is that of the logits without its axis 1. */
static int fits(gan_tape *tape, const gan_tensor *logits, const gan_tensor *labels) {
    char a[GANI_SHAPE_TEXT], b[GANI_SHAPE_TEXT];
    int good = logits->shape.rank >= 2 && labels->shape.rank == logits->shape.rank - 1;
    for (int32_t i = 0; good && i < labels->shape.rank; i++)
        good = labels->shape.size[i] == logits->shape.size[i == 0 ? 0 : i + 1];
    if (!good)
        gani_tape_fail(tape, GAN_E_SHAPE,
                       "cross_entropy: labels of shape %s do not fit logits of shape %s, which have the classes along "
                       "axis 1",
                       gani_shape_text(labels->shape, b), gani_shape_text(logits->shape, a));
    return good;
}

/* What the labels say, of the logits' rank with one class: which class to look at, and how much it counts (1, or 0 for
 * those that are ignored; NULL if none is). Gives how many count. */
static int64_t read_labels(gan_tape *tape, const gan_tensor *logits, gan_tensor *labels,
                           const gan_cross_entropy_options *o, gan_tensor **index, gan_tensor **share) {
    gan_shape shape = logits->shape;
    int64_t classes = shape.size[1], counted = 0;
    shape.size[1] = 1;
    gan_tensor *list = gani_contiguous(tape, labels);
    *index = gani_result(tape, GAN_I32, shape);
    *share = o->ignore ? gani_full(tape, logits->dtype, shape, 1) : NULL;
    if (gani_failed(tape)) return 0;
    const int32_t *from = list->data;
    int32_t *to = (*index)->data;
    for (int64_t i = 0; i < gani_count(list); i++) {
        int32_t label = from[i];
        if (o->ignore && label == o->ignore_index) {
            to[i] = 0;
            gani_put_value(*share, i, 0);
            continue;
        }
        if (label < 0 || label >= classes) {
            gani_tape_fail(tape, GAN_E_ARGUMENT, "cross_entropy: label %lld is %ld, which is not in 0 to %lld",
                           (long long)i, (long)label, (long long)classes - 1);
            return 0;
        }
        to[i] = label;
        counted++;
    }
    if (counted == 0)
        gani_tape_fail(tape, GAN_E_SHAPE, "cross_entropy: there is no label to take the mean of%s",
                       gani_count(list) > 0 ? "; all are ignored" : "");
    return counted;
}

/* The sum of values, each as often as it counts. */
static gan_tensor *counted_sum(gan_tape *tape, gan_tensor *values, gan_tensor *share) {
    return gani_sum(tape, share == NULL ? values : gani_mul(tape, values, share));
}

gan_tensor *gani_cross_entropy(gan_tape *tape, gan_tensor *logits, gan_tensor *labels,
                               const gan_cross_entropy_options *options) {
    if (!gani_op_ready(tape, "cross_entropy", &logits, 1) || !gani_index_ready(tape, "cross_entropy", labels, 2) ||
        !fits(tape, logits, labels))
        return &tape->inert;
    gan_tensor *index, *share;
    int64_t counted = read_labels(tape, logits, labels, options, &index, &share);
    if (gani_failed(tape)) return &tape->inert;
    double e = options->label_smoothing, of_label = -(1 - e) / (double)counted,
           of_all = -e / ((double)counted * (double)logits->shape.size[1]);
    gan_tensor *log_p = gani_log_softmax(tape, logits, 1), *term = NULL;
    if (e < 1) term = gani_affine(tape, counted_sum(tape, gani_gather(tape, log_p, 1, index), share), of_label, 0);
    if (e == 0) return term;
    gan_tensor *all = gani_affine(tape, counted_sum(tape, gani_sum_axes(tape, log_p, 1u << 1, 1), share), of_all, 0);
    return term == NULL ? all : gani_add(tape, term, all);
}
