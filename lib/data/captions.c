#include "data/captions.h"

#include <string.h>

#include "base/text.h"

void gani_captions_end(gani_captions *captions) {
    if (captions->context == NULL) return;
    gani_free(captions->context, captions->text);
    gani_free(captions->context, captions->lines);
    *captions = (gani_captions){NULL, NULL, NULL, 0};
}

const char *gani_caption(const gani_captions *captions, int64_t line, int64_t k) {
    const char *at = captions->text + captions->lines[line].captions;
    for (; k > 0; k--) at += strlen(at) + 1;
    return at;
}

typedef struct parser {
    gan_context *context;
    const char *name;
    int64_t number; /* of the line */
} parser;

static gan_status wrong(const parser *p, const char *what) {
    return gani_fail(p->context, GAN_E_FORMAT, "'%s', line %lld: %s", p->name, (long long)p->number, what);
}

/* UTF-8 without control characters but tabs: a zero in it would cut it off, an escape would reach somebody's terminal.
 */
static gan_status check_text(const parser *p, const char *line, size_t size) {
    const unsigned char *at = (const unsigned char *)line;
    for (size_t i = 0; i < size;) {
        size_t length = gani_utf8_length(at + i, size - i);
        if (length == 0) return wrong(p, "it is not UTF-8");
        if (at[i] != '\t' && gani_control_character(at + i, size - i))
            return wrong(p, "there is a control character in it");
        i += length;
    }
    return GAN_OK;
}

/* "./a//b" and "a/b" are one path: takes out, in place, what means nothing, and returns the size that is left. */
static size_t plain_path(char *path, size_t size) {
    size_t kept = 0;
    for (size_t i = 0; i < size;) {
        const char *slash = memchr(path + i, '/', size - i);
        size_t end = slash == NULL ? size : (size_t)(slash - path), length = end - i;
        if (length > 0 && !(length == 1 && path[i] == '.')) {
            if (kept > 0) path[kept++] = '/';
            memmove(path + kept, path + i, length);
            kept += length;
        }
        i = end + 1;
    }
    return kept;
}

/* A captions file may come from anywhere: it must not reach files outside its own folder. */
static gan_status check_path(const parser *p, const char *path, size_t size) {
    if (size == 0) return wrong(p, "it begins with a tab; a path is missing");
    if (path[0] == '/') return wrong(p, "its path is absolute; paths are relative to the captions file");
    for (size_t i = 0; i < size;) {
        const char *slash = memchr(path + i, '/', size - i);
        size_t end = slash == NULL ? size : (size_t)(slash - path);
        if (end - i == 2 && path[i] == '.' && path[i + 1] == '.')
            return wrong(p, "its path leads out of the folder by '..'");
        i = end + 1;
    }
    return GAN_OK;
}

/* One line without its end, not blank. Ends its fields with zeros in `text`. */
static gan_status parse_line(const parser *p, char *text, size_t begin, size_t end, gani_caption_line *line) {
    if (end - begin > GANI_CAPTIONS_LINE)
        return gani_fail(p->context, GAN_E_LIMIT, "'%s', line %lld: it has more than %d bytes", p->name,
                         (long long)p->number, GANI_CAPTIONS_LINE);
    gan_status status = check_text(p, text + begin, end - begin);
    if (status != GAN_OK) return status;
    const char *tab = memchr(text + begin, '\t', end - begin);
    size_t at = tab == NULL ? end : (size_t)(tab - text);
    status = check_path(p, text + begin, at - begin);
    if (status != GAN_OK) return status;
    if (tab == NULL) return wrong(p, "there is no tab in it; a caption is missing");
    size_t kept = plain_path(text + begin, at - begin);
    if (kept == 0) return wrong(p, "its path names no file");
    text[begin + kept] = '\0';
    *line = (gani_caption_line){p->number, begin, at + 1, 0};
    while (at < end) { /* at a tab */
        text[at++] = '\0';
        const char *next = memchr(text + at, '\t', end - at);
        size_t stop = next == NULL ? end : (size_t)(next - text);
        if (stop == at) return wrong(p, "a caption is empty");
        if (++line->count > GANI_CAPTIONS_EACH)
            return gani_fail(p->context, GAN_E_LIMIT, "'%s', line %lld: it has more than %d captions", p->name,
                             (long long)p->number, GANI_CAPTIONS_EACH);
        at = stop;
    }
    text[end] = '\0';
    return GAN_OK;
}

static gan_status add_line(gani_captions *out, const parser *p, size_t *capacity, const gani_caption_line *line) {
    if (out->count == GANI_CAPTIONS_ITEMS)
        return gani_fail(p->context, GAN_E_LIMIT, "'%s', line %lld: there are more than %lld images", p->name,
                         (long long)p->number, (long long)GANI_CAPTIONS_ITEMS);
    if ((size_t)out->count == *capacity) {
        *capacity = *capacity == 0 ? 256 : 2 * *capacity;
        gani_caption_line *larger = gani_realloc(p->context, out->lines, *capacity * sizeof *larger);
        if (larger == NULL) return gani_no_memory(p->context, p->name);
        out->lines = larger;
    }
    out->lines[out->count++] = *line;
    return GAN_OK;
}

static gan_status parse(gani_captions *out, parser *p, size_t size) {
    size_t capacity = 0, begin = 0;
    if (size >= 3 && memcmp(out->text, "\xef\xbb\xbf", 3) == 0) begin = 3; /* some editors begin a file so */
    while (begin < size) {
        const char *feed = memchr(out->text + begin, '\n', size - begin);
        size_t next = feed == NULL ? size : (size_t)(feed - out->text), end = next;
        if (feed != NULL && end > begin && out->text[end - 1] == '\r') end--;
        p->number++;
        if (end > begin) {
            gani_caption_line line;
            gan_status status = parse_line(p, out->text, begin, end, &line);
            if (status == GAN_OK) status = add_line(out, p, &capacity, &line);
            if (status != GAN_OK) return status;
        }
        begin = next + 1;
    }
    if (out->count == 0) return gani_fail(p->context, GAN_E_FORMAT, "'%s' holds no captions", p->name);
    return GAN_OK;
}

gan_status gani_captions_parse(gani_captions *out, gan_context *context, const char *name, const char *text,
                               size_t size) {
    *out = (gani_captions){context, NULL, NULL, 0};
    parser p = {context, name, 0};
    if (size > GANI_CAPTIONS_FILE)
        return gani_fail(context, GAN_E_LIMIT, "'%s' has more than 2^28 bytes of captions", name);
    out->text = gani_alloc(context, size + 1);
    if (out->text == NULL) return gani_no_memory(context, name);
    memcpy(out->text, text, size);
    out->text[size] = '\0';
    gan_status status = parse(out, &p, size);
    if (status != GAN_OK) gani_captions_end(out);
    return status;
}
