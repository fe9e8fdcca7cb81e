#include "json/json_escape.h"

#include <stdint.h>
#include <string.h>

#include "base/base.h"

size_t fa_json_escape_copy_scalar(char *dst, const char *src, size_t len, int ascii_only)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)src[i];
        if (fa_json_escape_needed(c) || (ascii_only && c >= 0x80)) return i;
        dst[i] = src[i];
    }
    return len;
}

size_t fa_json_escape_byte(char *dst, unsigned char byte)
{
    char letter;
    switch (byte) {
    case '"': letter = '"'; break;
    case '\\': letter = '\\'; break;
    case '\n': letter = 'n'; break;
    case '\r': letter = 'r'; break;
    case '\t': letter = 't'; break;
    case '\b': letter = 'b'; break;
    case '\f': letter = 'f'; break;
    default:
        memcpy(dst, "\\u00", 4);
        dst[4] = "0123456789abcdef"[byte >> 4];
        dst[5] = "0123456789abcdef"[byte & 15];
        return 6;
    }
    dst[0] = '\\';
    dst[1] = letter;
    return 2;
}

#if defined(__SSE2__)

#include <emmintrin.h>

/* Bit n is set if byte n must not be copied as it is. */
static inline unsigned stop_mask(__m128i v, bool ascii_only)
{
    __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v);
    __m128i quote = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
    __m128i backslash = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));
    __m128i stop = _mm_or_si128(control, _mm_or_si128(quote, backslash));
    if (ascii_only) stop = _mm_or_si128(stop, v); /* movemask looks at the top bit only */
    return (unsigned)_mm_movemask_epi8(stop);
}

/*
 * Fewer than 16 bytes, without reading past either end: both halves of the
 * text, overlapping in the middle, side by side in one register.
 */
static inline size_t copy_short(char *dst, const char *src, size_t len, bool ascii_only)
{
    size_t half = len >= 8 ? 8 : 4;
    uint64_t head = 0, tail = 0;
    if (len >= 8) {
        memcpy(&head, src, 8);
        memcpy(&tail, src + len - 8, 8);
        memcpy(dst, &head, 8);
        memcpy(dst + len - 8, &tail, 8);
    } else if (len >= 4) {
        uint32_t low, high;
        memcpy(&low, src, 4);
        memcpy(&high, src + len - 4, 4);
        memcpy(dst, &low, 4);
        memcpy(dst + len - 4, &high, 4);
        head = low;
        tail = high;
    } else {
        return fa_json_escape_copy_scalar(dst, src, len, ascii_only);
    }
    unsigned mask = stop_mask(_mm_set_epi64x((int64_t)tail, (int64_t)head), ascii_only);
    unsigned in_head = mask & ((1u << half) - 1);
    unsigned in_tail = (mask >> 8) & ((1u << half) - 1);
    if (FA_LIKELY((in_head | in_tail) == 0)) return len;
    if (in_head != 0) return (size_t)__builtin_ctz(in_head);
    return len - half + (size_t)__builtin_ctz(in_tail);
}

static inline size_t copy_clean(char *dst, const char *src, size_t len, bool ascii_only)
{
    if (len < 16) return copy_short(dst, src, len, ascii_only);
    size_t at = 0;
    for (;;) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(src + at));
        _mm_storeu_si128((__m128i *)(void *)(dst + at), v);
        unsigned mask = stop_mask(v, ascii_only);
        if (mask != 0) return at + (size_t)__builtin_ctz(mask);
        at += 16;
        if (at == len) return len;
        if (len - at < 16) at = len - 16; /* the last block overlaps what is known to be clean */
    }
}

#else

static inline size_t copy_clean(char *dst, const char *src, size_t len, bool ascii_only)
{
    return fa_json_escape_copy_scalar(dst, src, len, ascii_only);
}

#endif

size_t fa_json_escape_copy(char *dst, const char *src, size_t len)
{
    return copy_clean(dst, src, len, false);
}

size_t fa_json_escape_copy_ascii(char *dst, const char *src, size_t len)
{
    return copy_clean(dst, src, len, true);
}
