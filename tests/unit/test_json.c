/* JSON: what is JSON is read, all else is refused at its byte; numbers do not depend on the locale. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "comma.h"
#include "host.h"
#include "io/json.h"
#include "io/numbers.h"

static host_memory memory;
static gan_context *context;

static int set_up(void **state) {
    (void)state;
    context = host_context_with(1, GAN_LEVEL_REFERENCE, 1, &memory);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    gan_context_release(context);
    return atomic_load(&memory.blocks) == 0 && atomic_load(&memory.bytes) == 0 ? 0 : -1;
}

static gan_status parse_bytes(const char *text, size_t size) {
    /* of the exact size, for the address sanitizer */
    char *copy = malloc(size + (size == 0));
    memcpy(copy, text, size);
    gani_json json;
    gan_status status = gani_json_parse(&json, context, "a.json", "text", copy, size);
    gani_json_end(&json);
    free(copy);
    return status;
}

static gan_status parse(const char *text) { return parse_bytes(text, strlen(text)); }

static void test_grammar(void **state) {
    (void)state;
    static const char *const good[] = {
        "{}",
        " { } ",
        "{\"a\":1}",
        "{\"a\":[]}",
        "{\"a\":[1,2,[3],{\"b\":{}}]}",
        "{\"a\":-0.5e+10,\"b\":0,\"c\":1E5,\"d\":-0}",
        "{\"a\":true,\"b\":false,\"c\":null}",
        "\t{\r\n\"a\" : \"b\" }\n",
        "{\"\":\"\"}",
        "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00\"}",
        "{\"\xc3\xa9\":\"\xe2\x82\xac\xf0\x9f\x98\x80\"}",
        "{\"a\":{\"b\":1},\"b\":1}",
        "{\"a\":[{\"b\":1},{\"b\":1}]}",
    };
    static const char *const bad[] = {
        "",
        " ",
        "[]",
        "1",
        "\"a\"",
        "null",
        "{",
        "}",
        "{}{}",
        "{} x",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
        "{a:1}",
        "{'a':1}",
        "{1:1}",
        "{\"a\":[1,]}",
        "{\"a\":[,1]}",
        "{\"a\":[1 2]}",
        "{\"a\":[1}",
        "{\"a\":[1}]",
        "{\"a\":1]",
        "{\"a\"::1}",
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":.5}",
        "{\"a\":1.}",
        "{\"a\":1e}",
        "{\"a\":-}",
        "{\"a\":1e+}",
        "{\"a\":0x10}",
        "{\"a\":NaN}",
        "{\"a\":Infinity}",
        "{\"a\":tru}",
        "{\"a\":trueful}",
        "{\"a\":nul",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"\\u123\"}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\\ud800\\u0041\"}",
        "{\"a\":\"\\udc00\"}",
        "{\"a\":\"\\u0000\"}",
        "{\"a\":\"\\",
        "{\"a\":\"",
        "{\"a\":\"\xff\"}",
        "{\"a\":\"\xc0\x80\"}",
        "{\"a\":\"\xed\xa0\x80\"}",
        "{\"a\":\"\xf4\x90\x80\x80\"}",
        "{\"a\":\"\xe2\x82\"}",
        "{\"a\":1,\"a\":2}",
        "{\"a\":1,\"\\u0061\":2}",
        "{\"x\":{\"b\":1,\"c\":2,\"b\":3}}",
        "\xef\xbb\xbf{}",
        "{\"a\":1}//",
        "{\"a\":1/**/}",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (parse(good[i]) != GAN_OK) fail_msg("refused: %s: %s", good[i], gan_context_error(context));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (parse(bad[i]) != GAN_E_FORMAT) fail_msg("accepted: %s", bad[i]);
    assert_int_equal(parse_bytes("{\"a\":1}\0", 8), GAN_E_FORMAT);
    assert_int_equal(parse_bytes("{\"a\0\":1}", 8), GAN_E_FORMAT);
    assert_int_equal(parse("{\"a\":[1,x]}"), GAN_E_FORMAT);
    assert_string_equal(gan_context_error(context), "'a.json': text is not valid JSON at byte 8");
    assert_int_equal(parse("{\"a\":{\"b\":1,\"b\":2}}"), GAN_E_FORMAT);
    assert_string_equal(gan_context_error(context), "'a.json': text.a.b occurs twice");
}

/* Every prefix and every one-byte change of a text with everything in it: refused or read, without a fault. */
static void test_cut_and_changed(void **state) {
    (void)state;
    static const char text[] =
        "{\"a\":[1,-2.5e3,true,null,\"x\\u00e9\\n\"],\"b\":{\"c\":{},\"d\":[]},\"e\":\"\xf0\x9f\x98\x80\"}";
    size_t size = sizeof text - 1;
    for (size_t n = 0; n < size; n++) assert_int_equal(parse_bytes(text, n), GAN_E_FORMAT);
    static const char others[] = "\"\\{}[]:,0x \x01\xff";
    for (size_t i = 0; i < size; i++)
        for (size_t k = 0; k < sizeof others; k++) {
            char changed[sizeof text];
            memcpy(changed, text, size);
            changed[i] = others[k];
            gan_status status = parse_bytes(changed, size);
            assert_true(status == GAN_OK || status == GAN_E_FORMAT);
        }
}

static void test_depth(void **state) {
    (void)state;
    static const int depths[] = {GANI_JSON_MAX_DEPTH - 1, GANI_JSON_MAX_DEPTH, 1000000};
    for (int i = 0; i < 3; i++) {
        size_t depth = (size_t)depths[i];
        char *text = malloc(2 * depth + 8);
        memcpy(text, "{\"a\":", 5);
        memset(text + 5, '[', depth);
        memset(text + 5 + depth, ']', depth);
        text[5 + 2 * depth] = '}';
        assert_int_equal(parse_bytes(text, 2 * depth + 6), i == 0 ? GAN_OK : GAN_E_FORMAT);
        free(text);
    }
}

/* So many values that a text of 100 MB could make us take gigabytes; and many keys: sorted, not compared with each
 * other. */
static void test_many(void **state) {
    (void)state;
    size_t count = GANI_JSON_MAX_TOKENS + 10, at = 5;
    char *text = malloc(2 * count + 16);
    memcpy(text, "{\"a\":[", 6);
    for (size_t i = 0; i < count; i++) memcpy(text + 6 + 2 * i, "0,", 2);
    memcpy(text + 5 + 2 * count, "]}", 2);
    assert_int_equal(parse_bytes(text, 7 + 2 * count), GAN_E_LIMIT);
    free(text);
    count = 300000;
    text = malloc(16 * count + 16);
    text[0] = '{';
    at = 1;
    for (size_t i = 0; i < count; i++) at += (size_t)sprintf(text + at, "\"%zu\":0,", i);
    text[at - 1] = '}';
    assert_int_equal(parse_bytes(text, at), GAN_OK);
    at += (size_t)sprintf(text + at - 1, ",\"77\":0}") - 1;
    assert_int_equal(parse_bytes(text, at), GAN_E_FORMAT);
    free(text);
}

static void test_values(void **state) {
    (void)state;
    static const char text[] = "{\"i\":-9223372036854775808,\"big\":9223372036854775808,\"u\":\"18446744073709551615\","
                               "\"v\":\"18446744073709551616\","
                               "\"d\":0.1,\"f\":true,\"t\":\"a\\u20ac\\ud83d\\ude00b\",\"s\":[2,3],\"o\":{\"x\":[{"
                               "\"y\":1.5}]},\"huge\":1e999,\"long\":[1,1,1,1,1,1,1,1,1]}";
    gani_json json;
#define OPEN() assert_int_equal(gani_json_parse(&json, context, "f", "r", text, sizeof text - 1), GAN_OK)
#define AT(key) gani_json_member(&json, 0, key)
#define ENDS(expected, words)                                                                                          \
    assert_int_equal(json.status, expected);                                                                           \
    assert_string_equal(gan_context_error(context), words);                                                            \
    gani_json_end(&json)
    OPEN();
    assert_true(gani_json_int(&json, AT("i"), INT64_MIN, 0) == INT64_MIN);
    assert_true(gani_json_u64(&json, AT("u")) == UINT64_MAX);
    assert_true(gani_json_number(&json, AT("d")) == 0.1);
    assert_int_equal(gani_json_flag(&json, AT("f")), 1);
    assert_string_equal(gani_json_text(&json, AT("t")), "a\xe2\x82\xac\xf0\x9f\x98\x80"
                                                        "b");
    assert_true(gan_shape_equal(gani_json_shape(&json, AT("s")), gan_shape_2d(2, 3)));
    assert_int_equal(gani_json_find(&json, 0, "none"), -1);
    assert_int_equal(gani_json_size(&json, 0), 11);
    int32_t x = gani_json_member(&json, AT("o"), "x");
    assert_true(gani_json_number(&json, gani_json_member(&json, gani_json_first(&json, x), "y")) == 1.5);
    assert_int_equal(json.status, GAN_OK);
    gani_json_int(&json, gani_json_member(&json, gani_json_first(&json, x), "y"), 0, 9);
    assert_int_equal(gani_json_int(&json, AT("i"), INT64_MIN, 0), 0); /* sticky */
    ENDS(GAN_E_FORMAT, "'f': r.o.x[0].y is not an integer from 0 to 9");
    OPEN();
    gani_json_int(&json, AT("big"), 0, INT64_MAX);
    ENDS(GAN_E_FORMAT, "'f': r.big is not an integer from 0 to 9223372036854775807");
    OPEN();
    gani_json_u64(&json, AT("v"));
    ENDS(GAN_E_FORMAT, "'f': r.v is not a 64-bit number");
    OPEN();
    gani_json_number(&json, AT("huge"));
    ENDS(GAN_E_FORMAT, "'f': r.huge is a number that is too long or too large");
    OPEN();
    gani_json_shape(&json, AT("long"));
    ENDS(GAN_E_UNSUPPORTED, "'f': r.long has more than 8 axes");
    OPEN();
    gani_json_text(&json, AT("nothing"));
    ENDS(GAN_E_FORMAT, "'f': r has no member \"nothing\"");
    OPEN();
    gani_json_flag(&json, AT("d"));
    ENDS(GAN_E_FORMAT, "'f': r.d is not true or false");
    OPEN();
    gani_json_array(&json, AT("o"));
    ENDS(GAN_E_FORMAT, "'f': r.o is not an array");
}

static void test_writing(void **state) {
    (void)state;
    gani_json_out out;
    gani_json_begin(&out, context);
    gani_json_open(&out, '{');
    gani_json_key(&out, "text");
    gani_json_put_text(&out, "a\"b\\c\n\x01\xc3\xa9");
    gani_json_key(&out, "list");
    gani_json_open(&out, '[');
    gani_json_put_int(&out, INT64_MIN);
    gani_json_put_u64(&out, UINT64_MAX);
    gani_json_put_number(&out, 0.1);
    gani_json_put_number(&out, NAN);
    gani_json_put_flag(&out, 0);
    gani_json_put_shape(&out, gan_shape_3d(1, 2, 3));
    gani_json_close(&out, ']');
    gani_json_key(&out, "empty");
    gani_json_open(&out, '{');
    gani_json_close(&out, '}');
    gani_json_close(&out, '}');
    assert_int_equal(out.status, GAN_OK);
    assert_string_equal(out.data, "{\"text\":\"a\\\"b\\\\c\\u000a\\u0001\xc3\xa9\",\"list\":[-9223372036854775808,"
                                  "\"18446744073709551615\",0.1,null,"
                                  "false,[1,2,3]],\"empty\":{}}");
    assert_int_equal(parse(out.data), GAN_OK);
    gani_json_clear(&out);
    gani_json_put_text(&out, "\xff");
    assert_int_equal(out.status, GAN_E_ARGUMENT);
    gani_json_release(&out);
}

static void check_numbers(void) {
    static const double numbers[] = {
        0,      -0.0,    1,       -1,           0.1, 1.0 / 3, 2e-4, 0.9, 1e22, 1e23, 123456789012345680.0,
        5e-324, DBL_MAX, DBL_MIN, 6.02214076e23};
    char text[GANI_NUMBER_SIZE];
    double back;
    errno = 77;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        size_t length = gani_number_format(numbers[i], text);
        assert_int_equal(length, strlen(text));
        assert_null(strchr(text, ','));
        assert_true(gani_number_parse(text, length, &back));
        assert_memory_equal(&back, &numbers[i], sizeof back);
    }
    uint64_t bits = 88172645463325252ull;
    for (int i = 0; i < 20000; i++) {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        double value;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value)) continue;
        assert_true(gani_number_parse(text, gani_number_format(value, text), &back));
        assert_memory_equal(&back, &value, sizeof back);
    }
    gani_number_format(0.1, text);
    assert_string_equal(text, "0.1");
    gani_number_format(2e-4, text);
    assert_string_equal(text, "0.0002");
    assert_false(gani_number_parse("1e400", 5, &back));
    assert_int_equal(errno, 77);
}

