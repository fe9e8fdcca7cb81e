/*
 * json_escape.h - which bytes of a text need escaping in a JSON string.
 *
 * The rule is that of Python's json.dumps(ensure_ascii=False): the quote, the
 * backslash and everything below 0x20 are escaped, nothing else.
 */
#ifndef FA_JSON_JSON_ESCAPE_H
#define FA_JSON_JSON_ESCAPE_H

#include <stddef.h>

/* The longest escape sequence: \u001f. */
#define FA_JSON_ESCAPE_MAX 6

/*
 * fa_json_escape_copy - copy bytes up to the first one that needs escaping.
 *
 * Returns how many were copied; src[result] is the byte to escape unless the
 * result is `len`. Bytes from 0x80 on count as clean: for UTF-8 text.
 * Ownership: `dst` must have room for `len` bytes and must not overlap `src`.
 *            Its bytes past the result, up to `len`, may be overwritten.
 * Threads:   any. Reads no byte outside src[0..len).
 */
size_t fa_json_escape_copy(char *dst, const char *src, size_t len);

/*
 * fa_json_escape_copy_ascii - the same, but stops at bytes from 0x80 on too.
 *
 * For Latin-1 text, where such a byte becomes two.
 */
size_t fa_json_escape_copy_ascii(char *dst, const char *src, size_t len);

/*
 * fa_json_escape_copy_scalar - fa_json_escape_copy, byte by byte.
 *
 * What machines without SSE2 run, and what the tests compare the others with.
 * With `ascii_only` nonzero it is fa_json_escape_copy_ascii instead.
 */
size_t fa_json_escape_copy_scalar(char *dst, const char *src, size_t len, int ascii_only);

/*
 * fa_json_escape_byte - write the escape sequence of a byte that needs one.
 *
 * Returns its length: 2 or 6. `dst` has room for FA_JSON_ESCAPE_MAX bytes.
 */
size_t fa_json_escape_byte(char *dst, unsigned char byte);

/*
 * fa_json_escape_needed - does this code point (any width) need escaping?
 */
static inline int fa_json_escape_needed(unsigned int c)
{
    return c < 0x20 || c == '"' || c == '\\';
}

#endif
