/* Reading and writing of files where somebody else may have put something: links, pipes, folders. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <gan.h>

#include "autograd/tape.h"
#include "base/context.h"
#include "files.h"
#include "host.h"

static gan_context *context;
static char folder[FILES_PATH], path[FILES_PATH], link_path[FILES_PATH], target[FILES_PATH];

static int set_up(void **state) {
    (void)state;
    context = host_context(1);
    files_folder(folder);
    files_join(path, folder, "file");
    files_join(link_path, folder, "link");
    files_join(target, folder, "target");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    gan_context_release(context);
    files_remove(folder);
    return 0;
}

static gan_status read_file(const char *name, size_t limit, size_t *size) {
    unsigned char *data;
    gan_status status = gani_file_read_all(context, name, limit, &data, size);
    if (status == GAN_OK)
        assert_int_equal(data[*size], 0);
    else
        assert_null(data);
    gani_free(context, data);
    return status;
}

static void reads_files_and_links_to_them(void **state) {
    (void)state;
    size_t size;
    files_write(target, "12345", 5);
    assert_int_equal(symlink(target, link_path), 0);
    assert_int_equal(read_file(target, 5, &size), GAN_OK);
    assert_int_equal(size, 5);
    assert_int_equal(read_file(link_path, 5, &size), GAN_OK);
    assert_int_equal(read_file(target, 4, &size), GAN_E_LIMIT);
}

/* Neither waits for a writer, nor takes what is no file for an empty one. */
static void refuses_what_is_no_file(void **state) {
    (void)state;
    size_t size;
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(read_file(path, 100, &size), GAN_E_IO);
    assert_non_null(strstr(gan_context_error(context), "a device or pipe"));
    assert_int_equal(read_file("/dev/zero", 100, &size), GAN_E_IO);
    assert_int_equal(read_file(folder, 100, &size), GAN_E_IO);
    assert_non_null(strstr(gan_context_error(context), "a folder"));
    assert_int_equal(read_file(target, 100, &size), GAN_E_IO);
}

/* A link under the temporary name, put there to have something else overwritten. */
static void writes_through_no_link(void **state) {
    (void)state;
    char temporary[FILES_PATH + 64];
    size_t size;
    files_write(target, "precious", 8);
    snprintf(temporary, sizeof temporary, "%s.%ld-0.tmp", path, (long)getpid());
    assert_int_equal(symlink(target, temporary), 0);
    gani_writer writer;
    assert_int_equal(gani_writer_begin(&writer, context, path), GAN_OK);
    gani_writer_write(&writer, "new", 3);
    assert_int_equal(gani_writer_commit(&writer), GAN_OK);
    assert_int_equal(read_file(path, 100, &size), GAN_OK);
    assert_int_equal(size, 3);
    assert_int_equal(read_file(target, 100, &size), GAN_OK);
    assert_int_equal(size, 8);
}

/* A link in place of the file itself is replaced, not followed. */
static void replaces_a_link(void **state) {
    (void)state;
    size_t size;
    struct stat info;
    files_write(target, "precious", 8);
    assert_int_equal(symlink(target, path), 0);
    gani_writer writer;
    assert_int_equal(gani_writer_begin(&writer, context, path), GAN_OK);
    assert_int_equal(gani_writer_commit(&writer), GAN_OK);
    assert_int_equal(lstat(path, &info), 0);
    assert_true(S_ISREG(info.st_mode));
    assert_int_equal(read_file(target, 100, &size), GAN_OK);
    assert_int_equal(size, 8);
}

static void replaces_a_link_to_itself(void **state) {
    (void)state;
    struct stat info;
    assert_int_equal(symlink(link_path, link_path), 0);
    gani_writer writer;
    assert_int_equal(gani_writer_begin(&writer, context, link_path), GAN_OK);
    gani_writer_write(&writer, "new", 3);
    assert_int_equal(gani_writer_commit(&writer), GAN_OK);
    assert_int_equal(lstat(link_path, &info), 0);
    assert_true(S_ISREG(info.st_mode));
}

