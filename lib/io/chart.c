#include "io/chart.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/canvas.h"
#include "io/chart_scale.h"
#include "io/image_file.h"

/* Okabe and Ito's colours, which people of all kinds of colour vision tell apart; black and yellow replaced for
 * lines on white. */
static const uint32_t palette[GANI_CHART_CURVES] = {0x0072b2, 0xd55e00, 0x009e73, 0xcc79a7,
                                                    0xe69f00, 0x56b4e9, 0x882255, 0x555555};
#define PAPER 0xffffffu
#define GRID 0xe6e9edu
#define AXIS 0xa9b1bbu
#define TEXT 0x59626eu
#define TITLE 0x1f252du
#define PALE 0.28 /* opacity of the raw curve under its average */

typedef struct chart {
    gani_canvas canvas;
    const gan_curve *curves;
    int32_t count;
    const gan_chart_options *options;
    double unit;         /* 1 at 960 x 540: everything grows with the picture */
    double small, large; /* heights of capitals */
    gani_area plot;
    double legend_y;
    int32_t legend_rows;
    gani_scale x, y;
} chart;

/* ---- scales ---- */

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static gan_status choose_range(const chart *c, double *x_low, double *x_high, double *y_low, double *y_high) {
    size_t total = 0, used = 0;
    *x_low = INFINITY;
    *x_high = -INFINITY;
    for (int32_t i = 0; i < c->count; i++)
        if (!gani_add_size(total, (size_t)c->curves[i].count, &total)) total = SIZE_MAX; /* no memory then */
    double *values = gani_calloc(c->canvas.context, total, sizeof *values);
    if (values == NULL) return gani_no_memory(c->canvas.context, "gan_chart_write");
    for (int32_t i = 0; i < c->count; i++) {
        const gan_curve *curve = &c->curves[i];
        for (int64_t k = 0; k < curve->count; k++)
            if (isfinite(curve->y[k])) values[used++] = curve->y[k];
        if (curve->count == 0) continue;
        *x_low = fmin(*x_low, curve->x[0]);
        *x_high = fmax(*x_high, curve->x[curve->count - 1]);
    }
    if (!(*x_low <= *x_high)) { /* no points at all */
        *x_low = 0;
        *x_high = 1;
    }
    if (used > 1) qsort(values, used, sizeof *values, compare);
    gani_scale_range(values, (int64_t)used, y_low, y_high);
    gani_free(c->canvas.context, values);
    return GAN_OK;
}

static double place_x(const chart *c, double x) {
    return (double)c->plot.left + (x - c->x.low) / (c->x.high - c->x.low) * (double)(c->plot.right - c->plot.left);
}

static double place_y(const chart *c, double y) {
    return (double)c->plot.bottom - (y - c->y.low) / (c->y.high - c->y.low) * (double)(c->plot.bottom - c->plot.top);
}

/* ---- text ---- */

#define TEXT_MAX 160

/* As much of a text as fits, with dots for the rest. */
static void shorten(char *out, const char *text, double size, double room) {
    size_t length = strlen(text);
    if (length >= TEXT_MAX - 4) length = TEXT_MAX - 4;
    memcpy(out, text, length);
    out[length] = '\0';
    if (length == strlen(text) && gani_text_width(out, size) <= room) return;
    while (length > 0) {
        memcpy(out + length, "...", 4);
        if (gani_text_width(out, size) <= room) return;
        length--;
    }
    out[0] = '\0';
}

static void draw_small(chart *c, double x, double y, const char *text) {
    gani_text_draw(&c->canvas, x, y, c->small, 1.25 * c->unit, TEXT, text);
}

/* ---- legend ---- */

/* Lays the legend out in rows; draws it if asked. Returns the number of rows. */
static int32_t legend(chart *c, int draw) {
    double unit = c->unit, left = 26 * unit, room = (double)c->canvas.width - 2 * left, x = left, y = c->legend_y;
    int32_t rows = 0;
    for (int32_t i = 0; i < c->count; i++) {
        if (c->curves[i].name == NULL || c->curves[i].name[0] == '\0') continue;
        char name[TEXT_MAX];
        shorten(name, c->curves[i].name, c->small, room - 24 * unit);
        double width = 24 * unit + gani_text_width(name, c->small);
        if (rows == 0) rows = 1;
        if (x > left && x + width > left + room) {
            x = left;
            y += 20 * unit;
            rows++;
        }
        if (draw) {
            double middle = y - 0.5 * c->small;
            gani_segment line = {x + 2 * unit, middle, x + 14 * unit, middle};
            gani_canvas_stroke(&c->canvas, line, 2 * unit);
            gani_canvas_paint(&c->canvas, palette[i], 1);
            draw_small(c, x + 24 * unit, y, name);
        }
        x += width + 24 * unit;
    }
    return rows;
}

