#include "http/url.h"

#include <stdint.h>
#include <string.h>

bool fa_url_needs_decode(fa_span text, bool plus_is_space)
{
    if (text.len == 0) return false;
    return memchr(text.ptr, '%', text.len) != NULL ||
           (plus_is_space && memchr(text.ptr, '+', text.len) != NULL);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

void fa_url_decode(fa_span text, char *out, size_t *out_len, bool plus_is_space, bool *invalid_utf8)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%' && text.len - i > 2) {
            int high = hex_value(text.ptr[i + 1]), low = hex_value(text.ptr[i + 2]);
            if (high >= 0 && low >= 0) {
                c = (char)(high * 16 + low);
                i += 2;
            }
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        out[n++] = c;
    }
    *out_len = n;
    *invalid_utf8 = !fa_url_valid_utf8((fa_span){out, n});
}

/* Bytes of the sequence that starts at s[0], 0 if it is not UTF-8 (RFC 3629, 4). */
static size_t sequence_length(const unsigned char *s, size_t left)
{
    unsigned char low = 0x80, high = 0xbf; /* of the second byte */
    size_t n;
    if (s[0] >= 0xc2 && s[0] <= 0xdf) {
        n = 2;
    } else if (s[0] >= 0xe0 && s[0] <= 0xef) {
        n = 3;
        if (s[0] == 0xe0) low = 0xa0;
        if (s[0] == 0xed) high = 0x9f;
    } else if (s[0] >= 0xf0 && s[0] <= 0xf4) {
        n = 4;
        if (s[0] == 0xf0) low = 0x90;
        if (s[0] == 0xf4) high = 0x8f;
    } else {
        return 0;
    }
    if (left < n || s[1] < low || s[1] > high) return 0;
    for (size_t i = 2; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) return 0;
    }
    return n;
}

static inline bool is_ascii_8(const unsigned char *s)
{
    uint64_t x;
    memcpy(&x, s, sizeof x);
    return (x & UINT64_C(0x8080808080808080)) == 0;
}

bool fa_url_valid_utf8(fa_span text)
{
    const unsigned char *s = (const unsigned char *)text.ptr;
    size_t i = 0;
    while (i < text.len) {
        if (text.len - i >= 8 && is_ascii_8(s + i)) {
            i += 8;
            continue;
        }
        if (s[i] < 0x80) {
            i++;
            continue;
        }
        size_t n = sequence_length(s + i, text.len - i);
        if (n == 0) return false;
        i += n;
    }
    return true;
}

bool fa_url_query_next(struct fa_url_query_iter *it, fa_span *name, fa_span *value)
{
    while (it->rest.len > 0) {
        fa_span piece = fa_span_cut(&it->rest, '&');
        if (piece.len == 0) continue;
        *name = fa_span_cut(&piece, '=');
        *value = piece;
        return true;
    }
    return false;
}
