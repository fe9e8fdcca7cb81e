/* access_format.c - how a line of the access log looks. */
#include "server/access_format.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "http/http_status.h"

/* The longest that fields may be, and what each has in a full line: more than a number. */
enum { TARGET_MAX = 1536, HEADER_MAX = 384, SHORT_MAX = 128, FIELD_MIN = 48 };

/* ---- patterns ---- */

static const char *const NAMES[] = {
#define NAME(name) #name,
    FA_ACCESS_FORMAT_MAP(NAME)
#undef NAME
};

static uint8_t find_field(fa_span name)
{
    uint8_t field = 0;
    while (field < FA_ACCESS_FIELD_COUNT &&
           !(strlen(NAMES[field]) == name.len && memcmp(NAMES[field], name.ptr, name.len) == 0))
        field++;
    return field;
}

/* "(name)s" behind a '%': its length, or 0. */
static size_t parse_field(const char *p, const char *end, uint8_t *field)
{
    const char *close = end - p >= 3 && *p == '(' ? memchr(p, ')', (size_t)(end - p)) : NULL;
    if (close == NULL || close + 1 == end || (close[1] != 's' && close[1] != 'd')) return 0;
    *field = find_field((fa_span){p + 1, (size_t)(close - p) - 1});
    return (size_t)(close + 2 - p);
}

static void note_field(struct fa_access_format *out, uint8_t field)
{
    out->has_time = out->has_time || field == FA_ACCESS_FIELD_time;
    out->has_headers = out->has_headers || field == FA_ACCESS_FIELD_host ||
                       field == FA_ACCESS_FIELD_referer || field == FA_ACCESS_FIELD_user_agent;
}

/* Literal text so far, and the field behind it, become a part. */
static bool add_part(struct fa_access_format *out, size_t *start, size_t used, uint8_t field)
{
    if (out->part_count == FA_ACCESS_FORMAT_PARTS) return false;
    out->parts[out->part_count++] = (struct fa_access_part){
        .literal = (uint16_t)*start, .literal_len = (uint16_t)(used - *start), .field = field};
    *start = used;
    note_field(out, field);
    return true;
}

static fa_span preset(fa_span pattern)
{
    if (fa_span_eq(pattern, FA_SPAN("text"))) return FA_SPAN(FA_ACCESS_FORMAT_TEXT);
    if (fa_span_eq(pattern, FA_SPAN("colours"))) return FA_SPAN(FA_ACCESS_FORMAT_COLOURS);
    if (fa_span_eq(pattern, FA_SPAN("json"))) return FA_SPAN(FA_ACCESS_FORMAT_JSON);
    return pattern;
}

fa_status fa_access_format_parse(struct fa_access_format *out, fa_span pattern, fa_span *bad)
{
    *bad = pattern;
    pattern = preset(pattern);
    bool several = pattern.len > 0 && memchr(pattern.ptr, '\n', pattern.len) != NULL;
    if (pattern.len == 0 || pattern.len > FA_ACCESS_FORMAT_MAX || several) return FA_ERR_INVALID;
    *out = (struct fa_access_format){.json = pattern.ptr[0] == '{'};
    const char *end = pattern.ptr + pattern.len;
    size_t start = 0, used = 0;
    for (const char *p = pattern.ptr; p < end; p++) {
        bool is_mark = *p == '%';
        if (is_mark && p + 1 < end && p[1] == '%') {
            is_mark = false;
            p++;
        }
        if (!is_mark) {
            out->text[used++] = *p;
            continue;
        }
        uint8_t field = FA_ACCESS_FIELD_COUNT;
        size_t len = parse_field(p + 1, end, &field);
        if (field == FA_ACCESS_FIELD_COUNT) {
            *bad = (fa_span){p, len + 1};
            return FA_ERR_INVALID;
        }
        if (!add_part(out, &start, used, field)) return FA_ERR_INVALID;
        p += len;
    }
    return add_part(out, &start, used, FA_ACCESS_FIELD_COUNT) ? FA_OK : FA_ERR_INVALID;
}

/* ---- lines ---- */

/* Where the next byte goes; `end` is the room for all that is not the line's end. */
struct out {
    char *p;
    const char *end;
    bool json;
};

static void put(struct out *out, const char *ptr, size_t len)
{
    len = fa_min_size(len, (size_t)(out->end - out->p));
    memcpy(out->p, ptr, len);
    out->p += len;
}

