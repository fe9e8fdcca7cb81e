/* status.h - one table of everything a function of the core can answer. */
#ifndef FA_BASE_STATUS_H
#define FA_BASE_STATUS_H

/* X(name, value, HTTP status, text). Errors are negative. */
#define FA_STATUS_MAP(X)                                               \
    X(FA_OK, 0, 200, "ok")                                             \
    X(FA_AGAIN, 1, 500, "not now")                                     \
    X(FA_ERR_NOMEM, -1, 503, "out of memory")                          \
    X(FA_ERR_INVALID, -2, 500, "invalid argument")                     \
    X(FA_ERR_IO, -3, 500, "input/output error")                        \
    X(FA_ERR_CLOSED, -4, 500, "closed")                                \
    X(FA_ERR_FULL, -5, 503, "full")                                    \
    X(FA_ERR_UNSUPPORTED, -6, 500, "not supported")                    \
    X(FA_ERR_BAD_REQUEST, -20, 400, "malformed request")               \
    X(FA_ERR_REQUEST_TIMEOUT, -21, 408, "request timed out")           \
    X(FA_ERR_BODY_TOO_LARGE, -22, 413, "request body too large")       \
    X(FA_ERR_URI_TOO_LONG, -23, 414, "request line too long")          \
    X(FA_ERR_EXPECTATION, -24, 417, "expectation not met")             \
    X(FA_ERR_HEADERS_TOO_LARGE, -25, 431, "request headers too large") \
    X(FA_ERR_NOT_IMPLEMENTED, -26, 501, "not implemented")             \
    X(FA_ERR_UNAVAILABLE, -27, 503, "service unavailable")             \
    X(FA_ERR_HTTP_VERSION, -28, 505, "HTTP version not supported")     \
    X(FA_ERR_ENCODING, -29, 500, "text that cannot be UTF-8")

typedef enum fa_status {
#define FA_STATUS_ENUM(name, value, http, text) name = value,
    FA_STATUS_MAP(FA_STATUS_ENUM)
#undef FA_STATUS_ENUM
} fa_status;

/*
 * fa_status_http - the HTTP status that answers this error.
 *
 * Threads: any. Returns 500 for a value that is not in the table.
 */
int fa_status_http(fa_status status);

/*
 * fa_status_text - a short text for people.
 *
 * Ownership: static storage. Threads: any.
 */
const char *fa_status_text(fa_status status);

#endif
