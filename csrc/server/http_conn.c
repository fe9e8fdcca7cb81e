/* http_conn.c - the state of a client connection, its beginning and its end. */
#include "server/http_conn.h"

#include <string.h>

#include "base/alloc.h"
#include "server/concurrency.h"
#include "server/http_body.h"
#include "server/http_conn_io.h"
#include "server/http_conn_read.h"
#include "server/http_conn_wait.h"
#include "server/http_conn_write.h"
#include "server/intake.h"
#include "server/server_state.h"
#include "server/stream.h"

#define LINGER_ROUNDS 16

#define RETRY_AFTER "retry-after: 1\r\n" /* with 503 */

static struct fa_reactor *reactor_of(struct fa_http_conn *c)
{
    return &c->server->reactor;
}

/* ---- beginning ---- */

static struct fa_http_conn *allocate(struct fa_server *s)
{
    struct fa_http_conn *c = fa_conn_pool_get(&s->reactor.free_conns);
    if (c == NULL) {
        return NULL;
    }
    c->server = s;
    c->fd = -1;
    c->writable = true;
    return c;
}

/* From now on the reactor counts it, times it out and closes it at the end. */
static void enlist(struct fa_http_conn *c)
{
    struct fa_server *s = c->server;
    struct fa_reactor *r = &s->reactor;
    c->next = r->conns;
    if (r->conns != NULL) {
        r->conns->prev = c;
    }
    r->conns = c;
    r->open++;
    r->counts.accepted++;
    fa_concurrency_enter(c);
    atomic_store_explicit(&s->open_connections, r->open, memory_order_relaxed);
    fa_http_conn_wait_update(c);
}

fa_status fa_http_conn_new(struct fa_server *s, int fd, const struct fa_socket_address *peer)
{
    struct fa_http_conn *c = allocate(s);
    if (c == NULL) {
        return FA_ERR_NOMEM;
    }
    if (fa_poller_add_stream(&s->reactor.poller, fd, c) != FA_OK) {
        fa_conn_pool_put(&s->reactor.free_conns, c);
        return FA_ERR_IO;
    }
    c->fd = fd;
    c->peer = *peer;
    enlist(c);
    return FA_OK;
}

fa_status fa_http_conn_new_memory(struct fa_server *s, struct fa_memory_peer *peer)
{
    struct fa_http_conn *c = allocate(s);
    if (c == NULL) {
        return FA_ERR_NOMEM;
    }
    c->memory = peer;
    c->has_asked = true; /* nobody can come from outside here, and then say nothing */
    peer->conn = c;
    enlist(c);
    return FA_OK;
}

/* ---- order of answers, life of tasks ---- */

void fa_http_conn_append(struct fa_http_conn *c, struct fa_task *t)
{
    t->next = NULL;
    if (c->last != NULL) {
        c->last->next = t;
    } else {
        c->first = t;
    }
    c->last = t;
    c->unanswered++;
}

void fa_http_conn_remove(struct fa_http_conn *c, struct fa_task *t)
{
    struct fa_task *before = NULL;
    for (struct fa_task *i = c->first; i != t; i = i->next) {
        FA_ASSERT(i != NULL);
        before = i;
    }
    if (before != NULL) {
        before->next = t->next;
    } else {
        c->first = t->next;
    }
    if (c->last == t) {
        c->last = before;
    }
    t->next = NULL;
    t->answered = true;
    c->unanswered--;
}

static void free_stream(struct fa_reactor *r, struct fa_task *t)
{
    if (t->stream != NULL) {
        fa_stream_drop_output(t->stream, fa_reactor_drop_owner, r);
        fa_stream_free(t->stream);
        t->stream = NULL;
        r->streams--;
    }
}

/* The last task of a closed connection is back: free it at the end of the round. */
static void bury_if_done(struct fa_http_conn *c)
{
    if (c->phase == FA_HTTP_CONN_CLOSED && c->tasks == 0) {
        struct fa_reactor *r = reactor_of(c);
        if (c->prev != NULL) {
            c->prev->next = c->next;
        } else {
            r->conns = c->next;
        }
        if (c->next != NULL) {
            c->next->prev = c->prev;
        }
        c->next = r->dead;
        r->dead = c;
    }
}

