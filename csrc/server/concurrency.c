/* concurrency.c - limit_concurrency: how many clients are served at a time. */
#include "server/concurrency.h"

#include "server/http_conn.h"
#include "server/server_state.h"

static bool take_seat(struct fa_concurrency *k, struct fa_http_conn *c)
{
    if (!c->seated && k->seated + 1 < k->limit) {
        c->seated = true;
        k->seated++;
    }
    return c->seated;
}

void fa_concurrency_enter(struct fa_http_conn *c)
{
    struct fa_concurrency *k = &c->server->reactor.concurrency;
    if (FA_UNLIKELY(k->limit != 0)) {
        (void)take_seat(k, c);
    }
}

void fa_concurrency_leave(struct fa_http_conn *c)
{
    if (c->seated) {
        c->seated = false;
        c->server->reactor.concurrency.seated--;
    }
}

/*
 * Requests that run, those of this connection left out: with the app, or with an executor.
 * The app may be at work where no request is left (its client has gone, or a background
 * task follows the answer), and may not know yet of one that is queued.
 */
static size_t running(const struct fa_task *t)
{
    const struct fa_reactor *r = &t->server->reactor;
    size_t calls = atomic_load_explicit(&r->concurrency.calls, memory_order_relaxed);
    size_t streams = (size_t)r->streams;
    size_t all = (size_t)r->tasks.live - streams + (calls > streams ? calls : streams);
    size_t own = t->conn->tasks;
    return all > own ? all - own : 0;
}

bool fa_concurrency_refuses(const struct fa_task *t)
{
    struct fa_http_conn *c = t->conn;
    struct fa_concurrency *k = &c->server->reactor.concurrency;
    bool is_let_in = !atomic_load_explicit(&k->no_websockets, memory_order_relaxed);
    if (is_let_in && t->req.upgrade) { /* to a WebSocket, that is */
        k->seated += !c->seated;
        c->seated = true;
        return false;
    }
    return !take_seat(k, c) || running(t) >= k->limit;
}
