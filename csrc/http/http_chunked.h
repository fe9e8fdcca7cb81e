/*
 * http_chunked.h - chunked transfer coding (RFC 9112, 7.1), decoded in place.
 *
 * The decoder is incremental and linear: it looks at each byte once, however the
 * body is cut. Extensions are checked, bounded and ignored; trailers are checked
 * as headers, counted and dropped. Those that would frame the body are refused
 * (RFC 9110, 6.5.1): whoever merged them would see another end of it.
 */
#ifndef FA_HTTP_HTTP_CHUNKED_H
#define FA_HTTP_HTTP_CHUNKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "base/status.h"
#include "http/http_parser.h"

#define FA_HTTP_CHUNK_LINE_MAX       256   /* bytes of one size line with its extensions */
#define FA_HTTP_CHUNK_EXTENSIONS_MAX 16384 /* bytes of all extensions of one body */

enum fa_http_chunked_state {
    FA_HTTP_CHUNKED_SIZE,
    FA_HTTP_CHUNKED_EXTENSION,
    FA_HTTP_CHUNKED_QUOTED,  /* inside a quoted extension value */
    FA_HTTP_CHUNKED_ESCAPED, /* after a backslash in it */
    FA_HTTP_CHUNKED_SIZE_LF,
    FA_HTTP_CHUNKED_DATA,
    FA_HTTP_CHUNKED_DATA_CR,
    FA_HTTP_CHUNKED_DATA_LF,
    FA_HTTP_CHUNKED_LINE, /* start of a trailer line or of the last line */
    FA_HTTP_CHUNKED_TRAILER_NAME,
    FA_HTTP_CHUNKED_TRAILER_VALUE,
    FA_HTTP_CHUNKED_TRAILER_LF,
    FA_HTTP_CHUNKED_LAST_LF,
    FA_HTTP_CHUNKED_DONE,
    FA_HTTP_CHUNKED_FAILED
};

struct fa_http_chunked {
    enum fa_http_chunked_state state;
    fa_status error;          /* once it has failed */
    uint64_t left;            /* of the current chunk, or its size so far */
    uint32_t digits;          /* of the current size */
    uint32_t line_len;        /* bytes of the current size line */
    uint32_t extension_bytes; /* of the whole body */
    uint32_t trailer_bytes;
    uint32_t trailer_count;
    uint32_t name_len;            /* of the current trailer's name so far */
    uint8_t may_frame;            /* which framing names it may yet be, a bit each */
    struct fa_http_limits limits; /* for trailers */
};

/*
 * fa_http_chunked_init - before the first byte of a chunked body.
 */
void fa_http_chunked_init(struct fa_http_chunked *c, const struct fa_http_limits *limits);

/*
 * fa_http_chunked_decode - decode what is there.
 *
 * In: *len raw bytes at buf. Out: *len decoded bytes at buf (they moved to the
 * front), *consumed raw bytes used up; *done once the body has ended, and then
 * the raw bytes after buf + *consumed belong to the next request and have not moved.
 *
 * Errors: FA_ERR_BAD_REQUEST, FA_ERR_HEADERS_TOO_LARGE (trailers). The
 *         connection must not be read any further then; every later call gives
 *         the same error.
 */
FA_NODISCARD fa_status fa_http_chunked_decode(
    struct fa_http_chunked *c, char *buf, size_t *len, size_t *consumed, bool *done);

#endif
