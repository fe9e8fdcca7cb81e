/* http_body.c - request bodies: buffered, streamed or skipped. */
#include "server/http_body.h"

#include <string.h>

#include "server/http_conn_read.h"
#include "server/intake.h"
#include "server/pipeline.h"
#include "server/server_state.h"
#include "server/stream.h"

#define FIRST_BODY_BUFFER 65536u
#define CONTINUE_LENGTH   25 /* of "HTTP/1.1 100 Continue\r\n\r\n" */

static struct fa_reactor *reactor_of(struct fa_http_conn *c)
{
    return &c->server->reactor;
}

struct fa_buffer *fa_http_body_copy(struct fa_reactor *r, fa_span bytes)
{
    struct fa_buffer *b = NULL;
    if (bytes.len <= (size_t)r->server->config.buffer_size) {
        b = fa_buffer_cache_get(&r->cache);
    } else if (bytes.len <= UINT32_MAX) {
        b = fa_buffer_new((uint32_t)bytes.len);
    }
    if (b != NULL) {
        memcpy(b->data, bytes.ptr, bytes.len);
        b->len = (uint32_t)bytes.len;
    }
    return b;
}

void fa_http_body_drop(struct fa_task *t)
{
    t->body = (fa_span){NULL, 0};
    if (t->body_buf != NULL) {
        fa_buffer_cache_release(&t->server->reactor.cache, t->body_buf);
        t->body_buf = NULL;
    }
    fa_intake_drop(t);
}

static void complete(struct fa_http_conn *c, struct fa_task *t)
{
    c->reading = NULL;
    t->body_complete = true;
    t->wants_continue = false;
    if (t->answered) {
        fa_http_conn_forget(c, t);
    } else if (t->stream == NULL) {
        fa_pipeline_dispatch(t);
    }
}

/* ---- beginning ---- */

static void begin_buffered(struct fa_http_conn *c, struct fa_task *t)
{
    bool sized = t->body_kind == FA_TASK_BODY_LENGTH;
    bool fits = sized && t->req.content_length <= c->in->capacity - c->in_start;
    fa_http_conn_read_keep_input(c, t, true);
    t->state = FA_TASK_READING;
    if (fits) {
        t->body_offset = c->in_start;
    } else {
        uint64_t want = sized && t->req.content_length < FIRST_BODY_BUFFER ? t->req.content_length
                                                                           : FIRST_BODY_BUFFER;
        t->body_buf = fa_buffer_new((uint32_t)want);
        if (t->body_buf == NULL) {
            fa_http_conn_fail(c, FA_ERR_NOMEM);
            return;
        }
        t->body_buf->len = 0;
    }
    if (t->wants_continue) { /* within the limits: the body is wanted */
        fa_http_body_send_continue(t);
    }
}

void fa_http_body_send_continue(struct fa_task *t)
{
    t->wants_continue = false;
    if (t->sent_total == 0 && !t->body_complete) {
        t->interim_left = CONTINUE_LENGTH;
        t->conn->progress = true;
    }
}

void fa_http_body_begin_tunnel(struct fa_task *t)
{
    struct fa_http_conn *c = t->conn;
    c->tunnel = true;
    fa_http_conn_read_decided(c, t);
    c->input_done = true;
    t->body_kind = FA_TASK_BODY_TUNNEL;
    if (c->eof) {
        (void)fa_stream_feed(t->stream, NULL, true);
        fa_reactor_send_event(&c->server->reactor, t->stream);
        return;
    }
    t->body_complete = false;
    c->reading = t;
    c->body_paused = false;
}

void fa_http_body_begin(struct fa_task *t)
{
    struct fa_http_conn *c = t->conn;
    if (t->req.chunked) {
        t->body_kind = FA_TASK_BODY_CHUNKED;
        fa_http_chunked_init(&t->chunked, &reactor_of(c)->parser.limits);
    } else if (t->req.has_content_length && t->req.content_length > 0) {
        t->body_kind = FA_TASK_BODY_LENGTH;
        t->body_left = t->req.content_length;
    }
    bool has_body = t->body_kind != FA_TASK_BODY_NONE;
    t->body_complete = !has_body;
    if (has_body) {
        c->reading = t;
        c->body_paused = false;
        t->wants_continue = t->req.expect_continue && c->in_start == c->in_end;
        fa_status st = fa_intake_begin(c, t);
        if (st != FA_OK) {
            fa_http_conn_read_keep_input(c, t, true); /* the access log looks at the head */
            fa_http_conn_fail(c, st);
            return;
        }
    }
    if (has_body && t->route != NULL) {
        begin_buffered(c, t);
        return;
    }
    fa_http_conn_read_keep_input(c, t, has_body);
    fa_pipeline_dispatch(t);
}

