/*
 * json_builder.h - one JSON document, call by call.
 *
 * Puts commas and colons, and refuses what would not be JSON. One thread at a
 * time, the writer's owner.
 */
#ifndef FA_JSON_JSON_BUILDER_H
#define FA_JSON_JSON_BUILDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"
#include "base/span.h"
#include "base/status.h"
#include "base/writer.h"

/* How deep objects and arrays may nest. */
#define FA_JSON_BUILDER_MAX_DEPTH 512

/* Private: what may come next. */
enum fa_json_builder_state {
    FA_JSON_BUILDER_VALUE,      /* a value: at the top, after a key, first in an array */
    FA_JSON_BUILDER_NEXT_VALUE, /* a comma and a value: inside an array */
    FA_JSON_BUILDER_KEY,        /* a key: first in an object */
    FA_JSON_BUILDER_NEXT_KEY,   /* a comma and a key */
    FA_JSON_BUILDER_DONE,       /* nothing: the document is complete */
};

/*
 * One JSON document in the making. Errors stick: every later call returns the
 * first one, so it is enough to look at what fa_json_builder_finish returns.
 */
struct fa_json_builder {
    struct fa_writer *w; /* borrowed */
    fa_status error;
    enum fa_json_builder_state state;
    uint32_t depth;
    uint64_t is_object[FA_JSON_BUILDER_MAX_DEPTH / 64]; /* bit n: level n is an object */
};

/*
 * fa_json_builder_init - start a document at the writer's end.
 *
 * Ownership: the writer stays the caller's and must outlive the builder.
 */
void fa_json_builder_init(struct fa_json_builder *b, struct fa_writer *w);

/*
 * fa_json_builder_begin_object, ..._end_object, ..._begin_array, ..._end_array
 *
 * Errors: FA_ERR_INVALID where none may stand, where the wrong one is open, or
 *         deeper than FA_JSON_BUILDER_MAX_DEPTH.
 */
fa_status fa_json_builder_begin_object(struct fa_json_builder *b);
fa_status fa_json_builder_end_object(struct fa_json_builder *b);
fa_status fa_json_builder_begin_array(struct fa_json_builder *b);
fa_status fa_json_builder_end_array(struct fa_json_builder *b);

/*
 * fa_json_builder_key - the key of the next value; valid UTF-8.
 *
 * Errors: FA_ERR_INVALID outside of an object or where a value is due.
 */
fa_status fa_json_builder_key(struct fa_json_builder *b, fa_span key);

/*
 * fa_json_builder_null, _bool, _int64, _uint64, _double, _string (valid UTF-8),
 * _raw (one complete JSON value, unchecked) - a value.
 *
 * Errors: FA_ERR_INVALID where a key is due, after the end of the document, and
 *         for a double that is not finite. FA_ERR_NOMEM from any call.
 */
fa_status fa_json_builder_null(struct fa_json_builder *b);
fa_status fa_json_builder_bool(struct fa_json_builder *b, bool value);
fa_status fa_json_builder_int64(struct fa_json_builder *b, int64_t value);
fa_status fa_json_builder_uint64(struct fa_json_builder *b, uint64_t value);
fa_status fa_json_builder_double(struct fa_json_builder *b, double value);
fa_status fa_json_builder_string(struct fa_json_builder *b, fa_span text);
fa_status fa_json_builder_raw(struct fa_json_builder *b, fa_span text);

/*
 * fa_json_builder_begin_key, fa_json_builder_end_key, fa_json_builder_begin_value,
 * fa_json_builder_end_value - around a key (a JSON string) or a value that the caller appends
 * to the writer; the end takes the status of that.
 *
 * Errors: as fa_json_builder_key and fa_json_builder_raw, and the status that was handed in.
 */
FA_NODISCARD fa_status fa_json_builder_begin_key(struct fa_json_builder *b);
fa_status fa_json_builder_end_key(struct fa_json_builder *b, fa_status status);
FA_NODISCARD fa_status fa_json_builder_begin_value(struct fa_json_builder *b);
fa_status fa_json_builder_end_value(struct fa_json_builder *b, fa_status status);

/*
 * fa_json_builder_undo - forget the last call, which failed: the document is again what it was
 * when it had `len` bytes, and goes on from there.
 *
 * `len` is fa_writer_len before that call. Out of memory is forgotten too.
 */
void fa_json_builder_undo(struct fa_json_builder *b, size_t len);

/*
 * fa_json_builder_expected - what may come next, in words that follow "expected".
 *
 * Ownership: static storage.
 */
const char *fa_json_builder_expected(const struct fa_json_builder *b);

/*
 * fa_json_builder_finish - is it one complete document?
 *
 * Errors: the first error of any call; FA_ERR_INVALID if something is open or
 *         nothing was written. The text is then not JSON: drop it.
 */
FA_NODISCARD fa_status fa_json_builder_finish(struct fa_json_builder *b);

#endif