static void release_task(struct fa_http_conn *c, struct fa_task *t)
{
    struct fa_reactor *r = reactor_of(c);
    if (t->in != NULL) {
        fa_buffer_cache_release(&r->cache, t->in);
        t->in = NULL;
    }
    fa_http_body_drop(t);
    if (t->out != NULL) {
        fa_buffer_cache_release(&r->cache, t->out);
        t->out = NULL;
    }
    if (t->tail.owner != NULL) {
        fa_reactor_drop_owner(r, t->tail.owner);
        t->tail.owner = NULL;
    }
    void *watcher = atomic_load_explicit(&t->watcher, memory_order_relaxed);
    if (FA_UNLIKELY(watcher != NULL)) {
        fa_reactor_drop_owner(r, watcher);
    }
    free_stream(r, t);
    if (t->table != NULL) {
        fa_reactor_release_routes(r, t->table);
        t->table = NULL;
    }
    fa_task_pool_put(&r->tasks, t);
    c->tasks--;
}

static void remove_lost(struct fa_http_conn *c, struct fa_task *t)
{
    for (struct fa_task **link = &c->lost; *link != NULL; link = &(*link)->next) {
        if (*link == t) {
            *link = t->next;
            return;
        }
    }
}

void fa_http_conn_forget(struct fa_http_conn *c, struct fa_task *t)
{
    FA_ASSERT(t->answered);
    remove_lost(c, t);
    if (c->reading == t) {
        return;
    }
    bool elsewhere = t->state == FA_TASK_RUNNING || t->state == FA_TASK_STALLED ||
                     (t->state == FA_TASK_STREAMING && !fa_stream_is_idle(t->stream));
    if (elsewhere) {
        t->next = c->lost; /* only to be found when the server is freed */
        c->lost = t;
        return;
    }
    release_task(c, t);
    bury_if_done(c);
}

void fa_http_conn_drop_in(struct fa_http_conn *c)
{
    if (c->in != NULL) {
        fa_buffer_cache_release(&reactor_of(c)->cache, c->in);
        c->in = NULL;
    }
    c->in_start = 0;
    c->in_end = 0;
    c->seen = 0;
    fa_intake_note_unread(c);
}

/* ---- end ---- */

/*
 * Take a task out of the line for a full queue. Requests that were handed over
 * can stand there several at a time: `stalled` is then the next of them.
 */
static void unstall(struct fa_http_conn *c, struct fa_task *t)
{
    if (t->state != FA_TASK_STALLED) {
        return;
    }
    fa_reactor_unstall(reactor_of(c), t);
    t->state = FA_TASK_PARSING;
    fa_reactor_drop_owner(reactor_of(c), t->user); /* the app will not see it */
    t->user = NULL;
    c->stalled = NULL;
    for (struct fa_task *i = c->first; i != NULL; i = i->next) {
        if (i->state == FA_TASK_STALLED) {
            c->stalled = i;
        }
    }
}

/* The app shall see that the client is gone; it still has to end the stream. */
static void disconnect_stream(struct fa_http_conn *c, struct fa_task *t)
{
    struct fa_reactor *r = reactor_of(c);
    fa_stream_set_disconnected(t->stream);
    fa_stream_drop_output(t->stream, fa_reactor_drop_owner, r);
    fa_reactor_send_event(r, t->stream);
}

/* Nothing more is answered: tasks that are elsewhere come back in their own time. */
static void detach_tasks(struct fa_http_conn *c)
{
    struct fa_task *reading = c->reading;
    c->reading = NULL;
    if (reading != NULL && reading->answered) {
        fa_http_conn_forget(c, reading);
    }
    while (c->first != NULL) {
        struct fa_task *t = c->first;
        if (t->user == NULL) {
            unstall(c, t);
        }
        if (t->stream != NULL) { /* also one that waits for the queue: its handler has run */
            disconnect_stream(c, t);
        }
        fa_reactor_drop_owner(reactor_of(c), fa_task_set_client_gone(t));
        fa_http_conn_remove(c, t);
        fa_http_conn_forget(c, t);
    }
    c->stalled = NULL;
}

