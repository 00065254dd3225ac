/* Captions: lines of a path, a tab, and one or more captions with tabs between them. */
#ifndef GANI_DATA_CAPTIONS_H
#define GANI_DATA_CAPTIONS_H

#include "base/context.h"

#define GANI_CAPTIONS_FILE ((size_t)1 << 28) /* bytes of a file */
#define GANI_CAPTIONS_LINE 65536             /* bytes of a line, its end not counted */
#define GANI_CAPTIONS_ITEMS ((int64_t)1 << 24)
#define GANI_CAPTIONS_EACH 1000 /* captions of one image */

typedef struct gani_caption_line {
    int64_t number;  /* in the file, from 1 */
    size_t path;     /* offset in `text` */
    size_t captions; /* offset of the first; the others follow, each behind the 0 that ends the one before */
    int64_t count;   /* of captions */
} gani_caption_line;

typedef struct gani_captions {
    gan_context *context;
    char *text; /* the file, with zeros for tabs and line ends */
    gani_caption_line *lines;
    int64_t count; /* of lines that are not blank */
} gani_captions;

/* Reads `size` bytes of UTF-8; `name` is for messages, which say the number of the line. Paths are relative and stay
 * below the folder they are relative to. Errors: GAN_E_FORMAT, GAN_E_LIMIT, GAN_E_MEMORY; *out is zeros then. */
gan_status gani_captions_parse(gani_captions *out, gan_context *context, const char *name, const char *text,
                               size_t size);
void gani_captions_end(gani_captions *captions); /* harmless on zeros */
/* Caption k of a line, 0 <= k < count. */
const char *gani_caption(const gani_captions *captions, int64_t line, int64_t k);

#endif
