/* gan_captions_open and the parser beneath it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <gan/data.h>

#include "base/context.h"
#include "data/captions.h"
#include "files.h"
#include "folder_fixture.h"
#include "host.h"
#include "io/image_file.h"

static char tsv[FILES_PATH];

static int set_up(void **state) {
    open_folders(state);
    files_join(tsv, folder, "captions.tsv");
    return 0;
}

static void put_images(void) {
    char path[FILES_PATH];
    files_make_folder(files_join(path, folder, "sub"));
    put_grey("a.png", 3, 2, 10);
    put_grey("sub/b.png", 3, 2, 20);
    put_grey("sub/with spaces \xe2\x82\xac.png", 3, 2, 30);
}

static void put_text(const char *text) { files_write(tsv, text, strlen(text)); }

static void check_item(gan_dataset *set, int64_t index, int value, const char *const *captions, int count) {
    uint8_t pixels[6];
    int32_t label = 4;
    assert_int_equal(gan_dataset_read(set, index, pixels, sizeof pixels, &label), GAN_OK);
    assert_int_equal(pixels[0], value);
    assert_int_equal(label, -1);
    assert_int_equal(gan_dataset_caption_count(set, index), count);
    for (int k = 0; k < count; k++) assert_string_equal(gan_dataset_caption(set, index, k), captions[k]);
    assert_null(gan_dataset_caption(set, index, count));
    assert_null(gan_dataset_caption(set, index, -1));
}

static void images_with_captions(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *context = host_context_with(1, GAN_LEVEL_REFERENCE, 1, &memory);
    put_images();
    gan_dataset *set;
    static const char *const first[] = {"a grey square"}, *const second[] = {"twenty", "zwanzig \xc3\xbc", " 20 "},
                             *const third[] = {"x"};
    put_text("\xef\xbb\xbfsub/b.png\ttwenty\tzwanzig \xc3\xbc\t 20 \r\n\r\n\na.png\ta grey square\n"
             "./sub//with spaces \xe2\x82\xac.png\tx\na.png\tx");
    assert_int_equal(gan_captions_open(&set, context, tsv, NULL), GAN_OK);
    assert_int_equal(gan_dataset_count(set), 4);
    assert_int_equal(gan_dataset_classes(set), 0);
    assert_null(gan_dataset_class_name(set, 0));
    assert_true(gan_shape_equal(gan_dataset_shape(set), gan_shape_3d(1, 2, 3)));
    check_item(set, 0, 20, second, 3);
    check_item(set, 1, 10, first, 1);
    check_item(set, 2, 30, third, 1);
    check_item(set, 3, 10, third, 1);
    assert_int_equal(gan_dataset_caption_count(set, 4), 0);
    assert_int_equal(gan_dataset_caption_count(set, -1), 0);
    assert_int_equal(gan_dataset_caption_count(NULL, 0), 0);
    assert_null(gan_dataset_caption(set, 4, 0));
    gan_dataset *part;
    assert_int_equal(gan_dataset_slice(&part, set, 1, 2), GAN_OK);
    check_item(part, 0, 10, first, 1);
    check_item(part, 1, 30, third, 1);
    assert_int_equal(gan_dataset_caption_count(part, 2), 0);
    gan_dataset_release(part);
    uint64_t seen[4] = {gan_dataset_fingerprint(set)};
    gan_dataset_release(set);
    /* found by its name */
    assert_int_equal(gan_dataset_open(&set, context, tsv, NULL), GAN_OK);
    assert_true(gan_dataset_fingerprint(set) == seen[0]);
    gan_dataset_release(set);
    /* captions are contents, and so is where one ends */
    static const char *const texts[3] = {"a.png\tx y\n", "a.png\tx\ty\n", "a.png\tx z\n"};
    for (int k = 0; k < 3; k++) {
        put_text(texts[k]);
        assert_int_equal(gan_captions_open(&set, context, tsv, NULL), GAN_OK);
        seen[k + 1] = gan_dataset_fingerprint(set);
        for (int i = 0; i <= k; i++) assert_true(seen[i] != seen[k + 1]);
        gan_dataset_release(set);
    }
    /* the loader says which captions belong to its images */
    put_text("a.png\tten\nsub/b.png\ttwenty\n");
    assert_int_equal(gan_captions_open(&set, context, tsv, NULL), GAN_OK);
    gan_loader_options options;
    gan_loader_options_init(&options);
    options.batch_size = 2;
    gan_loader *loader;
    assert_int_equal(gan_loader_create(&loader, set, &options), GAN_OK);
    for (int step = 0; step < 8; step++) {
        gan_tensor *images;
        assert_int_equal(gan_loader_next(loader, &images, NULL), GAN_OK);
        for (int64_t i = 0; i < 2; i++)
            assert_string_equal(gan_dataset_caption(set, gan_loader_index(loader, i), 0),
                                gan_tensor_item(images, i * 6) < -0.9 ? "ten" : "twenty");
    }
    gan_loader_release(loader);
    gan_dataset_release(set);
    gan_context_release(context);
    assert_int_equal(memory.blocks, 0);
}

