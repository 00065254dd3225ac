/* A stroke font of our own: plain sans-serif letters drawn with a pen, sharp at every size.
 *
 * A glyph is text. Two letters are a point: x from a = 0; y from a = 0, the top of capitals, by e, the top of small
 * letters, and o = 14, the base line, to s, the depth of a descender. A capital for x is a corner, a small letter a
 * point passed smoothly; a blank lifts the pen. */
#include <stddef.h>

#include "io/canvas.h"

#define FIRST 32
#define GLYPHS 95
#define GLYPH_TEXT 27
#define GLYPH_POINTS 12
#define CAPITAL 14.0 /* units from the base line to the top of a capital */
#define SPACING 3.7  /* units between the ink of two letters */
#define PARTS 6

/* from blank (32) to ~ (126) */
static const char glyphs[GLYPHS][GLYPH_TEXT] = {
    "",
    "aaak anao",
    "aaad dadd",
    "dabo hafo afif ajij",
    "icebadehilenam eaeo",
    "caadcgedca jabo iiglioklii",
    "iobedafdakdogmii",
    "aaad",
    "daahdo",
    "aadhao",
    "dadi acgg gcag",
    "eeem aiii",
    "bnaq",
    "ajfj",
    "anao",
    "gaao",
    "eaaheoihea",
    "bcEaeo",
    "adeaieejAoio",
    "aceaidEhikeoam",
    "goGaAkik",
    "haBaAgefijeoam",
    "gacdajeoijefaj",
    "aaIado",
    "eabdehhdea ehakeoikeh",
    "cogkifeaaeeiif",
    "afag anao",
    "afag bnaq",
    "hdAihn",
    "agig akik",
    "adHian",
    "acdahddidk dndo",
    "jnfoahfakgjkhi fedhfkhhfe",
    "aoFako bjij",
    "aaao aaeahdEhah Ehikeoao",
    "jcfaahfojm",
    "aaao aadaihdoao",
    "iaAaAoio ahgh",
    "iaAaao ahgh",
    "jcfaahfojlJhfh",
    "aaao jaJo ahjh",
    "aaao",
    "fafkcoal",
    "aaao iaai dfio",
    "aaAoio",
    "aoAaFkKako",
    "aoAaJoja",
    "faahfokhfa",
    "aaao aaeaieeiai",
    "faahfokhfa glkp",
    "aaao aaeaieeiai eiio",
    "iceaadehileoam",
    "aaka fafo",
    "aaajeoijia",
    "aaFoka",
    "aaDoGdJoma",
    "aajo jaao",
    "aaFhka fhfo",
    "aaIaAoio",
    "daAaAodo",
    "aago",
    "aaDaDoao",
    "agDagg",
    "aqiq",
    "aacd",
    "eeajeoijee ieio",
    "aaao eeajeoijee",
    "hgeeajeohm",
    "iaio eeajeoijee",
    "ajIjeeajeohm",
    "facdco aeee",
    "eeajeoijee ieipesar",
    "aaao aieeiiio",
    "aeao aaab",
    "cecpas cacb",
    "aaao heak dhho",
    "aaao",
    "aeao aidefifo fiiekiko",
    "aeao aieeiiio",
    "eeajeoijee",
    "aeas eeajeoijee",
    "ieis eeajeoijee",
    "aeao aidefe",
    "hfdeagdjhmdoan",
    "cbcleogo aefe",
    "aeakeoik ieio",
    "aeEoie",
    "aeDoFgHoke",
    "aeho heao",
    "aeen iecs",
    "aeHeAoho",
    "eacccfAhcjcmeo",
    "aaaq",
    "aacccfEhcjcmao",
    "ajchgjih",
};

/* Characters outside ASCII show as '?'. */
static const char *glyph_of(char c) {
    int code = (unsigned char)c;
    return glyphs[(code < FIRST || code >= FIRST + GLYPHS ? '?' : code) - FIRST];
}

static int is_small(char c) { return c >= 'a' && c <= 'z'; }

/* Width of a character's ink in units; figures all get the same. */
static double ink_width(char c) {
    if (c == ' ') return 2.4;
    if (c >= '0' && c <= '9') return 8;
    int widest = 0;
    for (const char *p = glyph_of(c); *p != '\0'; p++) {
        if (*p == ' ') continue;
        int x = is_small(*p) ? *p - 'a' : *p - 'A';
        if (x > widest) widest = x;
        p++; /* y */
    }
    return widest;
}

double gani_text_width(const char *text, double size) {
    double units = 0;
    for (; *text != '\0'; text++) units += ink_width(*text) + (text[1] == '\0' ? 0 : SPACING);
    return units * size / CAPITAL;
}

static int32_t glyph_points(const char *glyph, double *x, double *y, uint8_t *kind) {
    int32_t count = 0;
    int lifted = 1;
    for (const char *p = glyph; *p != '\0'; p++) {
        if (*p == ' ') {
            lifted = 1;
            continue;
        }
        x[count] = is_small(*p) ? *p - 'a' : *p - 'A';
        kind[count] = lifted ? GANI_PEN_START : is_small(*p) ? GANI_PEN_SMOOTH : GANI_PEN_CORNER;
        y[count++] = *++p - 'a';
        lifted = 0;
    }
    return count;
}

void gani_text_draw(gani_canvas *canvas, double x, double y, double size, double weight, uint32_t colour,
                    const char *text) {
    double unit = size / CAPITAL, px[GLYPH_POINTS], py[GLYPH_POINTS];
    uint8_t kind[GLYPH_POINTS];
    gani_segment segments[GLYPH_POINTS * PARTS];
    for (; *text != '\0'; text++) {
        int32_t count = glyph_points(glyph_of(*text), px, py, kind);
        double shift = *text == '1' ? 1.5 : 0; /* the narrow figure stands in the middle of its place */
        for (int32_t i = 0; i < count; i++) {
            px[i] = x + (px[i] + shift) * unit;
            py[i] = y + (py[i] - CAPITAL) * unit;
        }
        int32_t made = gani_stroke_flatten(px, py, kind, count, PARTS, GANI_CURVE_TYPE, segments);
        for (int32_t i = 0; i < made; i++) gani_canvas_stroke(canvas, segments[i], 0.5 * weight);
        x += (ink_width(*text) + SPACING) * unit;
    }
    gani_canvas_paint(canvas, colour, 1);
}
