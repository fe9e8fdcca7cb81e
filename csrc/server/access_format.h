/*
 * access_format.h - how a line of the access log looks: a pattern with fields.
 *
 *     %(client_addr)s - "%(request_line)s" %(status_code)s
 *
 * A pattern that begins with `{` is JSON: what stands for a field is escaped as JSON
 * wants it. In any other what is not printable ASCII, a quote and a backslash are
 * written as \xNN. So no client can forge a line, or the end of a field.
 */
#ifndef FA_SERVER_ACCESS_FORMAT_H
#define FA_SERVER_ACCESS_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "base/span.h"
#include "base/status.h"

/* X(field): the names that a pattern may use. */
#define FA_ACCESS_FORMAT_MAP(X)                                             \
    X(client_addr)     /* "127.0.0.1:50312" */                              \
    X(method)          /* "GET" */                                          \
    X(target)          /* path and query, as sent */                        \
    X(path)            /* without the query */                              \
    X(query)           /* without the question mark */                      \
    X(http_version)    /* "1.1" */                                          \
    X(request_line)    /* "GET /x HTTP/1.1" */                              \
    X(status)          /* "200" */                                          \
    X(status_code)     /* "200 OK" */                                       \
    X(coloured_status) /* the same, in the colour of its class */           \
    X(bytes)           /* of the answer, its head included */               \
    X(duration_ms)     /* from the parsed head to the last byte, "0.123" */ \
    X(time)            /* "2026-11-30T16:12:01.123Z" */                     \
    X(host)            /* the Host header */                                \
    X(referer)         /* the Referer header */                             \
    X(user_agent)      /* the User-Agent header */

enum fa_access_field {
#define FA_ACCESS_FORMAT_ENUM(name) FA_ACCESS_FIELD_##name,
    FA_ACCESS_FORMAT_MAP(FA_ACCESS_FORMAT_ENUM)
#undef FA_ACCESS_FORMAT_ENUM
        FA_ACCESS_FIELD_COUNT
};

/* Uvicorn's line; the same with colours; and as JSON. */
#define FA_ACCESS_FORMAT_TEXT "INFO:     %(client_addr)s - \"%(request_line)s\" %(status_code)s"
#define FA_ACCESS_FORMAT_COLOURS                                                     \
    "\x1b[32mINFO\x1b[0m:     %(client_addr)s - \"\x1b[1m%(request_line)s\x1b[0m\" " \
    "%(coloured_status)s"
#define FA_ACCESS_FORMAT_JSON                                                               \
    "{\"time\":\"%(time)s\",\"client_addr\":\"%(client_addr)s\",\"method\":\"%(method)s\"," \
    "\"path\":\"%(path)s\",\"query\":\"%(query)s\",\"http_version\":\"%(http_version)s\","  \
    "\"status\":%(status)s,\"bytes\":%(bytes)s,\"duration_ms\":%(duration_ms)s,"            \
    "\"host\":\"%(host)s\",\"referer\":\"%(referer)s\",\"user_agent\":\"%(user_agent)s\"}"

#define FA_ACCESS_FORMAT_MAX 1024 /* bytes of a pattern */
#define FA_ACCESS_LINE_MAX   4096 /* bytes of a line with its end: PIPE_BUF, one write */

struct fa_access_part {
    uint16_t literal; /* where the text in front of the field begins, in `text` */
    uint16_t literal_len;
    uint8_t field; /* FA_ACCESS_FIELD_COUNT: none, the end of the pattern */
};

#define FA_ACCESS_FORMAT_PARTS 32

/* owner: one thread; read-only once parsed. */
struct fa_access_format {
    bool json;
    bool has_time;
    bool has_headers; /* asks for one of the three headers */
    uint32_t part_count;
    struct fa_access_part parts[FA_ACCESS_FORMAT_PARTS];
    char text[FA_ACCESS_FORMAT_MAX];
};

/* One request, answered. Empty spans: not known. */
struct fa_access_line {
    fa_span client;
    fa_span method;
    fa_span target;
    fa_span host;
    fa_span referer;
    fa_span user_agent;
    uint8_t minor; /* HTTP/1.<minor> */
    int status;
    uint64_t bytes;
    uint64_t duration_ns;
    uint64_t unix_ms; /* looked at only for %(time)s */
};

/*
 * fa_access_format_parse - read a pattern; "text", "colours" and "json" stand for the
 * three above.
 *
 * Ownership: `pattern` is borrowed; *bad is a part of it.
 * Errors:    FA_ERR_INVALID: *bad is the field that does not exist, a `%` that is no
 *            field, or all of a pattern that is empty, too long, of several lines, or
 *            has too many fields. *out is undefined then.
 */
FA_NODISCARD fa_status fa_access_format_parse(
    struct fa_access_format *out, fa_span pattern, fa_span *bad);

/*
 * fa_access_format_write - the text of one line, with its line end.
 *
 * Returns the length, at most FA_ACCESS_LINE_MAX, for which `dst` has room. Fields are
 * cut so that all others, and the pattern's own text, have their place.
 * Threads: any.
 */
size_t fa_access_format_write(
    const struct fa_access_format *format, const struct fa_access_line *line, char *dst);

#endif
