/*
 * pipeline.c - the path of a request, from bytes to bytes. Read this first.
 *
 *   bytes in -> parse -> route -> task -> queue -> executor -> handler
 *           -> response builder -> completion queue -> bytes out
 *
 * Everything here runs on the reactor thread. What happens between "queue" and
 * "completion queue" is in executor.h and worker.c.
 */
#include "server/pipeline.h"

#include "http/url.h"
#include "server/http_body.h"
#include "server/http_conn.h"
#include "server/http_conn_read.h"
#include "server/server_state.h"
#include "server/stream.h"

/* bytes in, parse: http_conn_read.c calls back with each complete head. */
void fa_pipeline_on_readable(struct fa_http_conn *c)
{
    c->readable = true;
    fa_http_conn_step(c);
}

/* The path the router sees, percent-decoded if it has to be. */
static fa_status decode_path(struct fa_task *t)
{
    t->path = t->req.path;
    if (FA_LIKELY(!fa_url_needs_decode(t->req.path, false))) {
        t->path_invalid_utf8 = !fa_url_valid_utf8(t->path);
        return FA_OK;
    }
    char *text = fa_arena_alloc(&t->arena, t->req.path.len);
    if (text == NULL) {
        return FA_ERR_NOMEM;
    }
    size_t n = 0;
    fa_url_decode(t->req.path, text, &n, false, &t->path_invalid_utf8);
    t->path = (fa_span){text, n};
    return FA_OK;
}

static bool gate_passes(const struct fa_gate *gate, const struct fa_task *t)
{
    return fa_gate_passes(gate, &t->req, gate->https_only && fa_task_is_secure(t));
}

/* May it be read whole for a route that else reads its body itself? */
static bool is_small(const struct fa_reactor *r, const struct fa_http_request *req)
{
    return !req->chunked && req->content_length <= FA_ROUTE_SMALL_BODY &&
           req->content_length <= (uint64_t)r->server->config.max_body_size;
}

/* route: only what is certain counts, a hit or a miss; all else is the app's to answer. */
static const struct fa_route *find_route(struct fa_reactor *r, struct fa_task *t)
{
    struct fa_route_table *table = r->routes;
    if (table == NULL || table->router == NULL || t->path_invalid_utf8 || t->req.upgrade) {
        return NULL;
    }
    if (FA_UNLIKELY(t->server->proxy.takes_prefix) && fa_task_prefix(t).len > 0) {
        return NULL; /* plans are made for one root_path */
    }
    uint32_t method = 1u << (uint32_t)t->req.method;
    enum fa_route_result found = fa_router_match(table->router, method, t->path, &t->match);
    const struct fa_route *route = NULL;
    if (FA_LIKELY(found == FA_ROUTE_HIT)) {
        route = &table->routes[t->match.route];
        if (route->small_bodies && !is_small(r, &t->req)) {
            return NULL;
        }
    } else if (found == FA_ROUTE_MISS && !t->req.chunked && t->req.content_length == 0) {
        route = fa_route_table_missed(table, t->path);
    }
    if (route == NULL || (table->gate != NULL && !gate_passes(table->gate, t))) {
        return NULL;
    }
    fa_route_table_retain(table);
    t->table = table;
    return route;
}

/* Answered before it is routed; the connection ends with it. */
static void refuse(struct fa_task *t, fa_status why)
{
    fa_http_conn_read_keep_input(t->conn, t, true); /* the access log looks at the head */
    fa_http_conn_fail_task(t->conn, t, why);
}

void fa_pipeline_on_parsed(struct fa_task *t)
{
    struct fa_http_conn *c = t->conn;
    struct fa_reactor *r = &t->server->reactor;
    t->head_only = t->req.method == FA_HTTP_HEAD;
    if (FA_UNLIKELY(r->concurrency.limit != 0) && fa_concurrency_refuses(t)) {
        fa_limit_news_note(&r->news, &t->server->stats.over_limit);
        refuse(t, FA_ERR_UNAVAILABLE);
        return;
    }
    if (decode_path(t) != FA_OK) {
        refuse(t, FA_ERR_NOMEM);
        return;
    }
    if (FA_UNLIKELY(atomic_load_explicit(&t->server->next_routes, memory_order_acquire) != NULL)) {
        fa_reactor_adopt_routes(r);
    }
    t->route = find_route(r, t);
    c->upgrade_pending = t->req.upgrade;
    fa_http_body_begin(t); /* dispatches when the request may run */
}

/* task: give it what its executor needs. */
static fa_status prepare(struct fa_task *t)
{
    struct fa_reactor *r = &t->server->reactor;
    if (t->route != NULL) {
        t->out = fa_buffer_cache_get(&r->cache);
        if (FA_UNLIKELY(t->route->wants_local)) {
            fa_http_conn_find_local(t->conn);
        }
        return t->out != NULL ? FA_OK : FA_ERR_NOMEM;
    }
    return fa_http_conn_open_stream(t->conn, t, NULL);
}

/* queue */
void fa_pipeline_dispatch(struct fa_task *t)
{
    struct fa_reactor *r = &t->server->reactor;
    if (FA_UNLIKELY(prepare(t) != FA_OK)) {
        fa_http_conn_fail_task(t->conn, t, FA_ERR_NOMEM);
        return;
    }
    if (t->route != NULL && t->route->lane == FA_LANE_INLINE) {
        t->route->inline_run(t);
        t->state = FA_TASK_DONE;
        return;
    }
    fa_reactor_enqueue(r, t);
}

/* completion queue -> bytes out, or on to the app. */
void fa_pipeline_on_completion(struct fa_task *t)
{
    struct fa_http_conn *c = t->conn;
    struct fa_reactor *r = &t->server->reactor;
    r->worker_tasks -= t->wants_worker;
    t->state = FA_TASK_DONE;
    if (t->hand_over) {
        t->hand_over = false;
        t->wants_worker = false;
        fa_http_conn_hand_over(c, t);
        return;
    }
    r->counts.completed++;
    if (t->tail.len > 0) {
        fa_stats_bump(&t->server->stats.bodies_in_place, 1);
    }
    if (t->answered) { /* the connection ended meanwhile */
        fa_http_conn_forget(c, t);
    } else if (c->first == t) {
        fa_reactor_schedule(r, c);
    }
}

/* The app wrote, read, ended or upgraded a request it was handed. */
void fa_pipeline_on_stream(struct fa_task *t)
{
    struct fa_http_conn *c = t->conn;
    struct fa_stream_news news;
    fa_stream_leave_inbox(t->stream);
    fa_stream_collect(t->stream, &news);
    t->server->reactor.counts.completed += news.ended && !t->stream->end_seen;
    t->stream->end_seen = news.ended;
    if (t->answered) {
        fa_http_conn_forget(c, t);
        return;
    }
    if (news.ended) { /* not before: until then the app may be asking whether to close */
        t->close_after = news.close;
    }
    if (news.resume_reading) {
        c->body_paused = false;
    }
    if (news.body_wanted && t->wants_continue) {
        fa_http_body_send_continue(t);
    }
    if (news.upgraded && !c->tunnel) {
        fa_http_body_begin_tunnel(t);
    }
    fa_reactor_schedule(&t->server->reactor, c);
}
