/* Runs a target on every file of the folders it is given, once each: what libFuzzer's own main does, for compilers
 * without it. Fails if there is no file, or if one takes too long. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "fuzz.h"

#define SECONDS_MOST 20 /* also under a sanitizer or valgrind on a slow machine */

static int replay_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) return -1;
    size_t size = 0, room = 4096;
    uint8_t *data = malloc(room);
    while (data != NULL) {
        size += fread(data + size, 1, room - size, file);
        if (size < room) break;
        data = realloc(data, room *= 2);
    }
    fclose(file);
    if (data == NULL) return -1;
    /* exactly as large as it is, so that sanitizers see a byte too many */
    uint8_t *input = malloc(size > 0 ? size : 1);
    if (input == NULL) return -1;
    memcpy(input, data, size);
    free(data);
    clock_t start = clock();
    LLVMFuzzerTestOneInput(input, size);
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    free(input);
    if (seconds <= SECONDS_MOST) return 0;
    fprintf(stderr, "%s: took %.1f s\n", path, seconds);
    return -1;
}

static int replay(const char *path, int *count) {
    struct stat info;
    if (stat(path, &info) != 0) {
        perror(path);
        return -1;
    }
    if (!S_ISDIR(info.st_mode)) {
        ++*count;
        if (getenv("FUZZ_VERBOSE") != NULL) fprintf(stderr, "%s\n", path);
        return replay_file(path);
    }
    DIR *folder = opendir(path);
    if (folder == NULL) return -1;
    int result = 0;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (entry->d_name[0] == '.') continue;
        char name[4096];
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (replay(name, count) != 0) result = -1;
    }
    closedir(folder);
    return result;
}

int main(int argc, char **argv) {
    int count = 0, result = 0;
    for (int i = 1; i < argc; i++)
        if (replay(argv[i], &count) != 0) result = -1;
    printf("%d inputs\n", count);
    return result == 0 && count > 0 ? 0 : 1;
}
