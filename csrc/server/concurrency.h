/*
 * concurrency.h - limit_concurrency: how many clients are served at a time.
 *
 * A request is refused, at once and with its connection, when as many connections are open
 * as the limit says, its own included, or as many requests run. But who comes later takes
 * nothing from who was there: each connection takes a seat as it comes, there is one less
 * than the limit, and whoever has one is served. So of a crowd that comes in one moment the
 * first are served; counting alone would refuse them all.
 *
 * owner: reactor thread; `calls` and `no_websockets` are told by any.
 */
#ifndef FA_SERVER_CONCURRENCY_H
#define FA_SERVER_CONCURRENCY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

struct fa_http_conn;
struct fa_task;

struct fa_concurrency {
    size_t limit;              /* 0: none, and nothing else here is looked at */
    size_t seated;             /* connections that have a seat */
    atomic_size_t calls;       /* calls of the app that are not over, see fa_server_note_calls */
    atomic_bool no_websockets; /* their handshakes are requests, see fa_server_limit_websockets */
};

/*
 * fa_concurrency_enter - a connection came: it takes a seat, if one is free.
 * fa_concurrency_leave - it is about to end. More than once is fine.
 */
void fa_concurrency_enter(struct fa_http_conn *c);
void fa_concurrency_leave(struct fa_http_conn *c);

/*
 * fa_concurrency_refuses - may the request, whose head was parsed, not be served? There is a
 * limit. A WebSocket's handshake always may; the connection counts from then on.
 */
FA_NODISCARD bool fa_concurrency_refuses(const struct fa_task *t);

#endif