/* ---- buffered ---- */

/* Room for `more` bytes in the body buffer, which doubles up to what is needed. */
static fa_status grow(struct fa_http_conn *c, struct fa_task *t, size_t more)
{
    struct fa_buffer *old = t->body_buf;
    uint64_t need = (uint64_t)old->len + more;
    if (need > UINT32_MAX) {
        return FA_ERR_BODY_TOO_LARGE;
    }
    if (need <= old->capacity) {
        return FA_OK;
    }
    uint64_t size = (uint64_t)old->capacity * 2;
    uint64_t most = t->body_kind == FA_TASK_BODY_LENGTH ? t->req.content_length
                                                        : (uint64_t)c->server->config.max_body_size;
    size = size > most ? most : size;
    size = size < need ? need : size;
    struct fa_buffer *b = fa_buffer_new((uint32_t)(size > UINT32_MAX ? UINT32_MAX : size));
    if (b == NULL) {
        return FA_ERR_NOMEM;
    }
    memcpy(b->data, old->data, old->len);
    b->len = old->len;
    fa_buffer_release(old);
    t->body_buf = b;
    return FA_OK;
}

static bool append_body(struct fa_http_conn *c, struct fa_task *t, const char *ptr, size_t n)
{
    fa_status st = grow(c, t, n);
    if (st != FA_OK) {
        fa_http_conn_fail(c, st);
        return false;
    }
    memcpy(t->body_buf->data + t->body_buf->len, ptr, n);
    t->body_buf->len += (uint32_t)n;
    return true;
}

static void finish_buffer(struct fa_http_conn *c, struct fa_task *t)
{
    t->body = (fa_span){t->body_buf->data, t->body_buf->len};
    complete(c, t);
}

static bool consume_in_place(struct fa_http_conn *c, struct fa_task *t)
{
    uint64_t available = c->in_end - c->in_start;
    uint64_t here = available < t->req.content_length ? available : t->req.content_length;
    if (here > t->body_seen) {
        fa_status st = fa_intake_take(c, (size_t)(here - t->body_seen));
        if (st != FA_OK) {
            fa_http_conn_fail(c, st);
            return false;
        }
    }
    if (here < t->req.content_length) {
        return false; /* stays where it is until the rest is behind it */
    }
    t->body = (fa_span){c->in->data + t->body_offset, (size_t)t->req.content_length};
    t->body_left = 0;
    c->in_start += (uint32_t)t->req.content_length;
    complete(c, t);
    return true;
}

bool fa_http_body_room(struct fa_http_conn *c, uint64_t most, char **dst, size_t *room)
{
    struct fa_task *t = c->reading;
    bool direct = t != NULL && t->state == FA_TASK_READING && t->body_buf != NULL &&
                  t->body_kind == FA_TASK_BODY_LENGTH;
    if (!direct) {
        return false;
    }
    if (t->body_buf->len == t->body_buf->capacity && grow(c, t, 1) != FA_OK) {
        return false; /* the read buffer takes it, and the error shows there */
    }
    size_t free_room = t->body_buf->capacity - t->body_buf->len;
    *dst = t->body_buf->data + t->body_buf->len;
    *room = t->body_left < free_room ? (size_t)t->body_left : free_room;
    *room = *room < most ? *room : (size_t)most;
    return true;
}

void fa_http_body_received(struct fa_http_conn *c, size_t n)
{
    struct fa_task *t = c->reading;
    fa_status st = fa_intake_take(c, n);
    if (st != FA_OK) {
        fa_http_conn_fail(c, st);
        return;
    }
    t->body_buf->len += (uint32_t)n;
    t->body_left -= n;
    if (t->body_left == 0) {
        finish_buffer(c, t);
    }
}

/* ---- streamed ---- */

