/*
 * http_response.h - the head of a response, written once, right before its body.
 */
#ifndef FA_HTTP_HTTP_RESPONSE_H
#define FA_HTTP_HTTP_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "base/span.h"
#include "base/status.h"

/* Room kept free at a buffer's start so that a head without extra headers fits
 * in front of a body that is already there. */
#define FA_HTTP_HEAD_ROOM 256

/*
 * Lines go out in this order, names in lower case: status line, date, `fixed`,
 * `before`, content-length, content-type, `extra`, transfer-encoding, connection.
 * Empty spans are left out.
 */
struct fa_http_head {
    int status;
    fa_span date;
    fa_span fixed;  /* complete "name: value\r\n" lines, of every answer */
    fa_span before; /* likewise, of this one */
    fa_span content_type;
    fa_span extra; /* complete lines */
    uint64_t content_length;
    bool has_content_length;
    bool chunked;
    bool close;         /* connection: close */
    bool keep_alive_10; /* connection: keep-alive, which HTTP/1.0 needs to hear */
};

/*
 * fa_http_head_size - bytes that fa_http_head_write will write.
 */
size_t fa_http_head_size(const struct fa_http_head *h);

/*
 * fa_http_head_write - write the head to dst (room for fa_http_head_size); returns its size.
 */
size_t fa_http_head_write(const struct fa_http_head *h, char *dst);

/*
 * fa_http_head_write_before - write the head so that it ends at `body`.
 *
 * Errors: FA_AGAIN if [room, body) is too small; nothing was written then.
 */
FA_NODISCARD fa_status fa_http_head_write_before(
    const struct fa_http_head *h, char *body, char *room, char **start);

/*
 * fa_http_header_valid_name, fa_http_header_valid_value - may the application
 * send this? A value with CR, LF or NUL would let it write headers or bodies of
 * its own making (response splitting).
 */
bool fa_http_header_valid_name(fa_span name);
bool fa_http_header_valid_value(fa_span value);

#endif
