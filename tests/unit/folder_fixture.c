#include "folder_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

char folder[FILES_PATH], other[FILES_PATH];

int open_folders(void **state) {
    (void)state;
    files_folder(folder);
    files_folder(other);
    return 0;
}
int close_folders(void **state) {
    (void)state;
    files_remove(folder);
    files_remove(other);
    return 0;
}

void put_grey(const char *name, int width, int height, int value) {
    char path[FILES_PATH];
    unsigned char *rows = malloc((size_t)(width * height));
    memset(rows, value, (size_t)(width * height));
    files_write_png(files_join(path, folder, name),
                    &(files_png){.width = width, .height = height, .depth = 8, .colour = 0, .rows = rows});
    free(rows);
}

void assert_same(const char *name) {
    char a[FILES_PATH], b[FILES_PATH];
    size_t size_a, size_b;
    unsigned char *x = files_read(files_join(a, folder, name), &size_a),
                  *y = files_read(files_join(b, other, name), &size_b);
    if (size_a != size_b || memcmp(x, y, size_a) != 0) fail_msg("%s differs", name);
    free(x);
    free(y);
}