/* An image is decoded once and kept once, however many lines name it. */
static void one_image_on_many_lines(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *context = host_context_with(1, GAN_LEVEL_REFERENCE, 1, &memory);
    put_images();
    long long calls[2], bytes[2];
    uint64_t fingerprint[2];
    for (int many = 0; many < 2; many++) {
        char text[4096] = "";
        for (int i = 0; i < (many ? 60 : 1); i++)
            strcat(text, i % 2 ? "./a.png\tx\nsub//././b.png\ty\n" : "a.png\tx\nsub/b.png\ty\n");
        put_text(text);
        gan_dataset *set;
        calls[many] = memory.calls;
        assert_int_equal(gan_captions_open(&set, context, tsv, NULL), GAN_OK);
        calls[many] = memory.calls - calls[many];
        bytes[many] = memory.bytes;
        fingerprint[many] = gan_dataset_fingerprint(set);
        static const char *const x[] = {"x"}, *const y[] = {"y"};
        assert_int_equal(gan_dataset_count(set), many ? 120 : 2);
        for (int64_t i = 0; i < gan_dataset_count(set); i++) check_item(set, i, i % 2 ? 20 : 10, i % 2 ? y : x, 1);
        gan_dataset_release(set);
    }
    assert_true(calls[1] < calls[0] + 20);
    assert_true(bytes[1] < bytes[0] + 120 * 64); /* of the lines alone */
    assert_true(fingerprint[0] != fingerprint[1]);
    gan_context_release(context);
}

/* The same pictures in another order, or one more often than the other, are another set. */
static void fingerprints_know_the_lines(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    put_images();
    static const char *const texts[] = {"a.png\tx\nsub/b.png\tx\na.png\tx\n", "a.png\tx\nsub/b.png\tx\nsub/b.png\tx\n",
                                        "sub/b.png\tx\na.png\tx\na.png\tx\n"};
    uint64_t seen[3];
    for (int i = 0; i < 3; i++) {
        gan_dataset *set;
        put_text(texts[i]);
        assert_int_equal(gan_captions_open(&set, context, tsv, NULL), GAN_OK);
        seen[i] = gan_dataset_fingerprint(set);
        gan_dataset_release(set);
        for (int k = 0; k < i; k++) assert_true(seen[i] != seen[k]);
    }
    gan_context_release(context);
}

/* Each file alone may have what it has; all together may not cost gigabytes. */
static void small_files_of_large_images(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    gani_image image = {1, 3000, 3000, calloc(3000, 3000)};
    char path[FILES_PATH], text[64] = "";
    for (char name = 'a'; name <= 'c'; name++) {
        char file[] = "x.png", line[] = "x.png\tx\n";
        file[0] = line[0] = name;
        assert_int_equal(gani_png_write(context, files_join(path, folder, file), &image), GAN_OK);
        strcat(text, line);
    }
    free(image.pixels);
    put_text(text);
    gan_folder_options options;
    gan_folder_options_init(&options);
    gan_dataset *set;
    assert_int_equal(gan_captions_open(&set, context, tsv, &options), GAN_OK);
    gan_dataset_release(set);
    options.channels = 3;
    assert_int_equal(gan_captions_open(&set, context, tsv, &options), GAN_E_LIMIT);
    assert_non_null(strstr(gan_context_error(context), "would take 77 MB: more than 64 MB, and than 1032 times"));
    assert_int_equal(gan_dataset_open(&set, context, folder, &options), GAN_E_LIMIT);
    options.size = 3000; /* whoever asks for it gets it */
    assert_int_equal(gan_dataset_open(&set, context, folder, &options), GAN_OK);
    gan_dataset_release(set);
    gan_context_release(context);
}