static bool is_plain(unsigned char byte)
{
    return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

/* \xNN, in JSON \u00NN; cut after `most` bytes. */
static void put_escaped(struct out *out, fa_span text, size_t most)
{
    static const char HEX[] = "0123456789abcdef";
    const char *end = (size_t)(out->end - out->p) > most ? out->p + most : out->end;
    for (size_t i = 0; i < text.len && end - out->p >= 6; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        if (is_plain(byte)) {
            *out->p++ = (char)byte;
            continue;
        }
        put(out, out->json ? "\\u00" : "\\x", out->json ? 4 : 2);
        *out->p++ = HEX[byte >> 4];
        *out->p++ = HEX[byte & 15];
    }
}

/* A header, or "-" for none; in JSON that is an empty string. */
static void put_header(struct out *out, fa_span value)
{
    if (value.len > 0)
        put_escaped(out, value, HEADER_MAX);
    else if (!out->json)
        put(out, "-", 1);
}

static void put_number(struct out *out, uint64_t number)
{
    char text[24];
    int n = snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    put(out, text, (size_t)n);
}

static void put_status(struct out *out, int status)
{
    fa_span reason = fa_http_status_reason(status);
    put_number(out, (uint64_t)status);
    put(out, " ", 1);
    put(out, reason.ptr, reason.len);
}

static void put_coloured_status(struct out *out, int status)
{
    static const char *const COLOURS[] = {"", "97", "32", "33", "31", "91"};
    bool known = status >= 100 && status < 600;
    char mark[8];
    int n = known ? snprintf(mark, sizeof mark, "\x1b[%sm", COLOURS[status / 100]) : 0;
    put(out, mark, (size_t)n);
    put_status(out, status);
    if (known) put(out, "\x1b[0m", 4);
}

static void put_version(struct out *out, uint8_t minor)
{
    put(out, minor == 0 ? "1.0" : "1.1", 3);
}

static void put_request_line(struct out *out, const struct fa_access_line *line)
{
    put_escaped(out, line->method, SHORT_MAX);
    put(out, " ", 1);
    put_escaped(out, line->target, TARGET_MAX);
    put(out, " HTTP/", 6);
    put_version(out, line->minor);
}

static void put_duration(struct out *out, uint64_t ns)
{
    char text[40];
    int n = snprintf(text, sizeof text, "%llu.%03llu", (unsigned long long)(ns / 1000000),
        (unsigned long long)(ns / 1000 % 1000));
    put(out, text, (size_t)n);
}

static void put_time(struct out *out, uint64_t unix_ms)
{
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm utc;
    char text[40];
    if (gmtime_r(&seconds, &utc) == NULL) return;
    size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    n += (size_t)snprintf(text + n, sizeof text - n, ".%03uZ", (unsigned)(unix_ms % 1000));
    put(out, text, n);
}

static void put_field(struct out *out, uint8_t field, const struct fa_access_line *line)
{
    fa_span query = line->target;
    fa_span path = fa_span_cut(&query, '?');
    switch ((enum fa_access_field)field) {
    case FA_ACCESS_FIELD_client_addr: put_escaped(out, line->client, SHORT_MAX); break;
    case FA_ACCESS_FIELD_method: put_escaped(out, line->method, SHORT_MAX); break;
    case FA_ACCESS_FIELD_target: put_escaped(out, line->target, TARGET_MAX); break;
    case FA_ACCESS_FIELD_path: put_escaped(out, path, TARGET_MAX); break;
    case FA_ACCESS_FIELD_query: put_escaped(out, query, TARGET_MAX / 2); break;
    case FA_ACCESS_FIELD_http_version: put_version(out, line->minor); break;
    case FA_ACCESS_FIELD_request_line: put_request_line(out, line); break;
    case FA_ACCESS_FIELD_status: put_number(out, (uint64_t)line->status); break;
    case FA_ACCESS_FIELD_status_code: put_status(out, line->status); break;
    case FA_ACCESS_FIELD_coloured_status: put_coloured_status(out, line->status); break;
    case FA_ACCESS_FIELD_bytes: put_number(out, line->bytes); break;
    case FA_ACCESS_FIELD_duration_ms: put_duration(out, line->duration_ns); break;
    case FA_ACCESS_FIELD_time: put_time(out, line->unix_ms); break;
    case FA_ACCESS_FIELD_host: put_header(out, line->host); break;
    case FA_ACCESS_FIELD_referer: put_header(out, line->referer); break;
    case FA_ACCESS_FIELD_user_agent: put_header(out, line->user_agent); break;
    case FA_ACCESS_FIELD_COUNT: break;
    }
}

/* What the parts from `i` on need at least: kept free while those before are written. */
static size_t room_from(const struct fa_access_format *format, uint32_t i)
{
    size_t len = 0;
    for (; i < format->part_count; i++)
        len += format->parts[i].literal_len + (size_t)FIELD_MIN;
    return len;
}

size_t fa_access_format_write(
    const struct fa_access_format *format, const struct fa_access_line *line, char *dst)
{
    const char *end = dst + FA_ACCESS_LINE_MAX - 1;
    struct out out = {.p = dst, .json = format->json};
    for (uint32_t i = 0; i < format->part_count; i++) {
        const struct fa_access_part *part = &format->parts[i];
        out.end = end - room_from(format, i + 1);
        put(&out, format->text + part->literal, part->literal_len);
        put_field(&out, part->field, line);
    }
    *out.p++ = '\n';
    return (size_t)(out.p - dst);
}
