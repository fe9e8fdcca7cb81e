/* Escape scanning: against a byte-by-byte rule, at every length and place, never over the end. */
#include "check.h"
#include "guard_page.h"
#include "json/json_escape.h"

enum { LONGEST = 80 };

static int must_stop(unsigned char c, int ascii_only)
{
    return c < 0x20 || c == '"' || c == '\\' || (ascii_only && c >= 0x80);
}

static size_t clean_prefix(const char *text, size_t len, int ascii_only)
{
    size_t n = 0;
    while (n < len && !must_stop((unsigned char)text[n], ascii_only))
        n++;
    return n;
}

/* All three functions on text that ends where memory ends; dst has `len` bytes, no more. */
static void check_copy(const char *text, size_t len)
{
    for (int ascii_only = 0; ascii_only < 2; ascii_only++) {
        size_t want = clean_prefix(text, len, ascii_only);
        char *fast = malloc(len + 1), *slow = malloc(len + 1);
        fast[len] = slow[len] = '#';
        size_t n = ascii_only ? fa_json_escape_copy_ascii(fast, text, len)
                              : fa_json_escape_copy(fast, text, len);
        CHECK_EQ_INT(n, want);
        CHECK_EQ_INT(fa_json_escape_copy_scalar(slow, text, len, ascii_only), want);
        CHECK(want == 0 || memcmp(fast, text, want) == 0);
        CHECK(want == 0 || memcmp(slow, text, want) == 0);
        CHECK(fast[len] == '#' && slow[len] == '#');
        free(fast);
        free(slow);
    }
}

TEST(every_byte_at_every_place)
{
    char filler[LONGEST];
    memset(filler, 'x', sizeof filler);
    struct fa_guard page = fa_guard_copy(filler, LONGEST);
    for (size_t len = 0; len <= 40; len++) {
        char *text = page.data + LONGEST - len;
        check_copy(text, len);
        for (size_t at = 0; at < len; at++) {
            for (int c = 0; c < 256; c += len < 20 ? 1 : 7) {
                text[at] = (char)c;
                check_copy(text, len);
            }
            text[at] = 'x';
        }
    }
    fa_guard_free(&page);
}

TEST(two_stops_the_first_counts)
{
    char filler[LONGEST];
    memset(filler, 'x', sizeof filler);
    struct fa_guard page = fa_guard_copy(filler, LONGEST);
    for (size_t len = 2; len <= LONGEST; len++) {
        char *text = page.data + LONGEST - len;
        for (size_t first = 0; first + 1 < len; first += 3) {
            for (size_t second = first + 1; second < len; second += 5) {
                text[first] = '\n';
                text[second] = '"';
                check_copy(text, len);
                text[first] = '\xe9';
                check_copy(text, len);
                text[first] = text[second] = 'x';
            }
        }
    }
    fa_guard_free(&page);
}

TEST(sequences)
{
    static const struct {
        unsigned char byte;
        const char *text;
    } cases[] = {{'"', "\\\""}, {'\\', "\\\\"}, {'\n', "\\n"}, {'\r', "\\r"}, {'\t', "\\t"},
        {'\b', "\\b"}, {'\f', "\\f"}, {0x00, "\\u0000"}, {0x01, "\\u0001"}, {0x0b, "\\u000b"},
        {0x1f, "\\u001f"}, {0x1a, "\\u001a"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[FA_JSON_ESCAPE_MAX];
        size_t len = fa_json_escape_byte(out, cases[i].byte);
        fa_span want = {cases[i].text, strlen(cases[i].text)};
        CHECK(fa_span_eq((fa_span){out, len}, want));
    }
}

TEST(who_needs_escaping)
{
    for (unsigned c = 0; c < 0x110000; c += c < 0x300 ? 1 : 0x101) {
        int want = c < 0x20 || c == 0x22 || c == 0x5c;
        if (fa_json_escape_needed(c) != want) CHECK_EQ_INT(c, -1);
    }
    CHECK(!fa_json_escape_needed(0x7f));
    CHECK(!fa_json_escape_needed('/'));
}

int main(void)
{
    RUN(every_byte_at_every_place);
    RUN(two_stops_the_first_counts);
    RUN(sequences);
    RUN(who_needs_escaping);
    return CHECK_END();
}