void fa_http_conn_kill(struct fa_http_conn *c)
{
    if (c->phase == FA_HTTP_CONN_CLOSED) {
        return;
    }
    struct fa_reactor *r = reactor_of(c);
    c->phase = FA_HTTP_CONN_CLOSED;
    fa_concurrency_leave(c);
    fa_timer_wheel_cancel(&r->wheel, &c->timer);
    fa_http_conn_io_close(c);
    r->open--;
    r->counts.closed++;
    atomic_store_explicit(&c->server->open_connections, r->open, memory_order_relaxed);
    c->tasks++; /* keep the connection until this function is through */
    fa_http_conn_drop_in(c);
    detach_tasks(c);
    c->tasks--;
    bury_if_done(c);
}

void fa_http_conn_discard(struct fa_http_conn *c)
{
    fa_http_conn_kill(c);
    if (c->tasks == 0) {
        return; /* buried by the kill */
    }
    while (c->lost != NULL) {
        struct fa_task *t = c->lost;
        c->lost = t->next;
        release_task(c, t);
    }
    FA_ASSERT(c->tasks == 0);
    bury_if_done(c);
}

/* What the peer still sends, up to a portion: others have their turn between. */
static void linger(struct fa_http_conn *c)
{
    struct fa_reactor *r = reactor_of(c);
    if (!c->readable) {
        return;
    }
    struct fa_buffer *b = fa_buffer_cache_get(&r->cache);
    bool is_over = b == NULL; /* not again and again until there is memory */
    for (int i = 0; i < LINGER_ROUNDS && c->readable && !is_over; i++) {
        size_t n = 0;
        fa_status st = fa_http_conn_io_recv(c, b->data, b->capacity, &n);
        c->readable = st != FA_AGAIN;
        is_over = (st != FA_OK && st != FA_AGAIN) || n >= c->linger_left;
        c->linger_left -= is_over ? 0 : n;
    }
    if (b != NULL) {
        fa_buffer_cache_release(&r->cache, b);
    }
    if (is_over) {
        fa_http_conn_kill(c);
    } else if (c->readable) {
        fa_reactor_schedule(r, c);
    }
}

void fa_http_conn_finish(struct fa_http_conn *c)
{
    bool unread = c->in_end > c->in_start || c->readable;
    if (c->eof || !(c->must_linger || unread)) {
        fa_http_conn_kill(c);
        return;
    }
    c->phase = FA_HTTP_CONN_LINGERING;
    fa_concurrency_leave(c);
    c->linger_left = FA_HTTP_CONN_LINGER_BYTES;
    c->progress = true;
    fa_http_conn_drop_in(c);
    detach_tasks(c);
    fa_http_conn_io_shutdown(c);
}

/* ---- errors ---- */

void fa_http_conn_fail_task(struct fa_http_conn *c, struct fa_task *t, fa_status why)
{
    struct fa_reactor *r = reactor_of(c);
    c->input_done = true;
    c->must_linger = true;
    unstall(c, t);
    if (c->reading == t) {
        c->reading = NULL;
    }
    free_stream(r, t);
    fa_http_body_drop(t);
    if (!c->eof) { /* else the client has gone away in the middle, which is no news */
        fa_limit_news_note_refusal(&r->news, &c->server->stats, why);
    }
    t->close_after = true;
    fa_span more = why == FA_ERR_UNAVAILABLE ? FA_SPAN(RETRY_AFTER) : (fa_span){NULL, 0};
    if (fa_http_conn_write_plain(t, fa_status_http(why), more) != FA_OK) {
        fa_http_conn_kill(c);
        return;
    }
    t->state = FA_TASK_DONE;
}

/* The body of a request the app already has went wrong: take the request away from it. */
static void cut_loose(struct fa_http_conn *c, struct fa_task *t)
{
    disconnect_stream(c, t);
    fa_http_conn_remove(c, t);
    fa_http_conn_forget(c, t);
}

