/*
 * http_header_list.h - the header lines of one answer while they are being changed.
 *
 * Names compare byte for byte, as Starlette compares them: ours are lower case, and a
 * name that an application wrote otherwise is another name. Order is kept.
 */
#ifndef FA_HTTP_HTTP_HEADER_LIST_H
#define FA_HTTP_HTTP_HEADER_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/base.h"
#include "base/span.h"
#include "base/status.h"
#include "http/http_parser.h"

enum { FA_HTTP_HEADER_LIST_MAX = 64 };

/* Names and values are borrowed. owner: one thread. */
struct fa_http_header_list {
    size_t count;
    struct fa_http_header items[FA_HTTP_HEADER_LIST_MAX]; /* only `count` are written */
};

/*
 * fa_http_header_list_add - append one header.
 *
 * Errors: FA_ERR_HEADERS_TOO_LARGE when the list is full.
 */
FA_NODISCARD fa_status fa_http_header_list_add(
    struct fa_http_header_list *list, fa_span name, fa_span value);

/*
 * fa_http_header_list_add_lines - append what complete "name: value\r\n" lines say.
 *
 * Errors: FA_ERR_HEADERS_TOO_LARGE; FA_ERR_INVALID for anything but such lines.
 */
FA_NODISCARD fa_status fa_http_header_list_add_lines(
    struct fa_http_header_list *list, fa_span lines);

/*
 * fa_http_header_list_find - the first header of this name, or NULL.
 */
const struct fa_http_header *fa_http_header_list_find(
    const struct fa_http_header_list *list, fa_span name);

/*
 * fa_http_header_list_set - give the first header of this name this value and remove
 * the others; append it if there is none.
 *
 * Errors: FA_ERR_HEADERS_TOO_LARGE when the list is full; nothing has changed then.
 */
FA_NODISCARD fa_status fa_http_header_list_set(
    struct fa_http_header_list *list, fa_span name, fa_span value);

/*
 * fa_http_header_list_joined_size - bytes of what fa_http_header_list_joined writes.
 */
size_t fa_http_header_list_joined_size(
    const struct fa_http_header_list *list, fa_span name, fa_span more);

/*
 * fa_http_header_list_joined - write all values of a name and then `more`, ", " between
 * them, to `dst` (room for fa_http_header_list_joined_size).
 */
void fa_http_header_list_joined(
    const struct fa_http_header_list *list, fa_span name, fa_span more, char *dst);

/*
 * fa_http_header_list_size - bytes of all lines.
 */
size_t fa_http_header_list_size(const struct fa_http_header_list *list);

/*
 * fa_http_header_list_write - write all lines to `dst` (room for fa_http_header_list_size).
 */
void fa_http_header_list_write(const struct fa_http_header_list *list, char *dst);

#endif
