#include "comma.h"

#include <locale.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"

static int is_comma(void) { return strcmp(localeconv()->decimal_point, ",") == 0; }

#if defined(__GLIBC__)
/* What localedef makes of `decimal_point ","`: a number for the category, the number of its strings, where they begin,
 * and the strings: decimal point, separator of thousands, grouping, the first two as wide characters, the encoding. */
static int make_one(void) {
    struct {
        uint32_t magic, count, offset[6];
        char narrow[4], grouping[4];
        uint32_t wide[2];
        char codeset[4];
    } file = {0x20031114u, 6, {32, 34, 36, 40, 44, 48}, ",", "\x7f", {',', 0}, "C"};
    char folder[FILES_PATH], locale[FILES_PATH], path[FILES_PATH];
    files_folder(folder);
    files_join(locale, folder, "comma");
    files_make_folder(locale);
    files_write(files_join(path, locale, "LC_NUMERIC"), &file, sizeof file);
    setenv("LOCPATH", folder, 1);
    int good = setlocale(LC_NUMERIC, "comma") != NULL && is_comma();
    files_remove(folder);
    return good;
}
#else
static int make_one(void) { return 0; }
#endif

int comma_begin(void) {
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8",  "fr_FR.UTF-8", "pt_BR.UTF-8",
                                        "ru_RU.UTF-8", "nl_NL.UTF-8", "de_DE",       "fr_FR"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (setlocale(LC_ALL, names[i]) != NULL && is_comma()) return 1;
    setlocale(LC_ALL, "C");
    return make_one();
}

void comma_end(void) { setlocale(LC_ALL, "C"); }