/* An archive of captions and pictures may hold links to other files of whoever unpacks it. */
static void links_out_of_the_folder(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    char there[FILES_PATH], here[FILES_PATH], secret[FILES_PATH];
    gan_dataset *set;
    put_images();
    files_folder(secret);
    put_text("sub/b.png\tx\nlink/b.png\tx\n");
    assert_int_equal(symlink(files_join(there, folder, "sub"), files_join(here, folder, "link")), 0);
    assert_int_equal(gan_captions_open(&set, context, tsv, NULL), GAN_E_FORMAT);
    assert_non_null(strstr(gan_context_error(context), "line 2: "));
    assert_non_null(strstr(gan_context_error(context), "symbolic link"));
    put_text("link.png\tx\n");
    assert_int_equal(symlink(files_join(there, folder, "a.png"), files_join(here, folder, "link.png")), 0);
    assert_int_equal(gan_captions_open(&set, context, tsv, NULL), GAN_E_FORMAT);
    put_text("./a.png\tx\n");
    assert_int_equal(symlink(folder, files_join(here, secret, "way")), 0); /* the folder itself may be behind one */
    assert_int_equal(gan_captions_open(&set, context, files_join(there, here, "captions.tsv"), NULL), GAN_OK);
    gan_dataset_release(set);
    files_remove(secret);
    gan_context_release(context);
}

typedef struct bad_text {
    const char *text;
    int line;
    const char *why;
} bad_text;

static void bad_texts(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *context = host_context_with(1, GAN_LEVEL_REFERENCE, 1, &memory);
    long long idle = memory.blocks;
    static const bad_text cases[] = {
        {"", 0, "no captions"},
        {"\xef\xbb\xbf\n\r\n", 0, "no captions"},
        {"a.png\tx\nb.png\n", 2, "no tab"},
        {"\n\n\r\nb.png", 4, "no tab"},
        {"a.png\t\n", 1, "empty"},
        {"a.png\tx\t\n", 1, "empty"},
        {"a.png\tx\t\ty\n", 1, "empty"},
        {"\tx\n", 1, "path is missing"},
        {"/etc/passwd\tx\n", 1, "absolute"},
        {"../a.png\tx\n", 1, "'..'"},
        {"x\tx\nsub/../../a.png\tx\n", 2, "'..'"},
        {"sub/..\tx\n", 1, "'..'"},
        {"a.png\t\xff\n", 1, "UTF-8"},
        {"a.png\t\xc3\n", 1, "UTF-8"},
        {"\xe2\x82.png\tx\n", 1, "UTF-8"},
        {"a.png\t\xc0\xaf\n", 1, "UTF-8"},         /* overlong */
        {"a.png\t\xed\xa0\x80\n", 1, "UTF-8"},     /* surrogate */
        {"a.png\t\xf4\x90\x80\x80\n", 1, "UTF-8"}, /* beyond U+10FFFF */
        {"a.png\tx\n\nb.png\tx\x1b[31m\n", 3, "control"},
        {"a.png\tx\x7f\n", 1, "control"},
        {"a.png\tx\ry\n", 1, "control"},
        {"a.png\tx\r\r\n", 1, "control"},
        {"a.png\tx\n\xef\xbb\xbf\n", 2, "no tab"}, /* at the start only */
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        gani_captions captions;
        int status = gani_captions_parse(&captions, context, "my.tsv", cases[k].text, strlen(cases[k].text));
        const char *message = gan_context_error(context);
        char line[32];
        snprintf(line, sizeof line, "'my.tsv', line %d:", cases[k].line);
        if (status != GAN_E_FORMAT || strstr(message, cases[k].why) == NULL) print_error("%zu: %s\n", k, message);
        assert_int_equal(status, GAN_E_FORMAT);
        assert_null(captions.text);
        assert_non_null(strstr(message, cases[k].why));
        assert_non_null(strstr(message, cases[k].line > 0 ? line : "'my.tsv' holds"));
        assert_int_equal(memory.blocks, idle);
    }
    gani_captions captions; /* a zero in the middle */
    assert_int_equal(gani_captions_parse(&captions, context, "my.tsv", "a\tb\0c\n", 6), GAN_E_FORMAT);
    assert_non_null(strstr(gan_context_error(context), "control"));
    /* names that only look like leaving */
    assert_int_equal(gani_captions_parse(&captions, context, "my.tsv", "..a/b..\t..\n", 11), GAN_OK);
    assert_string_equal(captions.text + captions.lines[0].path, "..a/b..");
    assert_string_equal(gani_caption(&captions, 0, 0), "..");
    gani_captions_end(&captions);
    gani_captions_end(&captions);
    gan_context_release(context);
    assert_int_equal(memory.blocks, 0);
}

