/* http_conn_read.c - the input side of a connection: bytes to requests. */
#include "server/http_conn_read.h"

#include <string.h>

#include "server/http_body.h"
#include "server/http_conn_io.h"
#include "server/intake.h"
#include "server/pipeline.h"
#include "server/server_state.h"
#include "server/stream.h"

/* Reads in one step, so that one busy client does not hold up the others. */
#define ROUNDS 4

bool fa_http_conn_read_may_parse(const struct fa_http_conn *c)
{
    /* While the server drains, the newest request may have been told to say close. */
    uint32_t most = c->server->reactor.drained ? 1 : (uint32_t)c->server->config.max_pipelined;
    return !c->input_done && c->reading == NULL && c->stalled == NULL && !c->upgrade_pending &&
           c->unanswered < most;
}

static bool wants_input(const struct fa_http_conn *c)
{
    return c->reading != NULL ? !c->body_paused && !c->eof && !c->no_room
                              : fa_http_conn_read_may_parse(c);
}

bool fa_http_conn_read_can_go_on(const struct fa_http_conn *c)
{
    bool unseen = c->in_end - c->in_start > c->seen;
    return wants_input(c) && (c->readable || (unseen && c->reading == NULL));
}

void fa_http_conn_read_decided(struct fa_http_conn *c, const struct fa_task *t)
{
    if (FA_UNLIKELY(t->req.upgrade)) { /* there is one at most: nothing is parsed behind it */
        c->upgrade_pending = false;
    }
}

void fa_http_conn_read_keep_input(struct fa_http_conn *c, struct fa_task *t, bool in_use)
{
    FA_ASSERT(t->in == NULL);
    t->in = c->in;
    if (!in_use && c->in_start == c->in_end) {
        c->in = NULL;
        c->in_start = 0;
        c->in_end = 0;
    } else {
        fa_buffer_retain(c->in);
    }
}

/* The peer closed its side: what was asked is still answered, nothing follows. */
static void on_eof(struct fa_http_conn *c)
{
    c->eof = true;
    c->readable = false;
    c->input_done = true;
    if (c->tunnel) {
        fa_http_body_on_eof(c);
    } else if (c->reading != NULL && !c->reading->answered) {
        fa_http_conn_fail(c, FA_ERR_BAD_REQUEST); /* a cut body is never complete */
        return;
    } else if (c->reading != NULL) {
        struct fa_task *t = c->reading;
        c->reading = NULL;
        fa_http_conn_forget(c, t);
    }
    fa_http_conn_drop_in(c);
    c->closing = true;
    fa_http_conn_read_note_end(c);
}

void fa_http_conn_read_note_end(struct fa_http_conn *c)
{
    struct fa_reactor *r = &c->server->reactor;
    if (c->peer_ended) {
        return;
    }
    c->peer_ended = true;
    for (struct fa_task *t = c->first; t != NULL; t = t->next) {
        fa_reactor_drop_owner(r, fa_task_set_client_gone(t));
        if (t->stream != NULL) {
            fa_stream_set_peer_closed(t->stream);
            fa_reactor_send_event(r, t->stream);
        }
    }
}

/* Make room behind in_end. Earlier requests may still point into the buffer. */
static fa_status make_room(struct fa_http_conn *c)
{
    struct fa_reactor *r = &c->server->reactor;
    struct fa_buffer *old = c->in;
    uint32_t unread = c->in_end - c->in_start;
    if (old != NULL && c->in_end < old->capacity) {
        return FA_OK;
    }
    bool shared = old != NULL && atomic_load_explicit(&old->refs, memory_order_acquire) > 1;
    if (old != NULL && !shared && c->in_start > 0) {
        memmove(old->data, old->data + c->in_start, unread);
    } else {
        uint32_t size = (uint32_t)c->server->config.buffer_size;
        struct fa_buffer *b =
            unread < size / 2 ? fa_buffer_cache_get(&r->cache) : fa_buffer_new(unread * 2);
        if (b == NULL) {
            return FA_ERR_NOMEM;
        }
        if (old != NULL) {
            memcpy(b->data, old->data + c->in_start, unread);
            fa_buffer_cache_release(&r->cache, old);
        }
        c->in = b;
    }
    c->in_start = 0;
    c->in_end = unread;
    return FA_OK;
}

