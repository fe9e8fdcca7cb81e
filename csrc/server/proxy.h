/*
 * proxy.h - the origin of a request: who asked, and by which scheme.
 *
 * The connection's peer says it, or the headers of a proxy whose word counts. It is
 * looked for when somebody asks, not for every request: most handlers never do.
 */
#ifndef FA_SERVER_PROXY_H
#define FA_SERVER_PROXY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"
#include "base/span.h"
#include "base/status.h"
#include "http/forwarded.h"
#include "net/socket.h"
#include "net/trusted.h"

/* owner: filled before the server starts, read-only afterwards. */
struct fa_proxy {
    struct fa_trusted trusted; /* nobody: such headers mean nothing */
    bool takes_prefix;         /* forwarded_prefix: X-Forwarded-Prefix means something */
};

/* host points into `text` or into the request. */
struct fa_proxy_client {
    fa_span host;
    uint32_t port;
    char text[FA_SOCKET_HOST_MAX];
};

/*
 * fa_proxy_client - who sent the request.
 *
 * Ownership: *out borrows the request's bytes, and may not be moved.
 * Threads:   whoever has the request.
 * Errors:    FA_ERR_UNSUPPORTED when the peer has no address (a Unix socket)
 *            and no header names one.
 */
FA_NODISCARD fa_status fa_proxy_client(const struct fa_proxy *proxy,
    const struct fa_socket_address *peer, const struct fa_http_request *req,
    struct fa_proxy_client *out);

/*
 * fa_proxy_scheme - how the request was sent, over a transport that is `plain`.
 *
 * Threads: whoever has the request.
 */
enum fa_http_scheme fa_proxy_scheme(const struct fa_proxy *proxy,
    const struct fa_socket_address *peer, const struct fa_http_request *req,
    enum fa_http_scheme plain);

/*
 * fa_proxy_prefix - what the proxy has taken off the path, if it is one whose word counts and
 * the option forwarded_prefix is on; else empty.
 *
 * Ownership: the result borrows the request's bytes. Threads: whoever has the request.
 */
fa_span fa_proxy_prefix(const struct fa_proxy *proxy, const struct fa_socket_address *peer,
    const struct fa_http_request *req);

#endif
