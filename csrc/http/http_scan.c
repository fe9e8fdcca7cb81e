#include "http/http_scan.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "http/http_char.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#define FA_HTTP_SCAN_SSE42 1
#else
#define FA_HTTP_SCAN_SSE42 0
#endif

static inline bool ends_target(unsigned char c)
{
    return c <= 0x20 || c >= 0x7f || c == '#';
}

/* --- plain C ----------------------------------------------------------------------- */

#define ONES UINT64_C(0x0101010101010101)

/* Eight bytes in a register: a bit in the highest place of those equal to `byte`. Bytes
 * above the first such one may have theirs too, so it answers whether there is one. */
static inline uint64_t any_equal(uint64_t x, unsigned char byte)
{
    uint64_t differ = x ^ (ONES * byte);
    return (differ - ONES) & ~differ & (ONES * 0x80);
}

/* In the same way those below `least`, at most 0x80. */
static inline uint64_t any_below(uint64_t x, unsigned char least)
{
    return (x - ONES * least) & ~x & (ONES * 0x80);
}

static inline uint64_t load(const char *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
    return x;
}

static inline uint64_t any_ends_target(uint64_t x)
{
    return any_below(x, 0x21) | (x & (ONES * 0x80)) | any_equal(x, 0x7f) | any_equal(x, '#');
}

static const char *target_end_plain(const char *p, const char *end)
{
    while (end - p >= 8 && any_ends_target(load(p)) == 0)
        p += 8;
    while (p < end && !ends_target((unsigned char)*p))
        p++;
    return p;
}

static const char *path_end_plain(const char *p, const char *end)
{
    while (end - p >= 8 && (any_ends_target(load(p)) | any_equal(load(p), '?')) == 0)
        p += 8;
    while (p < end && *p != '?' && !ends_target((unsigned char)*p))
        p++;
    return p;
}

static const char *value_end_plain(const char *p, const char *end)
{
    /* A tab stops this loop, and is passed by the next. */
    while (end - p >= 8 && (any_below(load(p), 0x20) | any_equal(load(p), 0x7f)) == 0)
        p += 8;
    while (p < end && fa_http_char_is_text(*p))
        p++;
    return p;
}

static const char *name_end_plain(const char *p, const char *end)
{
    while (p < end && fa_http_char_is_token(*p))
        p++;
    return p;
}

static const struct fa_http_scan plain = {
    "plain", target_end_plain, path_end_plain, value_end_plain, name_end_plain};

/* --- SSE4.2 ------------------------------------------------------------------------ */

#if FA_HTTP_SCAN_SSE42
#define SSE42 __attribute__((target("sse4.2")))

/* Any set of ASCII characters: bit h of byte l says that 16 * h + l is in it. */
typedef unsigned char ascii_set[16];

/* All that is visible but for '#'. */
static const ascii_set TARGET = {
    0xf8, 0xfc, 0xfc, 0xf8, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0x7c};
/* The same but for '?'. */
static const ascii_set PATH = {
    0xf8, 0xfc, 0xfc, 0xf8, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0x74};
/* Below 0x20 but for tab, DEL. */
static const ascii_set VALUE_ENDS = {3, 3, 3, 3, 3, 3, 3, 3, 3, 2, 3, 3, 3, 3, 3, 0x83};
/* tchar */
static const ascii_set TOKEN = {
    0xe8, 0xfc, 0xf8, 0xfc, 0xfc, 0xfc, 0xfc, 0xfc, 0xf8, 0xf8, 0xf4, 0x54, 0xd0, 0x54, 0xf4, 0x70};

/* A bit for each of the 16 bytes, set if it is not in the set. Two table look-ups in a
 * register, by the low and the high half of each byte: half the time of PCMPESTRI. */
SSE42 static inline unsigned not_in(const ascii_set set, __m128i bytes)
{
    const __m128i bit = _mm_setr_epi8(1, 2, 4, 8, 16, 32, 64, -128, 0, 0, 0, 0, 0, 0, 0, 0);
    __m128i rows = _mm_loadu_si128((const __m128i *)(const void *)set);
    __m128i low = _mm_shuffle_epi8(rows, bytes); /* 0 for bytes that are not ASCII */
    __m128i half = _mm_and_si128(_mm_srli_epi16(bytes, 4), _mm_set1_epi8(15));
    __m128i high = _mm_shuffle_epi8(bit, half);
    __m128i outside = _mm_cmpeq_epi8(_mm_and_si128(low, high), _mm_setzero_si128());
    return (unsigned)_mm_movemask_epi8(outside);
}

typedef const char *scan_fn(const char *p, const char *end);

/* The first byte that is in the set, or if `flip` is 0 the first that is not: whole
 * blocks of 16, then 8 to 15 bytes as two halves that overlap, fewer by `rest`. */
SSE42 static inline const char *find(
    const ascii_set set, unsigned flip, scan_fn *rest, const char *p, const char *end)
{
    for (; end - p >= 16; p += 16) {
        unsigned hits = not_in(set, _mm_loadu_si128((const __m128i *)(const void *)p)) ^ flip;
        if (hits != 0) return p + __builtin_ctz(hits);
    }
    size_t left = (size_t)(end - p);
    if (left < 8) return rest(p, end);
    __m128i front = _mm_loadl_epi64((const __m128i *)(const void *)p);
    __m128i back = _mm_loadl_epi64((const __m128i *)(const void *)(end - 8));
    unsigned hits = not_in(set, _mm_unpacklo_epi64(front, back)) ^ flip;
    hits = (hits & 0xff) | (hits >> 8) << (left - 8);
    return hits != 0 ? p + __builtin_ctz(hits) : end;
}

SSE42 static const char *target_end_sse42(const char *p, const char *end)
{
    return find(TARGET, 0, target_end_plain, p, end);
}

SSE42 static const char *path_end_sse42(const char *p, const char *end)
{
    return find(PATH, 0, path_end_plain, p, end);
}

SSE42 static const char *value_end_sse42(const char *p, const char *end)
{
    return find(VALUE_ENDS, 0xffff, value_end_plain, p, end);
}

SSE42 static const char *name_end_sse42(const char *p, const char *end)
{
    return find(TOKEN, 0, name_end_plain, p, end);
}

static const struct fa_http_scan sse42 = {
    "sse4.2", target_end_sse42, path_end_sse42, value_end_sse42, name_end_sse42};

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