typedef struct other_thread {
    locale_t locale;
    int wrong;
} other_thread;

static void *write_and_read(void *argument) {
    other_thread *other = argument;
    if (other->locale != (locale_t)0) uselocale(other->locale);
    for (int i = 1; i <= 100000; i++) {
        char text[GANI_NUMBER_SIZE];
        double value = 1 / (double)i, back = 0;
        size_t length = gani_number_format(value, text);
        other->wrong += strchr(text, ',') != NULL || !gani_number_parse(text, length, &back) || back != value;
    }
    return NULL;
}

/* Of two threads, each with a locale of its own, neither sees the other's comma. */
static void check_threads(void) {
    other_thread others[2] = {{newlocale(LC_ALL_MASK, "C", (locale_t)0), 0}, {(locale_t)0, 0}};
    pthread_t threads[2];
    assert_true(others[0].locale != (locale_t)0);
    for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&threads[i], NULL, write_and_read, &others[i]), 0);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    assert_int_equal(others[0].wrong, 0);
    assert_int_equal(others[1].wrong, 0);
    freelocale(others[0].locale);
}

static void test_numbers(void **state) {
    (void)state;
    check_numbers();
    if (comma_begin()) {
        check_numbers();
        check_threads();
    }
    comma_end();
}

static void test_without_memory(void **state) {
    (void)state;
    gan_status status = GAN_E_MEMORY;
    for (long long n = 1; status != GAN_OK; n++) {
        memory.fail_at = atomic_load(&memory.calls) + n;
        status = parse("{\"a\":[1,{\"b\":2}]}");
        assert_true(status == GAN_OK || status == GAN_E_MEMORY);
    }
    memory.fail_at = 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grammar), cmocka_unit_test(test_cut_and_changed), cmocka_unit_test(test_depth),
        cmocka_unit_test(test_many),    cmocka_unit_test(test_values),          cmocka_unit_test(test_writing),
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_without_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
