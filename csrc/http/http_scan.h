/*
 * http_scan.h - the parser's inner loops: find the first byte that needs a look.
 *
 * Two implementations with equal behaviour, chosen when the server starts: plain
 * C, and SSE4.2 where the CPU has it. A scan never reads at or past `end`.
 */
#ifndef FA_HTTP_HTTP_SCAN_H
#define FA_HTTP_HTTP_SCAN_H

#include <stdbool.h>

struct fa_http_scan {
    const char *name;
    /* First byte of [p, end) that may not stand in a request target: a control
     * character, space, '#', DEL, or one that is not ASCII (RFC 3986, 2). `end` if there
     * is none. */
    const char *(*target_end)(const char *p, const char *end);
    /* The same, and '?'. */
    const char *(*path_end)(const char *p, const char *end);
    /* First byte of [p, end) that may not stand in a header value: a control
     * character other than tab, or DEL. `end` if there is none. */
    const char *(*value_end)(const char *p, const char *end);
    /* First byte of [p, end) that may not stand in a token (fa_http_char_is_token). `end`
     * if there is none. */
    const char *(*name_end)(const char *p, const char *end);
};

/*
 * fa_http_scan_select - the fastest implementation this CPU runs; the plain one
 * if SIMD is not allowed.
 *
 * Ownership: static storage. Threads: any.
 */
const struct fa_http_scan *fa_http_scan_select(bool allow_simd);

#endif
