/* url.h - percent-decoding and query strings, as urllib.parse reads them. */
#ifndef FA_HTTP_URL_H
#define FA_HTTP_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

/*
 * fa_url_needs_decode - is there a '%' (or, in queries, a '+')?
 */
bool fa_url_needs_decode(fa_span text, bool plus_is_space);

/*
 * fa_url_decode - percent-decode into out (at least text.len bytes).
 *
 * A '%' that two hexadecimal digits do not follow stays as it is.
 * *invalid_utf8 tells whether the result is something else than UTF-8.
 */
void fa_url_decode(
    fa_span text, char *out, size_t *out_len, bool plus_is_space, bool *invalid_utf8);

/*
 * fa_url_valid_utf8 - strict UTF-8 (no surrogates, no overlong forms)?
 */
bool fa_url_valid_utf8(fa_span text);

struct fa_url_query_iter {
    fa_span rest;
};

/*
 * fa_url_query_iter_init - start at the query after the '?'. The span is borrowed.
 */
static inline void fa_url_query_iter_init(struct fa_url_query_iter *it, fa_span query)
{
    it->rest = query;
}

/*
 * fa_url_query_next - the next raw name and value, as parse_qsl(keep_blank_values=True)
 * splits them: '&' only, empty pieces skipped, a missing '=' is an empty value.
 */
bool fa_url_query_next(struct fa_url_query_iter *it, fa_span *name, fa_span *value);

#endif