void fa_http_conn_fail(struct fa_http_conn *c, fa_status why)
{
    struct fa_reactor *r = reactor_of(c);
    struct fa_task *t = c->reading;
    c->reading = NULL;
    c->input_done = true;
    c->must_linger = true;
    fa_http_conn_drop_in(c);
    if (t != NULL && t->answered) { /* its rest was only being skipped */
        fa_http_conn_forget(c, t);
        c->closing = true;
        return;
    }
    if (t != NULL && t->state == FA_TASK_STREAMING) {
        if (t->sent_total > 0) { /* no second answer */
            fa_http_conn_kill(c);
            return;
        }
        cut_loose(c, t);
        t = NULL;
    }
    if (t == NULL) {
        t = fa_task_pool_get(&r->tasks);
        if (t == NULL) {
            fa_http_conn_kill(c);
            return;
        }
        t->conn = c;
        t->server = c->server;
        t->t_parsed_ns = r->now_ns;
        c->tasks++;
        fa_http_conn_append(c, t);
    }
    fa_http_conn_fail_task(c, t, why);
}

/* ---- handing over ---- */

void fa_http_conn_hand_over(struct fa_http_conn *c, struct fa_task *t)
{
    struct fa_reactor *r = reactor_of(c);
    fa_buffer_cache_release(&r->cache, t->out);
    t->out = NULL;
    t->out_start = FA_HTTP_HEAD_ROOM;
    t->out_end = FA_HTTP_HEAD_ROOM;
    t->status = 0;
    t->route = NULL;
    fa_reactor_release_routes(r, t->table);
    t->table = NULL;
    struct fa_buffer *chunk = NULL;
    if (t->body_buf != NULL) {
        chunk = t->body_buf;
        fa_buffer_retain(chunk);
    } else if (t->body.len > 0) {
        chunk = fa_http_body_copy(r, t->body);
    }
    fa_intake_drop(t); /* the stream holds it now */
    bool complete = chunk != NULL || t->body.len == 0;
    if (!complete || fa_http_conn_open_stream(c, t, chunk) != FA_OK) {
        fa_reactor_drop_owner(r, t->user);
        t->user = NULL;
        if (t->answered) {
            fa_http_conn_forget(c, t);
        } else {
            fa_http_conn_fail_task(c, t, FA_ERR_NOMEM);
            fa_reactor_schedule(r, c);
        }
        return;
    }
    fa_stats_bump(&c->server->stats.handovers, 1);
    fa_reactor_enqueue(r, t);
}

void fa_http_conn_find_local(struct fa_http_conn *c)
{
    if (c->local.family == FA_SOCKET_NONE && c->fd >= 0 &&
        fa_socket_local_address(c->fd, &c->local) != FA_OK) {
        c->local.family = FA_SOCKET_UNIX; /* no address to tell */
    }
}

fa_status fa_http_conn_open_stream(
    struct fa_http_conn *c, struct fa_task *t, struct fa_buffer *chunk)
{
    t->stream = fa_stream_new(t, (size_t)c->server->config.write_high_water);
    if (t->stream == NULL) {
        if (chunk != NULL) {
            fa_buffer_release(chunk);
        }
        return FA_ERR_NOMEM;
    }
    reactor_of(c)->streams++;
    fa_http_conn_find_local(c);
    (void)fa_stream_feed(t->stream, chunk, t->body_complete);
    if (c->peer_ended) {
        fa_stream_set_peer_closed(t->stream);
    }
    if (t->answered) {
        fa_stream_set_disconnected(t->stream);
    }
    return FA_OK;
}

/* ---- timeouts ---- */

/*
 * A full queue held the request too long. If the request is whole the connection can stay; but
 * behind an upgrade may be anything, as long as the app has not declined it.
 */
