#include "json/json_builder.h"

#include <string.h>

#include "json/json_writer.h"

void fa_json_builder_init(struct fa_json_builder *b, struct fa_writer *w)
{
    memset(b, 0, sizeof *b);
    b->w = w;
}

static inline bool top_is_object(const struct fa_json_builder *b)
{
    uint32_t level = b->depth - 1;
    return (b->is_object[level / 64] >> (level % 64) & 1) != 0;
}

static fa_status fail(struct fa_json_builder *b, fa_status status)
{
    if (b->error == FA_OK) b->error = status;
    return b->error;
}

fa_status fa_json_builder_begin_value(struct fa_json_builder *b)
{
    if (b->error != FA_OK) return b->error;
    if (b->state == FA_JSON_BUILDER_VALUE) return FA_OK;
    if (b->state != FA_JSON_BUILDER_NEXT_VALUE) return fail(b, FA_ERR_INVALID);
    return fa_writer_putc(b->w, ',') ? FA_OK : fail(b, FA_ERR_NOMEM);
}

/* What comes next depends on what the value stands in. */
fa_status fa_json_builder_end_value(struct fa_json_builder *b, fa_status status)
{
    if (status != FA_OK) return fail(b, status);
    if (b->depth == 0) {
        b->state = FA_JSON_BUILDER_DONE;
    } else {
        b->state = top_is_object(b) ? FA_JSON_BUILDER_NEXT_KEY : FA_JSON_BUILDER_NEXT_VALUE;
    }
    return FA_OK;
}

static fa_status begin(struct fa_json_builder *b, bool object)
{
    if (fa_json_builder_begin_value(b) != FA_OK) return b->error;
    if (b->depth == FA_JSON_BUILDER_MAX_DEPTH) return fail(b, FA_ERR_INVALID);
    if (!fa_writer_putc(b->w, object ? '{' : '[')) return fail(b, FA_ERR_NOMEM);
    uint64_t bit = (uint64_t)1 << (b->depth % 64);
    uint64_t *word = &b->is_object[b->depth / 64];
    *word = object ? *word | bit : *word & ~bit;
    b->depth++;
    b->state = object ? FA_JSON_BUILDER_KEY : FA_JSON_BUILDER_VALUE;
    return FA_OK;
}

static fa_status end(struct fa_json_builder *b, bool object)
{
    if (b->error != FA_OK) return b->error;
    if (b->depth == 0 || top_is_object(b) != object) return fail(b, FA_ERR_INVALID);
    /* In an object, VALUE means a key that still waits for its value. */
    if (object && b->state == FA_JSON_BUILDER_VALUE) return fail(b, FA_ERR_INVALID);
    if (!fa_writer_putc(b->w, object ? '}' : ']')) return fail(b, FA_ERR_NOMEM);
    b->depth--;
    return fa_json_builder_end_value(b, FA_OK);
}

fa_status fa_json_builder_begin_object(struct fa_json_builder *b)
{
    return begin(b, true);
}

fa_status fa_json_builder_end_object(struct fa_json_builder *b)
{
    return end(b, true);
}

fa_status fa_json_builder_begin_array(struct fa_json_builder *b)
{
    return begin(b, false);
}

fa_status fa_json_builder_end_array(struct fa_json_builder *b)
{
    return end(b, false);
}

fa_status fa_json_builder_begin_key(struct fa_json_builder *b)
{
    if (b->error != FA_OK) return b->error;
    if (b->state == FA_JSON_BUILDER_KEY) return FA_OK;
    if (b->state != FA_JSON_BUILDER_NEXT_KEY) return fail(b, FA_ERR_INVALID);
    return fa_writer_putc(b->w, ',') ? FA_OK : fail(b, FA_ERR_NOMEM);
}

fa_status fa_json_builder_end_key(struct fa_json_builder *b, fa_status status)
{
    if (status != FA_OK) return fail(b, status);
    if (!fa_writer_putc(b->w, ':')) return fail(b, FA_ERR_NOMEM);
    b->state = FA_JSON_BUILDER_VALUE;
    return FA_OK;
}

fa_status fa_json_builder_key(struct fa_json_builder *b, fa_span key)
{
    if (fa_json_builder_begin_key(b) != FA_OK) return b->error;
    return fa_json_builder_end_key(b, fa_json_writer_string_utf8(b->w, key));
}

fa_status fa_json_builder_null(struct fa_json_builder *b)
{
    if (fa_json_builder_begin_value(b) != FA_OK) return b->error;
    return fa_json_builder_end_value(b, fa_json_writer_null(b->w));
}

fa_status fa_json_builder_bool(struct fa_json_builder *b, bool value)
{
    if (fa_json_builder_begin_value(b) != FA_OK) return b->error;
    return fa_json_builder_end_value(b, fa_json_writer_bool(b->w, value));
}

fa_status fa_json_builder_int64(struct fa_json_builder *b, int64_t value)
{
    if (fa_json_builder_begin_value(b) != FA_OK) return b->error;
    return fa_json_builder_end_value(b, fa_json_writer_int64(b->w, value));
}

fa_status fa_json_builder_uint64(struct fa_json_builder *b, uint64_t value)
{
    if (fa_json_builder_begin_value(b) != FA_OK) return b->error;
    return fa_json_builder_end_value(b, fa_json_writer_uint64(b->w, value));
}

fa_status fa_json_builder_double(struct fa_json_builder *b, double value)
{
    if (fa_json_builder_begin_value(b) != FA_OK) return b->error;
    return fa_json_builder_end_value(b, fa_json_writer_double(b->w, value));
}

fa_status fa_json_builder_string(struct fa_json_builder *b, fa_span text)
{
    if (fa_json_builder_begin_value(b) != FA_OK) return b->error;
    return fa_json_builder_end_value(b, fa_json_writer_string_utf8(b->w, text));
}

fa_status fa_json_builder_raw(struct fa_json_builder *b, fa_span text)
{
    if (fa_json_builder_begin_value(b) != FA_OK) return b->error;
    return fa_json_builder_end_value(b, fa_json_writer_raw(b->w, text));
}

void fa_json_builder_undo(struct fa_json_builder *b, size_t len)
{
    /* A call that fails leaves state and depth alone: they change last. */
    b->error = b->w->error = FA_OK;
    b->w->cur = b->w->buf->data + len;
    b->w->end = b->w->buf->data + b->w->buf->capacity;
}

const char *fa_json_builder_expected(const struct fa_json_builder *b)
{
    switch (b->state) {
    case FA_JSON_BUILDER_KEY:
    case FA_JSON_BUILDER_NEXT_KEY: return "a key or the end of the object";
    case FA_JSON_BUILDER_NEXT_VALUE: return "a value or the end of the array";
    case FA_JSON_BUILDER_DONE: return "nothing more, the document is complete";
    case FA_JSON_BUILDER_VALUE: break;
    }
    if (b->depth == 0) return "a value, the document is empty";
    return top_is_object(b) ? "the value of the key" : "a value or the end of the array";
}

fa_status fa_json_builder_finish(struct fa_json_builder *b)
{
    if (b->error == FA_OK && b->state != FA_JSON_BUILDER_DONE) b->error = FA_ERR_INVALID;
    return b->error;
}
