/* Both scanners stop at the same byte, for every byte at every place. */
#include "http/http_scan.h"

#include "check.h"
#include "guard_page.h"
#include "http/http_char.h"

typedef const char *scan_fn(const char *p, const char *end);

static bool ends_target(int byte)
{
    return byte <= 0x20 || byte >= 0x7f || byte == '#';
}

static bool ends_path(int byte)
{
    return ends_target(byte) || byte == '?';
}

static bool ends_value(int byte)
{
    return (byte < 0x20 && byte != '\t') || byte == 0x7f;
}

static bool ends_name(int byte)
{
    return !fa_http_char_is_token((char)byte);
}

/* Between allowed bytes, and between others: the first that stops it counts. */
static void check_scan(scan_fn *scan, bool (*ends)(int byte), char rest)
{
    size_t wrong = 0;
    for (size_t len = 0; len <= 50; len++) {
        char text[50];
        memset(text, 'a', sizeof text);
        struct fa_guard g = fa_guard_copy(text, len);
        const char *end = g.data + len;
        wrong += scan(g.data, end) != end;
        for (size_t at = 0; at < len; at++) {
            memset(g.data + at, rest, len - at);
            for (int byte = 0; byte < 256; byte++) {
                g.data[at] = (char)byte;
                size_t stop = ends(byte) ? at : ends(rest) ? at + 1 : len;
                stop = stop > len ? len : stop;
                wrong += scan(g.data, end) != g.data + stop;
            }
            memset(g.data, 'a', len);
        }
        fa_guard_free(&g);
    }
    CHECK_EQ_INT(wrong, 0);
}

static void check_scanner(const struct fa_http_scan *s)
{
    for (const char *rest = "a\r"; *rest != '\0'; rest++) {
        check_scan(s->target_end, ends_target, *rest);
        check_scan(s->path_end, ends_path, *rest);
        check_scan(s->value_end, ends_value, *rest);
        check_scan(s->name_end, ends_name, *rest);
    }
}

TEST(every_byte_at_every_place)
{
    CHECK_EQ_STR(fa_http_scan_select(false)->name, "plain");
    check_scanner(fa_http_scan_select(false));
    check_scanner(fa_http_scan_select(true));
}

int main(void)
{
    RUN(every_byte_at_every_place);
    return CHECK_END();
}
