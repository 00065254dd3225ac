#include "data/names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void gani_names_begin(gani_names *names, gan_context *context) { *names = (gani_names){context, NULL, 0, 0, 0}; }

void gani_names_end(gani_names *names) {
    for (size_t i = 0; i < names->count; i++) gani_free(names->context, names->items[i]);
    if (names->items != NULL) gani_free(names->context, names->items);
    gani_names_begin(names, names->context);
}

int gani_names_add(gani_names *names, const char *text, size_t length) {
    if (names->count == names->capacity) {
        size_t capacity = names->capacity == 0 ? 256 : 2 * names->capacity;
        char **items = gani_realloc(names->context, names->items, capacity * sizeof *items);
        if (items == NULL) return 0;
        names->items = items;
        names->capacity = capacity;
    }
    char *copy = gani_alloc(names->context, length + 1);
    if (copy == NULL) return 0;
    memcpy(copy, text, length);
    copy[length] = '\0';
    names->items[names->count++] = copy;
    return 1;
}

gan_status gani_names_copy(gani_names *names, const char *const *texts, int64_t count) {
    for (int64_t i = 0; texts != NULL && i < count; i++)
        if (!gani_names_add(names, texts[i], strlen(texts[i]))) return gani_no_memory(names->context, "class names");
    return GAN_OK;
}

static int add_entry(void *user, const char *name) {
    gani_names *names = user;
    if (name[0] == '.') return 0;
    names->no_memory = !gani_names_add(names, name, strlen(name));
    return names->no_memory;
}

static int compare_names(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Is an entry one of the files, or a subfolder? */
static gan_status look_at(gan_context *context, const char *path, const char *name, int (*wanted)(const char *name),
                          int *take) {
    *take = 0;
    if (wanted != NULL && !wanted(name)) return GAN_OK;
    char *joined = gani_path_join(context, path, name);
    if (joined == NULL) return GAN_E_MEMORY;
    gan_status status = GAN_OK;
    int is_folder = 0;
    long long size;
    if (context->io->stat(joined, &is_folder, &size) == 0)
        *take = is_folder == (wanted == NULL);
    else if (wanted != NULL)
        *take = 1;                              /* reading it will say why */
    else if (errno != ENOENT && errno != ELOOP) /* a dangling link is no class, but none may be lost to a bad disk */
        status = gani_fail(context, GAN_E_IO, "cannot look at '%s'", joined);
    gani_free(context, joined);
    return status;
}

gan_status gani_names_list(gani_names *names, gan_context *context, const char *path, int (*wanted)(const char *name)) {
    gani_names_begin(names, context);
    if (context->io->list(path, add_entry, names) != 0) {
        gani_names_end(names);
        return gani_fail(context, GAN_E_IO, "cannot list the folder '%s': is it there and readable?", path);
    }
    gan_status status = names->no_memory ? gani_no_memory(context, path) : GAN_OK;
    size_t kept = 0;
    for (size_t i = 0; i < names->count; i++) {
        int take = 0;
        if (status == GAN_OK) status = look_at(context, path, names->items[i], wanted, &take);
        if (take)
            names->items[kept++] = names->items[i];
        else
            gani_free(context, names->items[i]);
    }
    names->count = kept;
    if (status != GAN_OK)
        gani_names_end(names);
    else if (kept > 1)
        qsort(names->items, kept, sizeof *names->items, compare_names);
    return status;
}

int gani_name_ends(const char *name, const char *end) {
    size_t length = strlen(name), tail = strlen(end);
    if (length < tail) return 0;
    for (size_t i = 0; i < tail; i++) {
        char c = name[length - tail + i];
        if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != end[i]) return 0;
    }
    return 1;
}
