/*
 * json_number.h - numbers as JSON text, exactly as Python writes them.
 */
#ifndef FA_JSON_JSON_NUMBER_H
#define FA_JSON_JSON_NUMBER_H

#include <stddef.h>
#include <stdint.h>

/* Room for any number below: the longest is -2.2250738585072014e-308, 24 bytes, and
 * a double may need more while it is put together. */
#define FA_JSON_NUMBER_SIZE 40

/*
 * fa_json_number_int64 - str(int). Returns the length, at most 20; no NUL.
 *
 * Only the bytes of the result are written.
 */
size_t fa_json_number_int64(int64_t value, char *out);

/*
 * fa_json_number_uint64 - str(int). Returns the length, at most 20; no NUL.
 *
 * Only the bytes of the result are written.
 */
size_t fa_json_number_uint64(uint64_t value, char *out);

/*
 * fa_json_number_double - repr(float): the shortest decimal that reads back as
 * the same double, of those the closest; independent of the locale.
 *
 * `out` has room for FA_JSON_NUMBER_SIZE bytes; no NUL.
 * Errors: 0 for infinities and NaN, which JSON cannot say; else the length.
 */
size_t fa_json_number_double(double value, char *out);

#endif
