/*
 * The JSON writer on arbitrary text, numbers and orders of calls. Strings are
 * read back and compared; numbers too; what the builder calls complete is parsed.
 *
 * Input: the first byte chooses what the rest is.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json/json_builder.h"
#include "json/json_number.h"
#include "json/json_writer.h"

static void require(int condition)
{
    if (!condition) __builtin_trap();
}

static unsigned hex(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a' + 10);
}

/* One code point out of the text of a JSON string; bytes from 0x80 on as UTF-8. */
static uint32_t read_code_point(const char **at, const char *end)
{
    unsigned char c = (unsigned char)*(*at)++;
    require(c >= 0x20 && c != '"');
    if (c == '\\') {
        require(*at < end);
        char letter = *(*at)++;
        static const char letters[] = "\"\\nrtbf", bytes[] = "\"\\\n\r\t\b\f";
        const char *found = strchr(letters, letter);
        if (found != NULL && letter != '\0') return (unsigned char)bytes[found - letters];
        require(letter == 'u' && end - *at >= 4 && memcmp(*at, "00", 2) == 0);
        uint32_t value = hex((*at)[2]) * 16 + hex((*at)[3]);
        require(value < 0x20 && memchr("\n\r\t\b\f", (int)value, 5) == NULL);
        *at += 4;
        return value;
    }
    int more = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
    uint32_t value = more == 0 ? c : c & (0x3fu >> more);
    require(end - *at >= more);
    while (more-- > 0)
        value = value << 6 | (*(*at)++ & 0x3fu);
    return value;
}

static uint32_t unit_at(const char *text, size_t width, size_t i)
{
    uint32_t value = 0;
    memcpy(&value, text + i * width, width);
    return value;
}

/* width 1: Latin-1; else UCS-2 or UCS-4. */
static void check_wide(const char *data, size_t size, size_t width)
{
    size_t len = size / width;
    char *text = malloc(len * width + 1); /* for UCS the copy is aligned */
    memcpy(text, data, len * width);
    struct fa_writer w;
    require(fa_writer_init(&w, NULL, 1) == FA_OK);
    fa_status status =
        width == 1   ? fa_json_writer_string_latin1(&w, text, len)
        : width == 2 ? fa_json_writer_string_ucs2(&w, (const uint16_t *)(const void *)text, len)
                     : fa_json_writer_string_ucs4(&w, (const uint32_t *)(const void *)text, len);
    int valid = 1;
    for (size_t i = 0; i < len; i++) {
        uint32_t c = unit_at(text, width, i);
        if ((c >= 0xd800 && c < 0xe000) || c > 0x10ffff) valid = 0;
    }
    require(status == (valid ? FA_OK : FA_ERR_ENCODING));
    if (valid) {
        const char *at = w.buf->data, *end = w.cur;
        require(end - at >= 2 && *at++ == '"' && *--end == '"');
        for (size_t i = 0; i < len; i++) {
            require(at < end);
            require(read_code_point(&at, end) == unit_at(text, width, i));
        }
        require(at == end);
    } else {
        require(w.cur == w.buf->data);
    }
    fa_buffer_release(fa_writer_detach(&w));
    free(text);
}

/* Any bytes: from 0x80 on they must come out as they went in. */
static void check_utf8(const char *data, size_t size)
{
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    struct fa_writer w;
    require(fa_writer_init(&w, NULL, 1) == FA_OK);
    require(fa_json_writer_string_utf8(&w, (fa_span){text, size}) == FA_OK);
    const char *at = w.buf->data, *end = w.cur;
    require(end - at >= 2 && *at++ == '"' && *--end == '"');
    for (size_t i = 0; i < size; i++) {
        require(at < end);
        if ((unsigned char)text[i] >= 0x80) {
            require(*at++ == text[i]);
        } else {
            require(read_code_point(&at, end) == (unsigned char)text[i]);
        }
    }
    require(at == end);
    fa_buffer_release(fa_writer_detach(&w));
    free(text);
}

static void check_number(const char *data)
{
    char out[FA_JSON_NUMBER_SIZE + 1];
    int64_t integer;
    double real, back;
    memcpy(&integer, data, 8);
    memcpy(&real, data, 8);
    size_t len = fa_json_number_int64(integer, out);
    out[len] = '\0';
    require(len <= 20 && strtoll(out, NULL, 10) == integer);
    len = fa_json_number_double(real, out);
    if (real - real != 0) { /* infinite or NaN */
        require(len == 0);
        return;
    }
    out[len] = '\0';
    back = strtod(out, NULL);
    require(len > 0 && len <= 24 && memcmp(&back, &real, sizeof back) == 0);
}

/* Skips one value of what the builder can write; recursion as deep as it allows. */
static const char *skip_value(const char *at, const char *end)
{
    require(at < end);
    if (*at == '[' || *at == '{') {
        int object = *at++ == '{';
        char close = object ? '}' : ']';
        require(at < end);
        if (*at == close) return at + 1;
        for (;;) {
            if (object) {
                require(end - at >= 4 && memcmp(at, "\"k\":", 4) == 0);
                at += 4;
            }
            at = skip_value(at, end);
            require(at < end);
            if (*at == close) return at + 1;
            require(*at++ == ',');
        }
    }
    static const char *const words[] = {"null", "true", "\"s\"", "-1", "2", "0.5", "7"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t len = strlen(words[i]);
        if ((size_t)(end - at) >= len && memcmp(at, words[i], len) == 0) return at + len;
    }
    require(0);
    return end;
}

static void check_builder(const char *calls, size_t size)
{
    struct fa_writer w;
    struct fa_json_builder b;
    require(fa_writer_init(&w, NULL, 1) == FA_OK);
    fa_json_builder_init(&b, &w);
    fa_status first = FA_OK;
    for (size_t i = 0; i < size; i++) {
        fa_status status = FA_OK;
        switch (calls[i] & 15) {
        case 0:
        case 1: status = fa_json_builder_begin_object(&b); break;
        case 2: status = fa_json_builder_end_object(&b); break;
        case 3:
        case 4: status = fa_json_builder_begin_array(&b); break;
        case 5: status = fa_json_builder_end_array(&b); break;
        case 6:
        case 7:
        case 8: status = fa_json_builder_key(&b, FA_SPAN("k")); break;
        case 9: status = fa_json_builder_null(&b); break;
        case 10: status = fa_json_builder_bool(&b, true); break;
        case 11: status = fa_json_builder_string(&b, FA_SPAN("s")); break;
        case 12: status = fa_json_builder_int64(&b, -1); break;
        case 13: status = fa_json_builder_uint64(&b, 2); break;
        case 14: status = fa_json_builder_double(&b, 0.5); break;
        default: status = fa_json_builder_raw(&b, FA_SPAN("[7]")); break;
        }
        if (first == FA_OK) first = status;
        require(status == first);
    }
    if (fa_json_builder_finish(&b) == FA_OK) {
        require(first == FA_OK);
        require(skip_value(w.buf->data, w.cur) == w.cur);
    }
    fa_buffer_release(fa_writer_detach(&w));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    const char *rest = (const char *)data + 1;
    size--;
    switch (data[0] % 6) {
    case 0: check_utf8(rest, size); break;
    case 1: check_wide(rest, size, 1); break;
    case 2: check_wide(rest, size, 2); break;
    case 3: check_wide(rest, size, 4); break;
    case 4:
        if (size >= 8) check_number(rest);
        break;
    default: check_builder(rest, size); break;
    }
    return 0;
}
