#include "http/http_header_list.h"

#include <string.h>

fa_status fa_http_header_list_add(struct fa_http_header_list *list, fa_span name, fa_span value)
{
    if (list->count == FA_HTTP_HEADER_LIST_MAX) return FA_ERR_HEADERS_TOO_LARGE;
    list->items[list->count++] = (struct fa_http_header){name, value};
    return FA_OK;
}

/* Takes the first line off `rest`. */
static fa_status take_line(fa_span *rest, fa_span *name, fa_span *value)
{
    const char *end = memchr(rest->ptr, '\r', rest->len);
    size_t len = end == NULL ? rest->len : (size_t)(end - rest->ptr);
    if (rest->len - len < 2 || end[1] != '\n') return FA_ERR_INVALID;
    const char *colon = memchr(rest->ptr, ':', len);
    if (colon == NULL) return FA_ERR_INVALID;
    size_t name_len = (size_t)(colon - rest->ptr), skip = name_len + 2;
    if (name_len == 0 || skip > len || colon[1] != ' ') return FA_ERR_INVALID;
    *name = (fa_span){rest->ptr, name_len};
    *value = (fa_span){rest->ptr + skip, len - skip};
    *rest = (fa_span){rest->ptr + len + 2, rest->len - len - 2};
    return FA_OK;
}

fa_status fa_http_header_list_add_lines(struct fa_http_header_list *list, fa_span lines)
{
    while (lines.len > 0) {
        fa_span name, value;
        fa_status status = take_line(&lines, &name, &value);
        if (status == FA_OK) status = fa_http_header_list_add(list, name, value);
        if (status != FA_OK) return status;
    }
    return FA_OK;
}

const struct fa_http_header *fa_http_header_list_find(
    const struct fa_http_header_list *list, fa_span name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (fa_span_eq(list->items[i].name, name)) return &list->items[i];
    }
    return NULL;
}

fa_status fa_http_header_list_set(struct fa_http_header_list *list, fa_span name, fa_span value)
{
    size_t kept = 0, found = 0;
    for (size_t i = 0; i < list->count; i++) {
        bool same = fa_span_eq(list->items[i].name, name);
        if (same && found++ > 0) continue;
        list->items[kept] = list->items[i];
        if (same) list->items[kept].value = value;
        kept++;
    }
    list->count = kept;
    return found > 0 ? FA_OK : fa_http_header_list_add(list, name, value);
}

size_t fa_http_header_list_joined_size(
    const struct fa_http_header_list *list, fa_span name, fa_span more)
{
    size_t size = more.len;
    for (size_t i = 0; i < list->count; i++) {
        if (fa_span_eq(list->items[i].name, name)) size += list->items[i].value.len + 2;
    }
    return size;
}

static char *put(char *dst, fa_span text)
{
    if (text.len > 0) memcpy(dst, text.ptr, text.len);
    return dst + text.len;
}

void fa_http_header_list_joined(
    const struct fa_http_header_list *list, fa_span name, fa_span more, char *dst)
{
    for (size_t i = 0; i < list->count; i++) {
        if (!fa_span_eq(list->items[i].name, name)) continue;
        dst = put(dst, list->items[i].value);
        dst = put(dst, FA_SPAN(", "));
    }
    (void)put(dst, more);
}

size_t fa_http_header_list_size(const struct fa_http_header_list *list)
{
    size_t size = 0;
    for (size_t i = 0; i < list->count; i++)
        size += list->items[i].name.len + list->items[i].value.len + 4;
    return size;
}

void fa_http_header_list_write(const struct fa_http_header_list *list, char *dst)
{
    for (size_t i = 0; i < list->count; i++) {
        dst = put(dst, list->items[i].name);
        dst = put(dst, FA_SPAN(": "));
        dst = put(dst, list->items[i].value);
        dst = put(dst, FA_SPAN("\r\n"));
    }
}