/*
 * The next `used` raw bytes hold `n` bytes of body at their start: give them to
 * the app, with the buffer itself when nothing else is in it.
 */
static bool feed(struct fa_http_conn *c, struct fa_task *t, size_t used, size_t n, bool eof)
{
    struct fa_reactor *r = reactor_of(c);
    struct fa_buffer *chunk = NULL;
    if (n > 0) {
        bool whole = c->in_start == 0 && used == c->in_end &&
                     atomic_load_explicit(&c->in->refs, memory_order_acquire) == 1;
        if (whole && n >= c->in->capacity / 4) {
            chunk = c->in;
            chunk->len = (uint32_t)n;
            c->in = NULL;
            c->in_end = 0;
            used = 0;
        } else {
            chunk = fa_http_body_copy(r, (fa_span){c->in->data + c->in_start, n});
            if (chunk == NULL) {
                fa_http_conn_fail(c, FA_ERR_NOMEM);
                return false;
            }
        }
    }
    c->in_start += (uint32_t)used;
    if (chunk != NULL || eof) {
        c->body_paused = fa_stream_feed(t->stream, chunk, eof);
        fa_reactor_send_event(r, t->stream);
    }
    return true;
}

void fa_http_body_on_eof(struct fa_http_conn *c)
{
    struct fa_task *t = c->reading;
    c->reading = NULL;
    t->body_complete = true;
    (void)fa_stream_feed(t->stream, NULL, true);
    fa_reactor_send_event(reactor_of(c), t->stream);
}

/* ---- skipped ---- */

/* Answered before its body ended: the rest is skipped, unless it has no end. */
static bool skip(struct fa_http_conn *c, struct fa_task *t, size_t used, size_t n)
{
    c->in_start += (uint32_t)used;
    t->sent_total += n; /* the answer's count is not needed any more */
    if (t->sent_total <= FA_HTTP_CONN_LINGER_BYTES) {
        return true;
    }
    c->reading = NULL;
    c->closing = true;
    c->input_done = true;
    c->must_linger = true;
    fa_http_conn_forget(c, t);
    return false;
}

/* ---- one piece of input, whatever becomes of it ---- */

static bool take(struct fa_http_conn *c, struct fa_task *t, size_t used, size_t n, bool done)
{
    fa_status st = fa_intake_take(c, n);
    if (st != FA_OK) {
        fa_http_conn_fail(c, st);
        return false;
    }
    if (t->answered) {
        if (!skip(c, t, used, n)) {
            return false;
        }
    } else if (t->stream != NULL) {
        if (!feed(c, t, used, n, done)) {
            return false;
        }
    } else {
        const char *ptr = c->in->data + c->in_start;
        if (!append_body(c, t, ptr, n)) {
            return false;
        }
        c->in_start += (uint32_t)used;
        if (done) {
            finish_buffer(c, t);
            return true;
        }
    }
    if (done) {
        complete(c, t);
    }
    return true;
}

static bool consume_chunked(struct fa_http_conn *c, struct fa_task *t)
{
    size_t n = c->in_end - c->in_start;
    size_t used = 0;
    bool done = false;
    fa_status st = fa_http_chunked_decode(&t->chunked, c->in->data + c->in_start, &n, &used, &done);
    if (st != FA_OK && st != FA_AGAIN) {
        fa_stats_bump(&c->server->stats.parse_errors, 1);
        fa_http_conn_fail(c, st);
        return false;
    }
    return take(c, t, used, n, done) && (used > 0 || done);
}

bool fa_http_body_consume(struct fa_http_conn *c)
{
    struct fa_task *t = c->reading;
    if (t->body_kind == FA_TASK_BODY_CHUNKED) {
        return consume_chunked(c, t);
    }
    if (t->body_kind == FA_TASK_BODY_LENGTH && t->state == FA_TASK_READING && t->body_buf == NULL) {
        return consume_in_place(c, t);
    }
    size_t n = c->in_end - c->in_start;
    if (t->body_kind == FA_TASK_BODY_LENGTH) {
        n = n < t->body_left ? n : (size_t)t->body_left;
        t->body_left -= n;
    }
    return take(c, t, n, n, t->body_kind == FA_TASK_BODY_LENGTH && t->body_left == 0);
}
