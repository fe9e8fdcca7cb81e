/* proxy.c - the origin of a request. */
#include "server/proxy.h"

#include <string.h>

static bool trusts(const void *ctx, fa_span host)
{
    return fa_trusted_has_text(ctx, host);
}

fa_status fa_proxy_client(const struct fa_proxy *proxy, const struct fa_socket_address *peer,
    const struct fa_http_request *req, struct fa_proxy_client *out)
{
    const struct fa_trusted *trusted = &proxy->trusted;
    if (fa_trusted_has_peer(trusted, peer)) {
        struct fa_forwarded_client found =
            fa_forwarded_client(req, trusted->everyone ? NULL : trusts, trusted);
        if (found.host.len > 0) {
            out->host = found.host;
            out->port = found.port;
            return FA_OK;
        }
    }
    fa_status st = fa_socket_address_text(peer, out->text);
    if (st != FA_OK) {
        return st;
    }
    out->host = (fa_span){out->text, strlen(out->text)};
    out->port = peer->port;
    return FA_OK;
}

enum fa_http_scheme fa_proxy_scheme(const struct fa_proxy *proxy,
    const struct fa_socket_address *peer, const struct fa_http_request *req,
    enum fa_http_scheme plain)
{
    return fa_trusted_has_peer(&proxy->trusted, peer) ? fa_forwarded_scheme(req, plain) : plain;
}

fa_span fa_proxy_prefix(const struct fa_proxy *proxy, const struct fa_socket_address *peer,
    const struct fa_http_request *req)
{
    bool counts = proxy->takes_prefix && fa_trusted_has_peer(&proxy->trusted, peer);
    return counts ? fa_forwarded_prefix(req) : (fa_span){NULL, 0};
}