/* What a recv returned. A short read means the socket is empty, unless its end is near. */
static void note_received(struct fa_http_conn *c, fa_status st, size_t n, size_t room)
{
    if (FA_LIKELY(st == FA_OK)) {
        c->server->reactor.counts.bytes_in += n;
        c->readable = n == room || c->peer_ended;
    } else if (st == FA_AGAIN) {
        c->readable = false;
    } else if (st == FA_ERR_CLOSED) {
        on_eof(c);
    } else {
        fa_http_conn_kill(c);
    }
}

static void receive(struct fa_http_conn *c)
{
    char *dst;
    size_t room;
    size_t n = 0;
    uint64_t most = c->reading != NULL && !c->tunnel ? fa_intake_room(c) : UINT64_MAX;
    if (FA_UNLIKELY(most == 0)) {
        return; /* what the socket has is read when there is room */
    }
    if (fa_http_body_room(c, most, &dst, &room)) {
        fa_status st = fa_http_conn_io_recv(c, dst, room, &n);
        if (st == FA_OK) {
            fa_http_body_received(c, n);
        }
        note_received(c, st, n, room);
        return;
    }
    if (make_room(c) != FA_OK) {
        fa_http_conn_fail(c, FA_ERR_NOMEM);
        return;
    }
    room = c->in->capacity - c->in_end;
    fa_status st = fa_http_conn_io_recv(c, c->in->data + c->in_end, room, &n);
    c->in_end += (uint32_t)n;
    note_received(c, st, n, room);
}

/* Take one request head from the input. False: more bytes are needed, or it failed. */
static bool parse_one(struct fa_http_conn *c)
{
    struct fa_reactor *r = &c->server->reactor;
    struct fa_task *t = fa_task_pool_get(&r->tasks);
    if (FA_UNLIKELY(t == NULL)) {
        fa_http_conn_kill(c);
        return false;
    }
    size_t used = 0;
    size_t available = c->in_end - c->in_start;
    fa_status st = fa_http_parser_head(
        &r->parser, c->in->data + c->in_start, available, c->seen, &t->req, &used);
    if (FA_UNLIKELY(st != FA_OK)) {
        fa_task_pool_put(&r->tasks, t);
        c->seen = (uint32_t)available;
        if (st != FA_AGAIN) {
            fa_stats_bump(&c->server->stats.parse_errors, 1);
            fa_http_conn_fail(c, st);
        }
        return false;
    }
    c->seen = 0;
    c->has_asked = true;
    c->in_start += (uint32_t)used;
    c->input_done = !t->req.keep_alive; /* nothing after the last request is looked at */
    c->tasks++;
    t->conn = c;
    t->server = c->server;
    atomic_store_explicit(&t->last_call, r->drained, memory_order_relaxed);
    t->t_parsed_ns = r->now_ns;
    r->counts.requests++;
    fa_http_conn_append(c, t);
    if (FA_UNLIKELY(c->peer_ended)) {
        (void)fa_task_set_client_gone(t); /* nobody can watch it yet */
    }
    fa_pipeline_on_parsed(t);
    return true;
}

/* Work through the input that is here. */
static void consume(struct fa_http_conn *c)
{
    bool more = true;
    while (more && c->phase == FA_HTTP_CONN_OPEN) {
        if (c->reading != NULL) {
            more = c->in_end > c->in_start && !c->body_paused && fa_http_body_consume(c);
        } else {
            more =
                c->in_end - c->in_start > c->seen && fa_http_conn_read_may_parse(c) && parse_one(c);
        }
    }
}

void fa_http_conn_read_run(struct fa_http_conn *c)
{
    consume(c);
    for (int round = 0; round < ROUNDS; round++) {
        if (c->phase != FA_HTTP_CONN_OPEN || !c->readable || !wants_input(c)) {
            break;
        }
        receive(c);
        if (c->phase == FA_HTTP_CONN_OPEN) {
            consume(c);
        }
    }
    if (c->in != NULL && c->in_start == c->in_end && c->reading == NULL) {
        fa_http_conn_drop_in(c);
    }
    fa_intake_note_unread(c);
}
