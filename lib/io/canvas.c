#include "io/canvas.h"

#include <math.h>
#include <string.h>

gan_status gani_canvas_begin(gani_canvas *canvas, gan_context *context, int64_t width, int64_t height,
                             uint32_t colour) {
    memset(canvas, 0, sizeof *canvas);
    canvas->context = context;
    canvas->width = width;
    canvas->height = height;
    canvas->clip = (gani_area){0, 0, width, height};
    canvas->touched = (gani_area){width, height, 0, 0};
    canvas->pixels = gani_alloc(context, (size_t)(width * height * 3));
    canvas->coverage = gani_calloc(context, (size_t)(width * height), 1);
    if (canvas->pixels == NULL || canvas->coverage == NULL) {
        gani_canvas_end(canvas);
        return gani_no_memory(context, "drawing");
    }
    gani_canvas_fill(canvas, canvas->clip, colour);
    return GAN_OK;
}

void gani_canvas_end(gani_canvas *canvas) {
    gani_free(canvas->context, canvas->pixels);
    gani_free(canvas->context, canvas->coverage);
    canvas->pixels = canvas->coverage = NULL;
}

static int64_t clamp(double value, int64_t low, int64_t high) {
    return value <= (double)low ? low : value >= (double)high ? high : (int64_t)value;
}

void gani_canvas_fill(gani_canvas *canvas, gani_area area, uint32_t colour) {
    const gani_area *clip = &canvas->clip;
    int64_t left = area.left > clip->left ? area.left : clip->left,
            right = area.right < clip->right ? area.right : clip->right;
    int64_t top = area.top > clip->top ? area.top : clip->top,
            bottom = area.bottom < clip->bottom ? area.bottom : clip->bottom;
    for (int64_t y = top; y < bottom; y++) {
        uint8_t *pixel = canvas->pixels + (y * canvas->width + left) * 3;
        for (int64_t x = left; x < right; x++, pixel += 3) {
            pixel[0] = (uint8_t)(colour >> 16);
            pixel[1] = (uint8_t)(colour >> 8);
            pixel[2] = (uint8_t)colour;
        }
    }
}

/* Narrows [from, to], the part of start + t * step that lies in [low, high]. */
static void narrow(double start, double step, double low, double high, double *from, double *to) {
    if (step > 0 || step < 0) {
        double a = (low - start) / step, b = (high - start) / step;
        *from = fmax(*from, fmin(a, b));
        *to = fmin(*to, fmax(a, b));
    } else if (start < low || start > high) {
        *to = -1;
    }
}

/* One row of pixels: those that the segment comes near. */
static void stroke_row(gani_canvas *canvas, const gani_segment *s, int64_t y, double radius) {
    double dx = s->x1 - s->x0, dy = s->y1 - s->y0, length2 = dx * dx + dy * dy, reach = radius + 0.5;
    double inverse = length2 > 0 ? 1 / length2 : 0, py = (double)y + 0.5 - s->y0, from = 0, to = 1;
    narrow(-py, dy, -reach, reach, &from, &to);
    if (from > to) return;
    double a = s->x0 + from * dx, b = s->x0 + to * dx;
    int64_t left = clamp(floor(fmin(a, b) - reach), canvas->clip.left, canvas->clip.right);
    int64_t right = clamp(ceil(fmax(a, b) + reach), canvas->clip.left, canvas->clip.right);
    uint8_t *row = canvas->coverage + y * canvas->width;
    for (int64_t x = left; x < right; x++) {
        double px = (double)x + 0.5 - s->x0, t = (px * dx + py * dy) * inverse;
        t = t < 0 ? 0 : t > 1 ? 1 : t;
        double ex = px - t * dx, ey = py - t * dy, cover = reach - sqrt(ex * ex + ey * ey);
        uint8_t value = cover >= 1 ? 255 : cover > 0 ? (uint8_t)(255 * cover + 0.5) : 0;
        if (value > row[x]) row[x] = value;
    }
    if (left < canvas->touched.left) canvas->touched.left = left;
    if (right > canvas->touched.right) canvas->touched.right = right;
}

void gani_canvas_stroke(gani_canvas *canvas, gani_segment s, double radius) {
    /* cut off what lies far outside: it would cost precision */
    const gani_area *clip = &canvas->clip;
    double margin = radius + 4, from = 0, to = 1, dx = s.x1 - s.x0, dy = s.y1 - s.y0;
    narrow(s.x0, dx, (double)clip->left - margin, (double)clip->right + margin, &from, &to);
    narrow(s.y0, dy, (double)clip->top - margin, (double)clip->bottom + margin, &from, &to);
    if (!(from <= to)) return;
    gani_segment part = {s.x0 + from * dx, s.y0 + from * dy, s.x0 + to * dx, s.y0 + to * dy};
    int64_t top = clamp(floor(fmin(part.y0, part.y1) - radius - 0.5), clip->top, clip->bottom);
    int64_t bottom = clamp(ceil(fmax(part.y0, part.y1) + radius + 0.5), clip->top, clip->bottom);
    for (int64_t y = top; y < bottom; y++) stroke_row(canvas, &part, y, radius);
    if (top < canvas->touched.top) canvas->touched.top = top;
    if (bottom > canvas->touched.bottom) canvas->touched.bottom = bottom;
}

void gani_canvas_paint(gani_canvas *canvas, uint32_t colour, double opacity) {
    int32_t channel[3] = {(int32_t)(colour >> 16 & 255), (int32_t)(colour >> 8 & 255), (int32_t)(colour & 255)};
    int32_t weight = (int32_t)(opacity * 256 + 0.5);
    for (int64_t y = canvas->touched.top; y < canvas->touched.bottom; y++) {
        uint8_t *cover = canvas->coverage + y * canvas->width, *pixel = canvas->pixels + y * canvas->width * 3;
        for (int64_t x = canvas->touched.left; x < canvas->touched.right; x++) {
            if (cover[x] == 0) continue;
            int32_t alpha = cover[x] * weight; /* up to 255 * 256 */
            for (int c = 0; c < 3; c++) {
                int32_t old = pixel[x * 3 + c];
                pixel[x * 3 + c] = (uint8_t)((old * (65280 - alpha) + channel[c] * alpha + 32640) / 65280);
            }
            cover[x] = 0;
        }
    }
    canvas->touched = (gani_area){canvas->width, canvas->height, 0, 0};
}
