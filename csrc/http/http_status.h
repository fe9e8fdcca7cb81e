/* http_status.h - status codes and their reason phrases, once. */
#ifndef FA_HTTP_HTTP_STATUS_H
#define FA_HTTP_HTTP_STATUS_H

#include "base/span.h"

/* The registered status codes (RFC 9110, 15, and the IANA registry), with the
 * reason phrases Python's http.HTTPStatus uses, which is what Uvicorn sends.
 * Python 3.13 took over the new names of four; setup.py says if it has the old. */
#if defined(FA_HTTP_STATUS_OLD_REASONS) && FA_HTTP_STATUS_OLD_REASONS
#define FA_HTTP_STATUS_REASON_413 "Request Entity Too Large"
#define FA_HTTP_STATUS_REASON_414 "Request-URI Too Long"
#define FA_HTTP_STATUS_REASON_416 "Requested Range Not Satisfiable"
#define FA_HTTP_STATUS_REASON_422 "Unprocessable Entity"
#else
#define FA_HTTP_STATUS_REASON_413 "Content Too Large"
#define FA_HTTP_STATUS_REASON_414 "URI Too Long"
#define FA_HTTP_STATUS_REASON_416 "Range Not Satisfiable"
#define FA_HTTP_STATUS_REASON_422 "Unprocessable Content"
#endif

#define FA_HTTP_STATUS_MAP(X)                 \
    X(100, "Continue")                        \
    X(101, "Switching Protocols")             \
    X(102, "Processing")                      \
    X(103, "Early Hints")                     \
    X(200, "OK")                              \
    X(201, "Created")                         \
    X(202, "Accepted")                        \
    X(203, "Non-Authoritative Information")   \
    X(204, "No Content")                      \
    X(205, "Reset Content")                   \
    X(206, "Partial Content")                 \
    X(207, "Multi-Status")                    \
    X(208, "Already Reported")                \
    X(226, "IM Used")                         \
    X(300, "Multiple Choices")                \
    X(301, "Moved Permanently")               \
    X(302, "Found")                           \
    X(303, "See Other")                       \
    X(304, "Not Modified")                    \
    X(305, "Use Proxy")                       \
    X(307, "Temporary Redirect")              \
    X(308, "Permanent Redirect")              \
    X(400, "Bad Request")                     \
    X(401, "Unauthorized")                    \
    X(402, "Payment Required")                \
    X(403, "Forbidden")                       \
    X(404, "Not Found")                       \
    X(405, "Method Not Allowed")              \
    X(406, "Not Acceptable")                  \
    X(407, "Proxy Authentication Required")   \
    X(408, "Request Timeout")                 \
    X(409, "Conflict")                        \
    X(410, "Gone")                            \
    X(411, "Length Required")                 \
    X(412, "Precondition Failed")             \
    X(413, FA_HTTP_STATUS_REASON_413)         \
    X(414, FA_HTTP_STATUS_REASON_414)         \
    X(415, "Unsupported Media Type")          \
    X(416, FA_HTTP_STATUS_REASON_416)         \
    X(417, "Expectation Failed")              \
    X(418, "I'm a Teapot")                    \
    X(421, "Misdirected Request")             \
    X(422, FA_HTTP_STATUS_REASON_422)         \
    X(423, "Locked")                          \
    X(424, "Failed Dependency")               \
    X(425, "Too Early")                       \
    X(426, "Upgrade Required")                \
    X(428, "Precondition Required")           \
    X(429, "Too Many Requests")               \
    X(431, "Request Header Fields Too Large") \
    X(451, "Unavailable For Legal Reasons")   \
    X(500, "Internal Server Error")           \
    X(501, "Not Implemented")                 \
    X(502, "Bad Gateway")                     \
    X(503, "Service Unavailable")             \
    X(504, "Gateway Timeout")                 \
    X(505, "HTTP Version Not Supported")      \
    X(506, "Variant Also Negotiates")         \
    X(507, "Insufficient Storage")            \
    X(508, "Loop Detected")                   \
    X(510, "Not Extended")                    \
    X(511, "Network Authentication Required")

/*
 * fa_http_status_line - "HTTP/1.1 200 OK\r\n", empty for an unknown code.
 *
 * Ownership: static storage. Threads: any.
 */
static inline fa_span fa_http_status_line(int status)
{
    switch (status) {
#define FA_HTTP_STATUS_CASE(code, reason) \
    case code: return FA_SPAN("HTTP/1.1 " #code " " reason "\r\n");
        FA_HTTP_STATUS_MAP(FA_HTTP_STATUS_CASE)
#undef FA_HTTP_STATUS_CASE
    default: return (fa_span){"", 0};
    }
}

/*
 * fa_http_status_reason - "OK", empty for an unknown code.
 *
 * Ownership: static storage. Threads: any.
 */
static inline fa_span fa_http_status_reason(int status)
{
    fa_span line = fa_http_status_line(status);
    size_t start = sizeof "HTTP/1.1 200 " - 1;
    return line.len == 0 ? line : (fa_span){line.ptr + start, line.len - start - 2};
}

#endif