static void limits(void **state) {
    (void)state;
    gan_context *context = host_context(1);
    gani_captions captions;
    char *text = malloc(70000);
    memset(text, 'x', 70000);
    text[1] = '\t';
    text[65536] = '\n';
    assert_int_equal(gani_captions_parse(&captions, context, "my.tsv", text, 65537), GAN_OK);
    assert_int_equal(strlen(gani_caption(&captions, 0, 0)), 65534);
    gani_captions_end(&captions);
    text[65536] = 'x';
    text[65537] = '\n';
    assert_int_equal(gani_captions_parse(&captions, context, "my.tsv", text, 65538), GAN_E_LIMIT);
    assert_non_null(strstr(gan_context_error(context), "line 1"));
    for (int i = 0; i < 1001; i++) memcpy(text + 1 + 2 * i, "\tx", 2);
    assert_int_equal(gani_captions_parse(&captions, context, "my.tsv", text, 2001), GAN_OK);
    assert_int_equal(captions.lines[0].count, 1000);
    assert_string_equal(gani_caption(&captions, 0, 999), "x");
    gani_captions_end(&captions);
    assert_int_equal(gani_captions_parse(&captions, context, "my.tsv", text, 2003), GAN_E_LIMIT);
    assert_non_null(strstr(gan_context_error(context), "1000 captions"));
    /* too many bytes are refused unread */
    assert_int_equal(gani_captions_parse(&captions, context, "my.tsv", text, GANI_CAPTIONS_FILE + 1), GAN_E_LIMIT);
    /* lines are numbered through many of them */
    size_t used = 0;
    for (int i = 0; i < 5000; i++) {
        memcpy(text + used, "a\tb\n", 4);
        used += 4;
    }
    assert_int_equal(gani_captions_parse(&captions, context, "my.tsv", text, used), GAN_OK);
    assert_int_equal(captions.count, 5000);
    assert_int_equal(captions.lines[4999].number, 5000);
    gani_captions_end(&captions);
    text[used++] = 'z';
    assert_int_equal(gani_captions_parse(&captions, context, "my.tsv", text, used), GAN_E_FORMAT);
    assert_non_null(strstr(gan_context_error(context), "line 5001"));
    free(text);
    gan_context_release(context);
}

static int32_t stop(void *user) {
    (void)user;
    return 1;
}

