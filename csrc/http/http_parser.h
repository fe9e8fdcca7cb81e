/*
 * http_parser.h - the head of an HTTP/1.x request, strictly (RFC 9112).
 *
 * Strict on purpose: whatever two HTTP implementations could read differently
 * (bare line feeds, spaces before colons, folded lines, two lengths) is refused,
 * because that difference is what request smuggling lives on.
 */
#ifndef FA_HTTP_HTTP_PARSER_H
#define FA_HTTP_HTTP_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "base/span.h"
#include "base/status.h"
#include "http/http_method.h"
#include "http/http_scan.h"

#define FA_HTTP_MAX_HEADERS 512

struct fa_http_limits {
    uint32_t request_line; /* bytes without CRLF; else FA_ERR_URI_TOO_LONG */
    uint32_t header_block; /* bytes of the whole head; else FA_ERR_HEADERS_TOO_LARGE */
    uint32_t header_count; /* at most FA_HTTP_MAX_HEADERS; else FA_ERR_HEADERS_TOO_LARGE */
};

struct fa_http_header {
    fa_span name;
    fa_span value; /* without surrounding spaces and tabs */
};

/* All spans point into the parsed bytes. */
struct fa_http_request {
    enum fa_http_method method;
    fa_span method_text;
    fa_span target; /* as sent */
    fa_span path;   /* raw, before '?'; "*" for OPTIONS * */
    fa_span query;  /* raw, after '?' */
    fa_span host;   /* of the absolute-form target, else of the Host header */
    bool has_query;
    uint8_t minor; /* HTTP/1.minor: 0 or 1 */
    bool keep_alive;
    bool expect_continue;
    bool chunked;
    bool has_content_length;
    bool upgrade; /* to a WebSocket; what else a client offers may be ignored (RFC 9110, 7.8) */
    uint64_t content_length;
    uint32_t header_count;
    struct fa_http_header headers[FA_HTTP_MAX_HEADERS]; /* only header_count are written */
};

struct fa_http_parser {
    const struct fa_http_scan *scan;
    struct fa_http_limits limits;
};

/*
 * fa_http_parser_head - parse one request head at the start of buf.
 *
 * `seen` is the number of bytes that were there at the previous FA_AGAIN for the
 * same request (0 at first): a head that arrives in many pieces costs linear
 * time. *consumed is the length of the head with its final empty line, and with
 * up to one empty line before it (RFC 9112, 2.2).
 *
 * Ownership: out's spans borrow buf.
 * Threads:   any; the parser is read-only.
 * Errors:    FA_AGAIN for an incomplete head; FA_ERR_BAD_REQUEST,
 *            FA_ERR_URI_TOO_LONG, FA_ERR_HEADERS_TOO_LARGE,
 *            FA_ERR_HTTP_VERSION, FA_ERR_NOT_IMPLEMENTED (transfer coding,
 *            CONNECT), FA_ERR_EXPECTATION. Nothing may be parsed after one.
 */
FA_NODISCARD fa_status fa_http_parser_head(const struct fa_http_parser *p, const char *buf,
    size_t len, size_t seen, struct fa_http_request *out, size_t *consumed);

/*
 * fa_http_parser_is_token - is every byte a tchar (RFC 9110, 5.6.2), and is there one?
 */
bool fa_http_parser_is_token(fa_span text);

/*
 * fa_http_parser_find - the first header of this name, or NULL.
 *
 * Ownership: the request's. Threads: any.
 */
const struct fa_http_header *fa_http_parser_find(const struct fa_http_request *req, fa_span name);

#endif
