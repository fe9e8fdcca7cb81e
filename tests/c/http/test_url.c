/* Percent-decoding and query strings against tables made with urllib.parse. */
#include "http/url.h"

#include <stdint.h>

#include "check.h"
#include "guard_page.h"

static const struct {
    const char *in;
    const char *path;  /* plus stays */
    const char *query; /* plus is a space */
    bool invalid;
} decode_cases[] = {
    {"", "", "", false},
    {"abc", "abc", "abc", false},
    {"a%20b", "a b", "a b", false},
    {"a+b", "a+b", "a b", false},
    {"%2F%2f", "//", "//", false},
    {"%zz%1", "%zz%1", "%zz%1", false},
    {"%", "%", "%", false},
    {"%%41", "%A", "%A", false},
    {"%4", "%4", "%4", false},
    {"%C3%A9", "\xc3\xa9", "\xc3\xa9", false},
    {"%c3", "\xc3", "\xc3", true},
    {"%ff%fe", "\xff\xfe", "\xff\xfe", true},
    {"%ED%A0%80", "\xed\xa0\x80", "\xed\xa0\x80", true}, /* a surrogate */
    {"%C0%80", "\xc0\x80", "\xc0\x80", true},            /* overlong */
    {"%F4%90%80%80", "\xf4\x90\x80\x80", "\xf4\x90\x80\x80", true},
    {"%F0%9F%98%80", "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", false},
};

static void check_decode(const char *in, const char *expected, bool plus, bool invalid)
{
    struct fa_guard g = fa_guard_copy(in, strlen(in));
    char out[64];
    size_t len = 99;
    bool bad = !invalid;
    fa_url_decode((fa_span){g.data, g.len}, out, &len, plus, &bad);
    check_eq_span(
        (fa_span){out, len}, (fa_span){expected, strlen(expected)}, in, __FILE__, __LINE__);
    CHECK_EQ_INT(bad, invalid);
    bool changed = strcmp(in, expected) != 0;
    if (changed) CHECK(fa_url_needs_decode((fa_span){g.data, g.len}, plus));
    fa_guard_free(&g);
}

TEST(decoding)
{
    for (size_t i = 0; i < sizeof decode_cases / sizeof decode_cases[0]; i++) {
        check_decode(decode_cases[i].in, decode_cases[i].path, false, decode_cases[i].invalid);
        check_decode(decode_cases[i].in, decode_cases[i].query, true, decode_cases[i].invalid);
    }
    char out[8];
    size_t len = 0;
    bool bad = true;
    fa_url_decode(FA_SPAN("a%00b"), out, &len, false, &bad);
    CHECK_EQ_INT(len, 3);
    CHECK_EQ_INT(out[1], 0);
    CHECK(!bad);
    CHECK(!fa_url_needs_decode(FA_SPAN("a+b"), false));
    CHECK(fa_url_needs_decode(FA_SPAN("a+b"), true));
}

/* Every sequence of up to four bytes from the interesting ones, against a plain
 * decoder that follows the table of RFC 3629. */
static bool plain_utf8(const unsigned char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        uint32_t c = s[i];
        size_t more = c < 0x80                ? 0
                      : c >= 0xc0 && c < 0xe0 ? 1
                      : c >= 0xe0 && c < 0xf0 ? 2
                      : c >= 0xf0 && c < 0xf8 ? 3
                                              : 9;
        if (more == 9 || i + more >= n + (more == 0)) return false;
        uint32_t value = more == 0 ? c : c & (0x3fu >> more);
        for (size_t k = 1; k <= more; k++) {
            if (i + k >= n || (s[i + k] & 0xc0) != 0x80) return false;
            value = value << 6 | (s[i + k] & 0x3f);
        }
        static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
        if (value < least[more] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
            return false;
        i += more + 1;
    }
    return true;
}

TEST(utf8)
{
    static const unsigned char bytes[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
        0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf4, 0xf5, 0xff};
    size_t n = sizeof bytes, wrong = 0;
    for (size_t code = 0; code < n * n * n * n; code++) {
        unsigned char s[4] = {
            bytes[code % n], bytes[code / n % n], bytes[code / n / n % n], bytes[code / n / n / n]};
        for (size_t len = 1; len <= 4; len++) {
            wrong += fa_url_valid_utf8((fa_span){(const char *)s, len}) != plain_utf8(s, len);
        }
    }
    CHECK_EQ_INT(wrong, 0);
    CHECK(fa_url_valid_utf8((fa_span){NULL, 0}));
}

TEST(queries)
{
    static const char text[] = "a=1&b&&c=&=d&e=f=g&a=2&";
    static const char *const names[] = {"a", "b", "c", "", "e", "a"};
    static const char *const values[] = {"1", "", "", "d", "f=g", "2"};
    struct fa_guard g = fa_guard_copy(text, sizeof text - 1);
    struct fa_url_query_iter it;
    fa_span name, value;
    fa_url_query_iter_init(&it, (fa_span){g.data, g.len});
    for (size_t i = 0; i < 6; i++) {
        CHECK(fa_url_query_next(&it, &name, &value));
        check_eq_span(name, (fa_span){names[i], strlen(names[i])}, "name", __FILE__, __LINE__);
        check_eq_span(value, (fa_span){values[i], strlen(values[i])}, "value", __FILE__, __LINE__);
    }
    CHECK(!fa_url_query_next(&it, &name, &value));
    fa_url_query_iter_init(&it, FA_SPAN("a;b=1"));
    CHECK(fa_url_query_next(&it, &name, &value));
    CHECK_EQ_SPAN(name, "a;b"); /* ';' is no separator */
    fa_url_query_iter_init(&it, FA_SPAN(""));
    CHECK(!fa_url_query_next(&it, &name, &value));
    fa_guard_free(&g);
}

int main(void)
{
    RUN(decoding);
    RUN(utf8);
    RUN(queries);
    return CHECK_END();
}
