/*
 * gate.h - which requests middleware lets through to a compiled route unchanged.
 *
 * An app's middleware has two halves. What it does to a request before the app sees
 * it is looked at here, before anything has run: a request that it would certainly
 * pass on goes to its route, any other to the app, whose own middleware then refuses,
 * redirects or answers it. What it does to an answer is the executor's part (`user`).
 */
#ifndef FA_SERVER_GATE_H
#define FA_SERVER_GATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"
#include "http/http_parser.h"

/* A host that may be asked for; a suffix begins with its dot. Lower case. */
struct fa_gate_host {
    fa_span text;
    bool is_suffix;
};

/* One of these must fit. */
struct fa_gate_hosts {
    const struct fa_gate_host *items;
    size_t count;
};

/* Read-only while a route table has it. */
struct fa_gate {
    bool https_only;                   /* others are redirected, and do not pass */
    bool has_cors;                     /* preflights, and odd origins, do not pass */
    const struct fa_gate_hosts *hosts; /* each of these lists must know the host */
    size_t host_list_count;
    const void *user; /* the executor's own */
};

/*
 * fa_gate_passes - would all middleware certainly pass this request on as it is?
 * is_secure: whether it was sent by https; looked at only where https_only.
 *
 * Threads: any; nothing is written.
 */
bool fa_gate_passes(const struct fa_gate *gate, const struct fa_http_request *req, bool is_secure);

/*
 * fa_gate_origin - the request's first Origin header, or NULL.
 */
const struct fa_http_header *fa_gate_origin(const struct fa_http_request *req);

#endif