static void answer_unavailable(struct fa_http_conn *c)
{
    struct fa_task *t = c->stalled;
    fa_limit_news_note(&reactor_of(c)->news, &c->server->stats.queue_full);
    if (c->reading == t || t->req.upgrade) {
        c->reading = NULL; /* no other: nothing is read behind a request that waits in line */
        t->close_after = true;
        c->input_done = true;
        c->must_linger = true;
    }
    unstall(c, t);
    free_stream(reactor_of(c), t);
    if (fa_http_conn_write_plain(t, 503, FA_SPAN(RETRY_AFTER)) != FA_OK) {
        fa_http_conn_kill(c);
        return;
    }
    t->state = FA_TASK_DONE;
    fa_http_conn_read_decided(c, t);
    c->body_paused = false;
}

/* Idle for too long; but the next request may be here and only its event not yet. */
static void end_idle(struct fa_http_conn *c)
{
    uint64_t since_ns = c->mark_ns;
    c->readable = true;
    fa_http_conn_step(c);
    bool idle = c->phase == FA_HTTP_CONN_OPEN && fa_http_conn_wait_is_idle(c);
    if (idle && c->mark_ns == since_ns) {
        fa_http_conn_kill(c);
    }
}

void fa_http_conn_drain(struct fa_http_conn *c)
{
    if (c->phase == FA_HTTP_CONN_CLOSED) {
        return;
    }
    if (c->last != NULL) {
        atomic_store_explicit(&c->last->last_call, true, memory_order_relaxed);
    }
    fa_http_conn_wait_update(c);
    if (fa_http_conn_wait_is_idle(c) && reactor_of(c)->now_ns >= c->deadline_ns) {
        end_idle(c);
    }
}

void fa_http_conn_time_out(struct fa_http_conn *c)
{
    struct fa_stats *stats = &c->server->stats;
    struct fa_limit_news *news = &reactor_of(c)->news;
    if (!fa_http_conn_wait_is_idle(c)) {
        fa_stats_bump(&stats->timeouts, 1);
    }
    switch ((enum fa_http_conn_wait)c->wait) {
    case FA_HTTP_CONN_WAIT_NOTHING: return;
    case FA_HTTP_CONN_WAIT_NEWCOMER:
    case FA_HTTP_CONN_WAIT_REQUEST: end_idle(c); return;
    case FA_HTTP_CONN_WAIT_SEND:
        fa_limit_news_note(news, &stats->slow_readers);
        fa_http_conn_kill(c);
        return;
    case FA_HTTP_CONN_WAIT_LINGER: fa_http_conn_kill(c); return;
    case FA_HTTP_CONN_WAIT_HEAD:
        fa_limit_news_note(news, &stats->slow_heads);
        fa_http_conn_fail(c, FA_ERR_REQUEST_TIMEOUT);
        break;
    case FA_HTTP_CONN_WAIT_BODY:
        fa_limit_news_note(news, &stats->slow_bodies);
        fa_http_conn_fail(c, FA_ERR_REQUEST_TIMEOUT);
        break;
    case FA_HTTP_CONN_WAIT_ROOM: fa_intake_make_room(reactor_of(c), c); return;
    case FA_HTTP_CONN_WAIT_QUEUE: answer_unavailable(c); break;
    }
    fa_http_conn_step(c);
}

void fa_http_conn_on_timer(struct fa_http_conn *c)
{
    if (fa_http_conn_wait_is_over(c)) {
        fa_http_conn_time_out(c);
    }
}

/* ---- the step ---- */

void fa_http_conn_step(struct fa_http_conn *c)
{
    if (c->phase == FA_HTTP_CONN_OPEN) {
        fa_http_conn_read_run(c);
    }
    if (c->phase == FA_HTTP_CONN_OPEN) {
        fa_http_conn_write_run(c);
    }
    if (c->phase == FA_HTTP_CONN_OPEN && fa_http_conn_read_can_go_on(c)) {
        fa_reactor_schedule(reactor_of(c), c);
    }
    if (c->phase == FA_HTTP_CONN_LINGERING) {
        linger(c);
    }
    if (c->phase != FA_HTTP_CONN_CLOSED) {
        fa_http_conn_wait_update(c);
    }
}
