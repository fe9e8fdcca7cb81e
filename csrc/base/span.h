/* span.h - a borrowed piece of bytes. */
#ifndef FA_BASE_SPAN_H
#define FA_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/base.h"

/* Always borrowed: whoever keeps one longer keeps what it points into. */
typedef struct fa_span {
    const char *ptr;
    size_t len;
} fa_span;

#define FA_SPAN(literal) ((fa_span){"" literal, sizeof(literal) - 1})

/*
 * fa_span_is_empty - no bytes.
 */
static inline bool fa_span_is_empty(fa_span s)
{
    return s.len == 0;
}

/*
 * fa_span_eq - the same bytes.
 */
static inline bool fa_span_eq(fa_span a, fa_span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/*
 * fa_span_eq_nocase - the same bytes but for the case of ASCII letters.
 */
static inline bool fa_span_eq_nocase(fa_span a, fa_span b)
{
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++) {
        unsigned char x = (unsigned char)a.ptr[i], y = (unsigned char)b.ptr[i];
        if (x == y) continue;
        if ((x ^ y) != 0x20 || (x | 0x20) < 'a' || (x | 0x20) > 'z') return false;
    }
    return true;
}

/*
 * fa_span_trimmed - without what is blank at its two ends.
 */
static FA_INLINE fa_span fa_span_trimmed(fa_span s, bool (*is_blank)(char c))
{
    while (s.len > 0 && is_blank(s.ptr[0]))
        s.ptr++, s.len--;
    while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

/*
 * fa_span_cut - what stands before the first `mark`, all of it without one. `rest` becomes
 * what stands behind that mark.
 */
static inline fa_span fa_span_cut(fa_span *rest, char mark)
{
    fa_span piece = *rest;
    if (piece.len == 0) return piece;
    const char *at = memchr(piece.ptr, mark, piece.len);
    if (at != NULL) piece.len = (size_t)(at - piece.ptr);
    size_t taken = piece.len + (at != NULL);
    *rest = (fa_span){rest->ptr + taken, rest->len - taken};
    return piece;
}

#endif
