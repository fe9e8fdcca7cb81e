/* http_method.h - request methods: one table for enum, names and parsing. */
#ifndef FA_HTTP_HTTP_METHOD_H
#define FA_HTTP_HTTP_METHOD_H

#include "base/span.h"

#define FA_HTTP_METHOD_MAP(X) \
    X(GET) X(HEAD) X(POST) X(PUT) X(DELETE) X(PATCH) X(OPTIONS) X(TRACE) X(CONNECT)

enum fa_http_method {
#define FA_HTTP_METHOD_ENUM(name) FA_HTTP_##name,
    FA_HTTP_METHOD_MAP(FA_HTTP_METHOD_ENUM)
#undef FA_HTTP_METHOD_ENUM
        FA_HTTP_OTHER /* a valid token that is none of the above */
};

/*
 * fa_http_method_parse - the method of this exact, case-sensitive name.
 *
 * RFC 9110, 9.1: method names are case-sensitive, so `get` is FA_HTTP_OTHER.
 */
static inline enum fa_http_method fa_http_method_parse(fa_span name)
{
#define FA_HTTP_METHOD_TEST(text) \
    if (fa_span_eq(name, FA_SPAN(#text))) return FA_HTTP_##text;
    FA_HTTP_METHOD_MAP(FA_HTTP_METHOD_TEST)
#undef FA_HTTP_METHOD_TEST
    return FA_HTTP_OTHER;
}

#endif
