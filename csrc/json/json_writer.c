#include "json/json_writer.h"

#include "json/json_escape.h"
#include "json/json_number.h"

/* Text that is not copied as it is is written in pieces, so that room is asked for in small
 * steps. */
enum { WIDE_PIECE = 64, SPECIAL_PIECE = 64 };

static inline fa_status put(struct fa_writer *w, const char *text, size_t len)
{
    return FA_LIKELY(fa_writer_put(w, text, len)) ? FA_OK : FA_ERR_NOMEM;
}

fa_status fa_json_writer_null(struct fa_writer *w)
{
    return put(w, "null", 4);
}

fa_status fa_json_writer_bool(struct fa_writer *w, bool value)
{
    return value ? put(w, "true", 4) : put(w, "false", 5);
}

fa_status fa_json_writer_int64(struct fa_writer *w, int64_t value)
{
    if (FA_UNLIKELY(!fa_writer_reserve(w, FA_JSON_NUMBER_SIZE))) return FA_ERR_NOMEM;
    w->cur += fa_json_number_int64(value, w->cur);
    return FA_OK;
}

fa_status fa_json_writer_uint64(struct fa_writer *w, uint64_t value)
{
    if (FA_UNLIKELY(!fa_writer_reserve(w, FA_JSON_NUMBER_SIZE))) return FA_ERR_NOMEM;
    w->cur += fa_json_number_uint64(value, w->cur);
    return FA_OK;
}

fa_status fa_json_writer_double(struct fa_writer *w, double value)
{
    if (FA_UNLIKELY(!fa_writer_reserve(w, FA_JSON_NUMBER_SIZE))) return FA_ERR_NOMEM;
    size_t len = fa_json_number_double(value, w->cur);
    if (len == 0) return FA_ERR_INVALID;
    w->cur += len;
    return FA_OK;
}

fa_status fa_json_writer_raw(struct fa_writer *w, fa_span text)
{
    return put(w, text.ptr, text.len);
}

/* The text has a byte at src[0] that needs escaping or, if it is Latin-1, becomes two; often
 * more such bytes follow. After them the next clean run is copied at once. */
static FA_INLINE fa_status put_special(
    struct fa_writer *w, const char *src, size_t len, bool is_latin1)
{
    while (len > 0) {
        size_t piece = fa_min_size(len, SPECIAL_PIECE), at = 0;
        if (!fa_writer_reserve(w, piece * FA_JSON_ESCAPE_MAX + len)) return FA_ERR_NOMEM;
        for (; at < piece; at++) {
            unsigned char c = (unsigned char)src[at];
            if (is_latin1 && c >= 0x80) {
                *w->cur++ = (char)(0xc0 | (c >> 6));
                *w->cur++ = (char)(0x80 | (c & 0x3f));
            } else if (fa_json_escape_needed(c)) {
                w->cur += fa_json_escape_byte(w->cur, c);
            } else {
                break;
            }
        }
        size_t clean = is_latin1 ? fa_json_escape_copy_ascii(w->cur, src + at, len - at)
                                 : fa_json_escape_copy(w->cur, src + at, len - at);
        w->cur += clean;
        src += at + clean;
        len -= at + clean;
    }
    return put(w, "\"", 1);
}

fa_status fa_json_writer_string_utf8(struct fa_writer *w, fa_span text)
{
    if (FA_UNLIKELY(text.len > SIZE_MAX / 2 || !fa_writer_reserve(w, text.len + 2))) {
        return FA_ERR_NOMEM;
    }
    size_t start = fa_writer_len(w);
    *w->cur++ = '"';
    size_t clean = fa_json_escape_copy(w->cur, text.ptr, text.len);
    w->cur += clean;
    if (FA_LIKELY(clean == text.len)) {
        *w->cur++ = '"';
        return FA_OK;
    }
    fa_status status = put_special(w, text.ptr + clean, text.len - clean, false);
    if (status != FA_OK) w->cur = w->buf->data + start;
    return status;
}

fa_status fa_json_writer_string_latin1(struct fa_writer *w, const char *text, size_t len)
{
    if (FA_UNLIKELY(len > SIZE_MAX / 2 || !fa_writer_reserve(w, len + 2))) return FA_ERR_NOMEM;
    size_t start = fa_writer_len(w);
    *w->cur++ = '"';
    size_t clean = fa_json_escape_copy_ascii(w->cur, text, len);
    w->cur += clean;
    if (FA_LIKELY(clean == len)) {
        *w->cur++ = '"';
        return FA_OK;
    }
    fa_status status = put_special(w, text + clean, len - clean, true);
    if (status != FA_OK) w->cur = w->buf->data + start;
    return status;
}

/* One code point; NULL if it has no UTF-8 form. */
static inline char *put_code_point(char *dst, uint32_t c)
{
    if (c < 0x80) {
        if (FA_UNLIKELY(fa_json_escape_needed(c))) {
            return dst + fa_json_escape_byte(dst, (unsigned char)c);
        }
        *dst++ = (char)c;
    } else if (c < 0x800) {
        *dst++ = (char)(0xc0 | (c >> 6));
        *dst++ = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        if (FA_UNLIKELY(c - 0xd800 < 0x800)) return NULL;
        *dst++ = (char)(0xe0 | (c >> 12));
        *dst++ = (char)(0x80 | ((c >> 6) & 0x3f));
        *dst++ = (char)(0x80 | (c & 0x3f));
    } else {
        if (FA_UNLIKELY(c > 0x10ffff)) return NULL;
        *dst++ = (char)(0xf0 | (c >> 18));
        *dst++ = (char)(0x80 | ((c >> 12) & 0x3f));
        *dst++ = (char)(0x80 | ((c >> 6) & 0x3f));
        *dst++ = (char)(0x80 | (c & 0x3f));
    }
    return dst;
}

/* Exactly one of the two texts is given. */
static inline fa_status put_wide(
    struct fa_writer *w, const uint16_t *text16, const uint32_t *text32, size_t len)
{
    if (!fa_writer_putc(w, '"')) return FA_ERR_NOMEM;
    size_t start = fa_writer_len(w) - 1;
    fa_status status = FA_OK;
    for (size_t i = 0; i < len && status == FA_OK;) {
        size_t stop = i + fa_min_size(len - i, WIDE_PIECE);
        if (!fa_writer_reserve(w, WIDE_PIECE * FA_JSON_ESCAPE_MAX)) {
            status = FA_ERR_NOMEM;
            break;
        }
        char *dst = w->cur;
        for (; i < stop && dst != NULL; i++) {
            dst = put_code_point(dst, text16 != NULL ? text16[i] : text32[i]);
        }
        if (dst == NULL) {
            status = FA_ERR_ENCODING;
        } else {
            w->cur = dst;
        }
    }
    if (status == FA_OK && !fa_writer_putc(w, '"')) status = FA_ERR_NOMEM;
    if (status != FA_OK) w->cur = w->buf->data + start;
    return status;
}

fa_status fa_json_writer_string_ucs2(struct fa_writer *w, const uint16_t *text, size_t len)
{
    static const uint16_t nothing = 0; /* an empty text may have no address */
    return put_wide(w, len > 0 ? text : &nothing, NULL, len);
}

fa_status fa_json_writer_string_ucs4(struct fa_writer *w, const uint32_t *text, size_t len)
{
    return put_wide(w, NULL, text, len);
}
