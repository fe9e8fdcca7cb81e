/*
 * json_writer.h - C values as JSON text, straight into the response's buffer.
 *
 * Each function appends one value and knows nothing of commas: for callers that
 * walk a structure themselves. json_builder.h puts commas and colons too.
 *
 * Text comes out byte for byte as json.dumps(ensure_ascii=False,
 * allow_nan=False, separators=(",", ":")) gives it.
 *
 * All of them: one thread at a time, the writer's owner. FA_ERR_NOMEM when the
 * buffer cannot grow; it also sticks in the writer.
 */
#ifndef FA_JSON_JSON_WRITER_H
#define FA_JSON_JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "base/span.h"
#include "base/status.h"
#include "base/writer.h"

/*
 * fa_json_writer_null - null.
 */
FA_NODISCARD fa_status fa_json_writer_null(struct fa_writer *w);

/*
 * fa_json_writer_bool - true or false.
 */
FA_NODISCARD fa_status fa_json_writer_bool(struct fa_writer *w, bool value);

/*
 * fa_json_writer_int64, fa_json_writer_uint64 - an integer.
 */
FA_NODISCARD fa_status fa_json_writer_int64(struct fa_writer *w, int64_t value);
FA_NODISCARD fa_status fa_json_writer_uint64(struct fa_writer *w, uint64_t value);

/*
 * fa_json_writer_double - a float as repr() writes it.
 *
 * Errors: FA_ERR_INVALID for infinities and NaN; nothing is appended.
 */
FA_NODISCARD fa_status fa_json_writer_double(struct fa_writer *w, double value);

/*
 * fa_json_writer_raw - text that already is JSON, unchecked.
 */
FA_NODISCARD fa_status fa_json_writer_raw(struct fa_writer *w, fa_span text);

/*
 * fa_json_writer_string_utf8 - a string from text that is valid UTF-8.
 *
 * Plain ASCII is the fast case. Validity is the caller's promise.
 */
FA_NODISCARD fa_status fa_json_writer_string_utf8(struct fa_writer *w, fa_span text);

/*
 * fa_json_writer_string_latin1 - a string from `len` bytes of Latin-1.
 */
FA_NODISCARD fa_status fa_json_writer_string_latin1(
    struct fa_writer *w, const char *text, size_t len);

/*
 * fa_json_writer_string_ucs2 - a string from `len` code points of 16 bits each.
 *
 * Errors: FA_ERR_ENCODING for a surrogate, as Python's strict encoder; a pair
 *         is two of them. Nothing is appended then.
 */
FA_NODISCARD fa_status fa_json_writer_string_ucs2(
    struct fa_writer *w, const uint16_t *text, size_t len);

/*
 * fa_json_writer_string_ucs4 - a string from `len` code points of 32 bits each.
 *
 * Errors: FA_ERR_ENCODING for a surrogate or a value above 0x10ffff; nothing
 *         is appended then.
 */
FA_NODISCARD fa_status fa_json_writer_string_ucs4(
    struct fa_writer *w, const uint32_t *text, size_t len);

#endif
