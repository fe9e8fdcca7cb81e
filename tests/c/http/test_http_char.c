/* The classes, byte by byte, against the grammars they come from. */
#include "http/http_char.h"

#include "check.h"

static bool one_of(int byte, const char *set)
{
    return byte != 0 && byte < 128 && strchr(set, byte) != NULL;
}

TEST(every_byte)
{
    static const char alphanumeric[] =
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for (int byte = 0; byte < 256; byte++) {
        bool letter = one_of(byte, alphanumeric);
        CHECK_EQ_INT(fa_http_char_is_token((char)byte), letter || one_of(byte, "!#$%&'*+-.^_`|~"));
        /* unreserved, pct-encoded and sub-delims of RFC 3986, but for the comma */
        CHECK_EQ_INT(fa_http_char_is_host((char)byte), letter || one_of(byte, "-._~%!$&'()*+;="));
        CHECK_EQ_INT(fa_http_char_is_digit((char)byte), one_of(byte, "0123456789"));
        CHECK_EQ_INT(fa_http_char_is_blank((char)byte), one_of(byte, " \t"));
        /* VCHAR, obs-text, space and tab of RFC 9110, 5.5 */
        bool text = byte == ' ' || byte == '\t' || (byte > 0x20 && byte != 0x7f);
        CHECK_EQ_INT(fa_http_char_is_text((char)byte), text);
    }
}

int main(void)
{
    RUN(every_byte);
    return CHECK_END();
}