/* What is wrong with an image comes with the line that named it. */
static void bad_images(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *context = host_context_with(1, GAN_LEVEL_REFERENCE, 1, &memory);
    long long idle = memory.blocks;
    put_images();
    gan_dataset *set = (gan_dataset *)context;
    put_text("a.png\tx\n\nsub/none.png\tx\n");
    assert_int_equal(gan_captions_open(&set, context, tsv, NULL), GAN_E_IO);
    assert_null(set);
    assert_non_null(strstr(gan_context_error(context), "captions.tsv', line 3: "));
    assert_non_null(strstr(gan_context_error(context), "sub/none.png"));
    put_text("a.png\tx\ncaptions.tsv\tx\n");
    assert_int_equal(gan_captions_open(&set, context, tsv, NULL), GAN_E_FORMAT);
    assert_non_null(strstr(gan_context_error(context), "line 2: "));
    put_text("a.png\tx\nsub\tx\n");
    assert_int_equal(gan_captions_open(&set, context, tsv, NULL), GAN_E_IO);
    put_grey("c.png", 4, 2, 0);
    put_text("a.png\tx\nsub/b.png\tx\nc.png\tx\n");
    assert_int_equal(gan_captions_open(&set, context, tsv, NULL), GAN_E_FORMAT);
    assert_non_null(strstr(gan_context_error(context), "line 3: "));
    assert_non_null(strstr(gan_context_error(context), "4 x 2"));
    gan_folder_options options;
    gan_folder_options_init(&options);
    options.size = 5;
    options.channels = 3;
    assert_int_equal(gan_captions_open(&set, context, tsv, &options), GAN_OK);
    assert_true(gan_shape_equal(gan_dataset_shape(set), gan_shape_3d(3, 5, 5)));
    gan_dataset_release(set);
    options.size = 0;
    assert_int_equal(gan_captions_open(&set, context, tsv, &options), GAN_E_ARGUMENT);
    char path[FILES_PATH];
    assert_int_equal(gan_captions_open(&set, context, files_join(path, folder, "none.tsv"), NULL), GAN_E_IO);
    assert_int_equal(gan_captions_open(&set, context, folder, NULL), GAN_E_IO);
    assert_int_equal(gan_captions_open(&set, context, NULL, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_captions_open(NULL, context, tsv, NULL), GAN_E_ARGUMENT);
    assert_int_equal(gan_captions_open(&set, NULL, tsv, NULL), GAN_E_ARGUMENT);
    assert_int_equal(memory.blocks, idle);
    gan_context_release(context);

    gan_context_options context_options;
    gan_context_options_init(&context_options);
    context_options.threads = 1;
    context_options.cancelled = stop;
    assert_int_equal(gan_context_create(&context, &context_options), GAN_OK);
    assert_int_equal(gan_captions_open(&set, context, tsv, NULL), GAN_E_CANCELLED);
    gan_context_release(context);
}

static void no_memory(void **state) {
    (void)state;
    host_memory memory = {0};
    gan_context *context = host_context_with(1, GAN_LEVEL_REFERENCE, 1, &memory);
    long long idle = memory.blocks;
    put_images();
    put_text("a.png\tx\nsub/b.png\tx\ty\n");
    gan_dataset *set = NULL;
    int status = GAN_E_MEMORY;
    for (long long k = 1; status != GAN_OK; k++) {
        memory.fail_at = memory.calls + k;
        status = gan_captions_open(&set, context, tsv, NULL);
        memory.fail_at = 0;
        assert_true(status == GAN_OK || status == GAN_E_MEMORY);
        if (status != GAN_OK) assert_int_equal(memory.blocks, idle);
        assert_true(k < 200);
    }
    assert_string_equal(gan_dataset_caption(set, 1, 1), "y");
    gan_dataset_release(set);
    gan_context_release(context);
    assert_int_equal(memory.blocks, 0);
}

/* The emoji of $GAN_TEST_DATA, whose table has more columns than a captions file. */
static void real_data(void **state) {
    (void)state;
    const char *data = getenv("GAN_TEST_DATA");
    char path[FILES_PATH];
    if (data == NULL || !files_exist(files_join(path, data, "emoji-text/captions.tsv"))) skip();
    gan_context *context = host_context(1);
    size_t size;
    unsigned char *table = files_read(path, &size);
    table[size] = '\0';
    char *text = malloc(size + 1);
    size_t used = 0, lines = 0;
    for (char *line = strtok((char *)table, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        char *caption = strchr(strchr(line, '\t') + 1, '\t') + 1;
        if (lines++ == 0) continue; /* names of the columns */
        used += (size_t)sprintf(text + used, "%.*s\t%.*s\n", (int)strcspn(line, "\t"), line,
                                (int)strcspn(caption, "\t"), caption);
    }
    gani_captions captions;
    assert_int_equal(gani_captions_parse(&captions, context, path, text, used), GAN_OK);
    assert_int_equal(captions.count, lines - 1);
    assert_string_equal(gani_caption(&captions, 0, 0), "grinning face");
    gani_captions_end(&captions);
    free(text);
    free(table);
    gan_context_release(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(images_with_captions, set_up, close_folders),
        cmocka_unit_test_setup_teardown(one_image_on_many_lines, set_up, close_folders),
        cmocka_unit_test_setup_teardown(fingerprints_know_the_lines, set_up, close_folders),
        cmocka_unit_test_setup_teardown(small_files_of_large_images, set_up, close_folders),
        cmocka_unit_test_setup_teardown(links_out_of_the_folder, set_up, close_folders),
        cmocka_unit_test(bad_texts),
        cmocka_unit_test(limits),
        cmocka_unit_test_setup_teardown(bad_images, set_up, close_folders),
        cmocka_unit_test_setup_teardown(no_memory, set_up, close_folders),
        cmocka_unit_test(real_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
