#include "http/http_scan.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#define FA_HTTP_SCAN_SSE42 1
#else
#define FA_HTTP_SCAN_SSE42 0
#endif

static inline bool ends_target(unsigned char c)
{
    return c <= 0x20 || c == 0x7f || c == '#';
}

static inline bool ends_value(unsigned char c)
{
    return (c < 0x20 && c != '\t') || c == 0x7f;
}

/* Eight bytes at a time in a register: is any of them below `least` (at most 0x80),
 * DEL, or `mark`? */
static inline bool any_special(const char *p, unsigned char least, unsigned char mark)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), high = UINT64_C(0x8080808080808080);
    uint64_t x;
    memcpy(&x, p, sizeof x);
    uint64_t del = x ^ (ones * 0x7f), other = x ^ (ones * mark);
    uint64_t below = (x - ones * least) & ~x;
    return ((below | ((del - ones) & ~del) | ((other - ones) & ~other)) & high) != 0;
}

static const char *target_end_plain(const char *p, const char *end)
{
    while (end - p >= 8 && !any_special(p, 0x21, '#'))
        p += 8;
    while (p < end && !ends_target((unsigned char)*p))
        p++;
    return p;
}

static const char *value_end_plain(const char *p, const char *end)
{
    while (end - p >= 8 && !any_special(p, 0x20, 0x7f)) /* a tab stops it, and is passed below */
        p += 8;
    while (p < end && !ends_value((unsigned char)*p))
        p++;
    return p;
}

static const struct fa_http_scan plain = {"plain", target_end_plain, value_end_plain};

#if FA_HTTP_SCAN_SSE42

/* PCMPESTRI with byte ranges: the index of the first byte inside any range. Only
 * whole 16-byte blocks are loaded; the rest is left to the plain loop. */
__attribute__((target("sse4.2"))) static const char *target_end_sse42(
    const char *p, const char *end)
{
    const __m128i ranges =
        _mm_setr_epi8(0, 0x20, '#', '#', 0x7f, 0x7f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    for (; end - p >= 16; p += 16) {
        __m128i block = _mm_loadu_si128((const __m128i *)(const void *)p);
        int at = _mm_cmpestri(
            ranges, 6, block, 16, _SIDD_LEAST_SIGNIFICANT | _SIDD_CMP_RANGES | _SIDD_UBYTE_OPS);
        if (at != 16) return p + at;
    }
    return target_end_plain(p, end);
}

__attribute__((target("sse4.2"))) static const char *value_end_sse42(const char *p, const char *end)
{
    const __m128i ranges =
        _mm_setr_epi8(0, 0x08, 0x0a, 0x1f, 0x7f, 0x7f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    for (; end - p >= 16; p += 16) {
        __m128i block = _mm_loadu_si128((const __m128i *)(const void *)p);
        int at = _mm_cmpestri(
            ranges, 6, block, 16, _SIDD_LEAST_SIGNIFICANT | _SIDD_CMP_RANGES | _SIDD_UBYTE_OPS);
        if (at != 16) return p + at;
    }
    return value_end_plain(p, end);
}

static const struct fa_http_scan sse42 = {"sse4.2", target_end_sse42, value_end_sse42};

#endif

const struct fa_http_scan *fa_http_scan_select(bool allow_simd)
{
#if FA_HTTP_SCAN_SSE42
    if (allow_simd && __builtin_cpu_supports("sse4.2")) return &sse42;
#else
    (void)allow_simd;
#endif
    return &plain;
}
