/*
 * forwarded.h - what proxies say of a request's origin: X-Forwarded-For and
 * X-Forwarded-Proto.
 *
 * Read as Uvicorn's ProxyHeadersMiddleware reads them, so that a change of the
 * server changes nothing. Whether the peer may say such things at all is the
 * caller's question.
 */
#ifndef FA_HTTP_FORWARDED_H
#define FA_HTTP_FORWARDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "http/http_parser.h"

/* Of a request, as ASGI's scope has it. */
enum fa_http_scheme {
    FA_HTTP_SCHEME_HTTP,
    FA_HTTP_SCHEME_HTTPS,
    FA_HTTP_SCHEME_WS,
    FA_HTTP_SCHEME_WSS
};

/* host borrows the headers; empty: the headers name nobody. port: 0 where none is said. */
struct fa_forwarded_client {
    fa_span host;
    uint32_t port;
};

/* Is this address, as text, one whose word counts? */
typedef bool fa_forwarded_trusts(const void *ctx, fa_span host);

/*
 * fa_forwarded_scheme - what the last X-Forwarded-Proto says; `otherwise` without one
 * that is a scheme.
 *
 * Threads: any.
 */
enum fa_http_scheme fa_forwarded_scheme(
    const struct fa_http_request *req, enum fa_http_scheme otherwise);

/*
 * fa_forwarded_prefix - what the last X-Forwarded-Prefix says a proxy has taken off the
 * path, without slashes at its end; empty without one that is such a path ("/a/b", of
 * what stands in a path as it is, and no "//", which would be another host's).
 *
 * Ownership: the result borrows the request's bytes. Threads: any.
 */
fa_span fa_forwarded_prefix(const struct fa_http_request *req);

/*
 * fa_forwarded_client - the right-most address of all X-Forwarded-For that is not
 * trusted, the left-most if all are. `trusts` NULL: everybody is, which asks for the
 * left-most.
 *
 * Each proxy appends the address it was called from, so that only what stands right
 * of the first untrusted one was not the client's to write.
 *
 * Ownership: the result borrows the request's bytes. Threads: any.
 */
struct fa_forwarded_client fa_forwarded_client(
    const struct fa_http_request *req, fa_forwarded_trusts *trusts, const void *ctx);

#endif
