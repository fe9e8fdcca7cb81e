/* Both scanners stop at the same byte, for every byte at every place. */
#include "http/http_scan.h"

#include "check.h"
#include "guard_page.h"

TEST(equal_for_every_byte_and_place)
{
    const struct fa_http_scan *plain = fa_http_scan_select(false),
                              *fast = fa_http_scan_select(true);
    CHECK_EQ_STR(plain->name, "plain");
    size_t different = 0, missed = 0;
    for (size_t len = 0; len <= 40; len++) {
        char text[40];
        memset(text, 'a', sizeof text);
        struct fa_guard g = fa_guard_copy(text, len);
        const char *end = g.data + len;
        missed += plain->target_end(g.data, end) != end || fast->target_end(g.data, end) != end;
        missed += plain->value_end(g.data, end) != end || fast->value_end(g.data, end) != end;
        for (size_t at = 0; at < len; at++) {
            for (int byte = 0; byte < 256; byte++) {
                g.data[at] = (char)byte;
                const char *t = plain->target_end(g.data, end), *v = plain->value_end(g.data, end);
                different +=
                    fast->target_end(g.data, end) != t || fast->value_end(g.data, end) != v;
                bool stops_target = byte <= 0x20 || byte == 0x7f || byte == '#';
                bool stops_value = (byte < 0x20 && byte != '\t') || byte == 0x7f;
                missed += (t != end) != stops_target || (v != end) != stops_value;
            }
            g.data[at] = 'a';
        }
        fa_guard_free(&g);
    }
    CHECK_EQ_INT(different, 0);
    CHECK_EQ_INT(missed, 0);
}

int main(void)
{
    RUN(equal_for_every_byte_and_place);
    return CHECK_END();
}