/* ---- frame ---- */

static double widest_label(const gani_scale *scale, double size) {
    double widest = 0;
    for (int64_t k = scale->first; k <= scale->last; k++) {
        char text[GANI_TICK_TEXT];
        gani_scale_label(scale, k, text);
        widest = fmax(widest, gani_text_width(text, size));
    }
    return widest;
}

static gan_status lay_out(chart *c) {
    double x_low = 0, x_high = 1, y_low = 0, y_high = 1, unit = c->unit;
    gan_status status = choose_range(c, &x_low, &x_high, &y_low, &y_high);
    if (status != GAN_OK) return status;
    double top = 26 * unit;
    if (c->options->title != NULL && c->options->title[0] != '\0') top += c->large + 18 * unit;
    c->legend_y = top + c->small - 2 * unit;
    c->legend_rows = legend(c, 0);
    top += c->legend_rows * 20 * unit + (c->legend_rows > 0 ? 6 * unit : 0);
    double bottom = (double)c->canvas.height - 22 * unit - c->small - 8 * unit;
    if (c->options->x_label != NULL && c->options->x_label[0] != '\0') bottom -= c->small + 12 * unit;
    /* a picture too low for its texts keeps a plot of some height, over which they run */
    top = fmin(top, 0.45 * (double)c->canvas.height);
    bottom = fmax(bottom, 0.65 * (double)c->canvas.height);
    int32_t y_ticks = (int32_t)((bottom - top) / (52 * unit));
    gani_scale_set(&c->y, y_low, y_high, 0.05, y_ticks < 2 ? 2 : y_ticks);
    double left = fmin(26 * unit + widest_label(&c->y, c->small) + 10 * unit, 0.4 * (double)c->canvas.width);
    double right = (double)c->canvas.width - 30 * unit;
    int32_t x_ticks = (int32_t)((right - left) / (95 * unit));
    gani_scale_set(&c->x, x_low, x_high, 0, x_ticks < 2 ? 2 : x_ticks);
    c->plot = (gani_area){(int64_t)(left + 0.5), (int64_t)(top + 0.5), (int64_t)(right + 0.5), (int64_t)(bottom + 0.5)};
    return GAN_OK;
}

static void draw_frame(chart *c) {
    double unit = c->unit;
    int64_t thick = unit < 1.5 ? 1 : (int64_t)(unit + 0.5);
    char text[TEXT_MAX];
    for (int64_t k = c->x.first; k <= c->x.last; k++) {
        int64_t x = (int64_t)floor(place_x(c, (double)k * c->x.step));
        gani_canvas_fill(&c->canvas, (gani_area){x, c->plot.top, x + thick, c->plot.bottom}, GRID);
    }
    for (int64_t k = c->y.first; k <= c->y.last; k++) {
        int64_t y = (int64_t)floor(place_y(c, (double)k * c->y.step));
        gani_canvas_fill(&c->canvas, (gani_area){c->plot.left, y, c->plot.right, y + thick}, k == 0 ? AXIS : GRID);
        gani_scale_label(&c->y, k, text);
        draw_small(c, (double)c->plot.left - 10 * unit - gani_text_width(text, c->small),
                   (double)y + 0.5 * (double)thick + 0.5 * c->small, text);
    }
    for (int64_t k = c->x.first; k <= c->x.last; k++) {
        double at = place_x(c, (double)k * c->x.step);
        int64_t x = (int64_t)floor(at);
        gani_canvas_fill(&c->canvas, (gani_area){x, c->plot.bottom, x + thick, c->plot.bottom + (int64_t)(5 * unit)},
                         AXIS);
        gani_scale_label(&c->x, k, text);
        double width = gani_text_width(text, c->small),
               start = fmin(at - 0.5 * width, (double)c->canvas.width - width - 4 * unit);
        draw_small(c, start, (double)c->plot.bottom + 10 * unit + c->small, text);
    }
    gani_canvas_fill(&c->canvas, (gani_area){c->plot.left, c->plot.bottom, c->plot.right, c->plot.bottom + thick},
                     AXIS);
    double room = (double)c->canvas.width - 52 * unit;
    if (c->options->title != NULL) {
        shorten(text, c->options->title, c->large, room);
        gani_text_draw(&c->canvas, 26 * unit, 26 * unit + c->large, c->large, 1.9 * unit, TITLE, text);
    }
    if (c->options->x_label != NULL) {
        shorten(text, c->options->x_label, c->small, room);
        double middle = 0.5 * (double)(c->plot.left + c->plot.right);
        draw_small(c, middle - 0.5 * gani_text_width(text, c->small), (double)c->canvas.height - 20 * unit, text);
    }
    legend(c, 1);
}