/* What the new file would take the place of stays, also behind a link. */
static void writes_over_no_device(void **state) {
    (void)state;
    gani_writer writer;
    struct stat info;
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(symlink(path, link_path), 0);
    const char *const names[] = {path, link_path};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(gani_writer_begin(&writer, context, names[i]), GAN_E_IO);
        assert_non_null(strstr(gan_context_error(context), "a device or pipe"));
        assert_int_equal(gani_writer_commit(&writer), GAN_E_IO);
    }
    assert_int_equal(lstat(path, &info), 0);
    assert_true(S_ISFIFO(info.st_mode));
    assert_int_equal(lstat(link_path, &info), 0);
    assert_true(S_ISLNK(info.st_mode));
}

/* The temporary file has a longer name than the file, and systems a limit. */
static void writes_long_names(void **state) {
    (void)state;
    char name[256], whole[FILES_PATH];
    size_t size;
    memset(name, 'n', 255);
    for (int length = 200; length <= 255; length += 11) {
        name[length] = '\0';
        files_join(whole, folder, name);
        gani_writer writer;
        assert_int_equal(gani_writer_begin(&writer, context, whole), GAN_OK);
        gani_writer_write(&writer, "new", 3);
        assert_int_equal(gani_writer_commit(&writer), GAN_OK);
        assert_int_equal(read_file(whole, 100, &size), GAN_OK);
        assert_int_equal(size, 3);
        name[length] = 'n';
    }
}

static void appends_through_no_link(void **state) {
    (void)state;
    size_t size;
    files_write(target, "precious", 8);
    assert_int_equal(symlink(target, link_path), 0);
    assert_int_equal(context->io->open_append(link_path), -1);
    assert_int_equal(errno, ELOOP);
    assert_int_equal(read_file(target, 100, &size), GAN_OK);
    assert_int_equal(size, 8);
}

/* What a file says reaches the application's terminal with the message. */
static void messages_are_printable(void **state) {
    (void)state;
    gani_fail(context, GAN_E_FORMAT, "a%sb\x7f\n", "\x1b[2J\xc2\x9b\xc3\xa9");
    assert_string_equal(gan_context_error(context), "a?[2J??\xc3\xa9"
                                                    "b??");
    gani_fail(context, GAN_E_FORMAT, "%s", "\x9b[2J \xc3(\xe2\x82\xac \xe2\x82"); /* a terminal of 8 bits obeys */
    assert_string_equal(gan_context_error(context), "?[2J ?(\xe2\x82\xac ??");
    gan_tape *tape;
    assert_int_equal(gan_tape_create(&tape, context), GAN_OK);
    gani_tape_fail(tape, GAN_E_FORMAT, "a%sb\x7f\n", "\x1b[2J\xc2\x9b\xc3\xa9");
    assert_string_equal(gan_tape_error(tape), "a?[2J??\xc3\xa9"
                                              "b??");
    gan_tape_release(tape);
    static const char *const names[] = {"a\x1b", "\xc2\x9b", "\x7f", "\xc3"};
    for (int i = 0; i < 4; i++) {
        gan_builder *b = gan_builder_begin(context, gan_shape_1d(1));
        gan_builder_label(b, names[i]);
        gan_layer *layer;
        assert_int_equal(gan_builder_end(&layer, b), GAN_E_ARGUMENT);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_files_and_links_to_them, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_what_is_no_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(writes_through_no_link, set_up, tear_down),
        cmocka_unit_test_setup_teardown(replaces_a_link, set_up, tear_down),
        cmocka_unit_test_setup_teardown(replaces_a_link_to_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(writes_over_no_device, set_up, tear_down),
        cmocka_unit_test_setup_teardown(writes_long_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(appends_through_no_link, set_up, tear_down),
        cmocka_unit_test_setup_teardown(messages_are_printable, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
