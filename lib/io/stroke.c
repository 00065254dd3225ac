#include "io/stroke.h"

/* The same picture from the same numbers: a fused multiply-add would round differently. (gcc does not fuse in ISO
 * mode.) */
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

/* Tangent of one coordinate at a point between `before` and `after`. In type, quarter circles span two extremes: 0.8
 * makes them round. */
static double tangent(double before, double here, double after, int32_t style) {
    if (style == GANI_CURVE_HAND) return 0.5 * (after - before);
    return (here - before) * (after - here) <= 0 ? 0 : 0.8 * (after - before);
}

/* Tangent where there is a neighbour on one side only: the curve with the least bend there. */
static double end_tangent(double step, double other) { return 1.5 * step - 0.5 * other; }

/* Tangents at both ends of the piece from point i to i + 1 of a stroke of `count` points. */
static void piece_tangents(const double *p, const uint8_t *kind, int32_t count, int32_t i, int closed, int32_t style,
                           double *first, double *second) {
    double step = p[i + 1] - p[i];
    int free_first = kind[i] == GANI_PEN_CORNER || (i == 0 && !closed);
    int free_second = kind[i + 1] == GANI_PEN_CORNER || (i + 2 == count && !closed);
    *first = *second = step;
    if (!free_first) *first = tangent(i == 0 ? p[count - 2] : p[i - 1], p[i], p[i + 1], style);
    if (!free_second) *second = tangent(p[i], p[i + 1], i + 2 == count ? p[1] : p[i + 2], style);
    if (free_first && !free_second) *first = end_tangent(step, *second);
    if (free_second && !free_first) *second = end_tangent(step, *first);
}

static double hermite(double p0, double m0, double p1, double m1, double t) {
    double u = 1 - t;
    return u * u * ((1 + 2 * t) * p0 + t * m0) + t * t * ((3 - 2 * t) * p1 - u * m1);
}

static int32_t flatten_one(const double *x, const double *y, const uint8_t *kind, int32_t count, int32_t parts,
                           int32_t style, gani_segment *segments) {
    if (count == 1) {
        segments[0] = (gani_segment){x[0], y[0], x[0], y[0]};
        return 1;
    }
    int closed = count > 3 && !(x[0] < x[count - 1]) && !(x[0] > x[count - 1]) && !(y[0] < y[count - 1]) &&
                 !(y[0] > y[count - 1]);
    int32_t made = 0;
    for (int32_t i = 0; i + 1 < count; i++) {
        double ax, bx, ay, by;
        piece_tangents(x, kind, count, i, closed, style, &ax, &bx);
        piece_tangents(y, kind, count, i, closed, style, &ay, &by);
        int straight =
            (kind[i] == GANI_PEN_CORNER || i == 0) && (kind[i + 1] == GANI_PEN_CORNER || i + 2 == count) && !closed;
        int32_t pieces = straight ? 1 : parts;
        double from_x = x[i], from_y = y[i];
        for (int32_t part = 1; part <= pieces; part++) {
            double t = (double)part / pieces;
            double to_x = part == pieces ? x[i + 1] : hermite(x[i], ax, x[i + 1], bx, t);
            double to_y = part == pieces ? y[i + 1] : hermite(y[i], ay, y[i + 1], by, t);
            segments[made++] = (gani_segment){from_x, from_y, to_x, to_y};
            from_x = to_x;
            from_y = to_y;
        }
    }
    return made;
}

int32_t gani_stroke_flatten(const double *x, const double *y, const uint8_t *kind, int32_t count, int32_t parts,
                            int32_t style, gani_segment *segments) {
    int32_t made = 0;
    for (int32_t begin = 0, end; begin < count; begin = end) {
        for (end = begin + 1; end < count && kind[end] != GANI_PEN_START; end++) continue;
        made += flatten_one(x + begin, y + begin, kind + begin, end - begin, parts, style, segments + made);
    }
    return made;
}