/* ---- curves ---- */

/* A line under construction. Points that fall into one column of pixels are joined to their extremes, so that a
 * million points cost no more than the picture is wide. */
typedef struct line {
    chart *chart;
    double radius;
    int32_t points; /* of the present piece: 0, 1, or 2 for more */
    double x, y;    /* the pen */
    int64_t column;
    double low, high;
} line;

static void finish_column(line *l) {
    if (l->points == 0 || !(l->low < l->high)) return;
    gani_canvas_stroke(&l->chart->canvas, (gani_segment){l->x, l->low, l->x, l->high}, l->radius);
}

static void line_break(line *l) {
    finish_column(l);
    if (l->points == 1) /* a value alone between gaps would be missed: a dot */
        gani_canvas_stroke(&l->chart->canvas, (gani_segment){l->x, l->y, l->x, l->y},
                           fmax(l->radius, 2.2 * l->chart->unit));
    l->points = 0;
}

static void line_to(line *l, double x, double y) {
    int64_t column = (int64_t)floor(x * 2);
    if (l->points > 0 && column == l->column) {
        l->low = fmin(l->low, y);
        l->high = fmax(l->high, y);
    } else {
        finish_column(l);
        if (l->points > 0) gani_canvas_stroke(&l->chart->canvas, (gani_segment){l->x, l->y, x, y}, l->radius);
        l->low = l->high = y;
        l->column = column;
    }
    l->points = l->points == 0 ? 1 : 2;
    l->x = x;
    l->y = y;
}

/* Draws a curve, averaged with weight `past`, and a dot at its end if it is not pale. */
static void draw_curve(chart *c, int32_t number, double past, double radius, double opacity) {
    const gan_curve *curve = &c->curves[number];
    line l = {c, radius, 0, 0, 0, 0, 0, 0};
    double sum = 0, weight = 0, end_x = NAN, end_y = NAN;
    for (int64_t k = 0; k < curve->count; k++) {
        if (!isfinite(curve->y[k])) {
            line_break(&l);
            continue;
        }
        sum = past * sum + (1 - past) * curve->y[k];
        weight = past * weight + (1 - past); /* the average's start would lean to 0 */
        end_x = fmin(fmax(place_x(c, curve->x[k]), -1e7), 1e7);
        end_y = fmin(fmax(place_y(c, sum / weight), -1e7), 1e7);
        line_to(&l, end_x, end_y);
    }
    line_break(&l);
    if (opacity >= 1 && isfinite(end_y))
        gani_canvas_stroke(&c->canvas, (gani_segment){end_x, end_y, end_x, end_y}, 2 * radius + 0.5 * c->unit);
    gani_canvas_paint(&c->canvas, palette[number], opacity);
}

static void draw_curves(chart *c) {
    double past = c->options->smoothing, unit = c->unit;
    int64_t edge = (int64_t)(3 * unit); /* half a line's width may show beyond the plot, a stray value may not */
    c->canvas.clip =
        (gani_area){c->plot.left - edge, c->plot.top - edge, c->plot.right + 2 * edge, c->plot.bottom + edge};
    if (past > 0)
        for (int32_t i = 0; i < c->count; i++) draw_curve(c, i, 0, 0.6 * unit, PALE);
    for (int32_t i = 0; i < c->count; i++) draw_curve(c, i, past, (past > 0 ? 1.1 : 0.9) * unit, 1);
}

gan_status gani_chart_write(gan_context *context, const gan_curve *curves, int32_t count, const char *path,
                            const gan_chart_options *options) {
    chart c;
    memset(&c, 0, sizeof c);
    gan_status status = gani_canvas_begin(&c.canvas, context, options->width, options->height, PAPER);
    if (status != GAN_OK) return status;
    c.curves = curves;
    c.count = count;
    c.options = options;
    c.unit = fmax(0.7, fmin((double)options->width / 960, (double)options->height / 540));
    c.small = 8.4 * c.unit;
    c.large = 12.6 * c.unit;
    status = lay_out(&c);
    if (status == GAN_OK) {
        draw_frame(&c);
        draw_curves(&c);
        gani_image picture = {3, options->height, options->width, c.canvas.pixels};
        status = gani_png_write(context, path, &picture);
    }
    gani_canvas_end(&c.canvas);
    return status;
}
