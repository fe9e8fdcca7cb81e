/*
 * Targets: percent-decoding never writes more than it read, agrees with itself about what needs
 * it and about UTF-8, and a query string falls into the same pairs wherever it lies.
 *
 * Input: the text. It is given to the functions in memory of exactly its size.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/url.h"

static void require(bool ok)
{
    if (!ok) __builtin_trap();
}

/* What the decoder does, written down as simply as can be. */
static size_t decode_plainly(const uint8_t *text, size_t len, bool plus, char *out)
{
    static const char DIGITS[] = "0123456789abcdef";
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        const char *high = NULL, *low = NULL;
        if (text[i] == '%' && len - i > 2 && text[i + 1] != 0 && text[i + 2] != 0) {
            high = strchr(DIGITS, text[i + 1] | (text[i + 1] >= 'A' ? 32 : 0));
            low = strchr(DIGITS, text[i + 2] | (text[i + 2] >= 'A' ? 32 : 0));
        }
        if (high != NULL && low != NULL) {
            out[n++] = (char)((high - DIGITS) * 16 + (low - DIGITS));
            i += 2;
        } else {
            out[n++] = plus && text[i] == '+' ? ' ' : (char)text[i];
        }
    }
    return n;
}

static void check_decode(fa_span text, bool plus)
{
    char *out = malloc(text.len > 0 ? text.len : 1), *plain = malloc(text.len > 0 ? text.len : 1);
    size_t n = 0;
    bool invalid = false;
    fa_url_decode(text, out, &n, plus, &invalid);
    size_t want = decode_plainly((const uint8_t *)text.ptr, text.len, plus, plain);
    require(n == want && memcmp(out, plain, n) == 0);
    require(invalid == !fa_url_valid_utf8((fa_span){out, n}));
    if (!fa_url_needs_decode(text, plus)) {
        require(n == text.len && memcmp(out, text.ptr, n) == 0);
    }
    free(plain);
    free(out);
}

/* Each name and value lies in the query, one behind the other, and none holds a separator. */
static void check_query(fa_span query)
{
    struct fa_url_query_iter it;
    fa_span name, value;
    const char *at = query.ptr;
    fa_url_query_iter_init(&it, query);
    for (size_t pairs = 0; fa_url_query_next(&it, &name, &value); pairs++) {
        require(pairs <= query.len);
        require(name.ptr >= at && name.ptr + name.len <= query.ptr + query.len);
        require(memchr(name.ptr, '&', name.len) == NULL && memchr(name.ptr, '=', name.len) == NULL);
        at = name.ptr + name.len;
        if (value.len > 0) {
            require(value.ptr >= at && value.ptr + value.len <= query.ptr + query.len);
            require(memchr(value.ptr, '&', value.len) == NULL);
            at = value.ptr + value.len;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size > 0 ? size : 1);
    if (size > 0) memcpy(text, data, size);
    fa_span all = {text, size};
    check_decode(all, false);
    check_decode(all, true);
    check_query(all);
    free(text);
    return 0;
}
