/* http_conn_write.c - the output side of a connection: answers to bytes. */
#include "server/http_conn_write.h"

#include <stdio.h>
#include <string.h>

#include "http/http_status.h"
#include "server/access_log.h"
#include "server/http_conn_io.h"
#include "server/http_conn_read.h"
#include "server/server_state.h"
#include "server/stream.h"

#define MAX_PIECES 64
static const char CONTINUE[] = "HTTP/1.1 100 Continue\r\n\r\n";

/* What one system call is going to write. */
struct gather {
    struct iovec iov[MAX_PIECES];
    size_t count;
    size_t bytes;
    bool file_next; /* a file follows these bytes at once */
};

static bool piece(struct gather *g, const char *ptr, size_t len)
{
    if (len == 0) {
        return true;
    }
    if (g->count == MAX_PIECES) {
        return false;
    }
    g->iov[g->count].iov_base = (void *)(uintptr_t)ptr;
    g->iov[g->count].iov_len = len;
    g->count++;
    g->bytes += len;
    return true;
}

static bool gather_stream(struct gather *g, const struct fa_stream *s)
{
    for (const struct fa_stream_item *i = s->ready; i != NULL; i = i->next) {
        if (i->kind == FA_STREAM_FILE && i->len > 0) {
            g->file_next = true;
            return false;
        }
        if (i->kind != FA_STREAM_FILE && !piece(g, i->ptr, (size_t)i->len)) {
            return false;
        }
    }
    return s->end_seen;
}

/* The pieces of one answer. True when the next answer may follow it. */
static bool gather_task(struct gather *g, const struct fa_task *t)
{
    size_t interim = t->interim_left;
    if (!piece(g, CONTINUE + sizeof CONTINUE - 1 - interim, interim)) {
        return false;
    }
    if (t->state == FA_TASK_STREAMING) {
        return gather_stream(g, t->stream) && !t->close_after;
    }
    if (t->state != FA_TASK_DONE) {
        return false;
    }
    uint32_t start = t->out_start + t->out_sent;
    if (!piece(g, t->out->data + start, t->out_end - start)) {
        return false;
    }
    bool has_tail = t->tail.len > 0; /* else there is no pointer to add to */
    return (!has_tail || piece(g, t->tail.ptr + t->tail_sent, t->tail.len - t->tail_sent)) &&
           !t->close_after;
}

static void gather(struct gather *g, const struct fa_http_conn *c)
{
    g->count = 0;
    g->bytes = 0;
    g->file_next = false;
    for (const struct fa_task *t = c->first; t != NULL && gather_task(g, t); t = t->next) {
    }
}

bool fa_http_conn_write_has_output(const struct fa_http_conn *c)
{
    const struct fa_task *t = c->first;
    return t != NULL && (t->state == FA_TASK_DONE || t->interim_left > 0 ||
                            (t->state == FA_TASK_STREAMING && t->stream->ready != NULL));
}

/* ---- the end of an answer ---- */

static fa_span header_of(const struct fa_task *t, fa_span name)
{
    const struct fa_http_header *header = fa_http_parser_find(&t->req, name);
    return header == NULL ? (fa_span){NULL, 0} : header->value;
}

static void log_access(const struct fa_http_conn *c, const struct fa_task *t)
{
    struct fa_reactor *r = &c->server->reactor;
    if (r->access_log == NULL || fa_span_is_empty(t->req.method_text)) {
        return; /* off, or nothing that was a request */
    }
    if (t->stream != NULL && fa_access_log_makes_records(r->access_log)) {
        return; /* the app's side has made the record, with the request's context around it */
    }
    const struct fa_access_format *format = fa_access_log_format(r->access_log);
    struct fa_proxy_client client;
    char text[2 * FA_SOCKET_HOST_MAX];
    int n = 0;
    if (fa_task_client(t, &client) == FA_OK) {
        int shown = (int)fa_min_size(client.host.len, FA_SOCKET_HOST_MAX);
        n = snprintf(text, sizeof text, "%.*s:%u", shown, client.host.ptr, (unsigned)client.port);
    }
    struct fa_access_line line = {.client = {text, (size_t)n},
        .method = t->req.method_text,
        .target = t->req.target,
        .minor = t->req.minor,
        .status = t->status,
        .bytes = t->sent_total,
        .duration_ns = r->now_ns - t->t_parsed_ns,
        .unix_ms = format->has_time ? fa_clock_unix_ms() : 0};
    if (format->has_headers) {
        line.host = header_of(t, FA_SPAN("host"));
        line.referer = header_of(t, FA_SPAN("referer"));
        line.user_agent = header_of(t, FA_SPAN("user-agent"));
    }
    if (!fa_access_log_add(r->access_log, &line)) {
        fa_stats_bump(&c->server->stats.access_log_dropped, 1);
    }
}

/* All of an answer is with the kernel. */
static void finish_answer(struct fa_http_conn *c, struct fa_task *t)
{
    struct fa_reactor *r = &c->server->reactor;
    r->counts.responses++;
    fa_reactor_record_latency(r, r->now_ns - t->t_parsed_ns);
    log_access(c, t);
    fa_http_conn_remove(c, t);
    bool close = t->close_after || !t->req.keep_alive || t->body_kind == FA_TASK_BODY_TUNNEL;
    if (!t->body_complete) { /* answered before the body had come in */
        bool too_much =
            t->body_kind == FA_TASK_BODY_LENGTH && t->body_left > FA_HTTP_CONN_LINGER_BYTES;
        close = close || t->wants_continue || too_much;
        c->must_linger = c->must_linger || close;
        c->body_paused = false;
        t->sent_total = 0; /* counts what is skipped from here on */
        if (close) {
            c->reading = NULL;
        }
    }
    c->must_linger = c->must_linger || (close && t->req.keep_alive);
    fa_http_conn_read_decided(c, t);
    c->ending = c->ending || close;
    fa_http_conn_forget(c, t);
}

/* Is there nothing left of this answer, now and later? */
static bool is_written(const struct fa_task *t)
{
    if (t->interim_left > 0) {
        return false;
    }
    if (t->state == FA_TASK_STREAMING) {
        return t->stream->end_seen && t->stream->ready == NULL;
    }
    return t->state == FA_TASK_DONE && t->out_start + t->out_sent == t->out_end &&
           t->tail_sent == t->tail.len;
}

/* ---- writing ---- */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t ready_bytes(const struct fa_stream *s, bool files)
{
    size_t n = 0;
    for (const struct fa_stream_item *i = s->ready; i != NULL; i = i->next) {
        if (i->kind == FA_STREAM_FILE && !files) {
            break;
        }
        n += (size_t)i->len;
    }
    return n;
}

static void stream_advance(struct fa_http_conn *c, struct fa_task *t, size_t n)
{
    struct fa_reactor *r = &c->server->reactor;
    if (fa_stream_sent(t->stream, n, fa_reactor_drop_owner, r)) {
        fa_reactor_send_event(r, t->stream);
    }
}

/* `n` bytes went out: book them on the answers they belong to. */
static void advance(struct fa_http_conn *c, size_t n)
{
    c->server->reactor.counts.bytes_out += n;
    c->progress = true;
    while (c->first != NULL && !c->ending) {
        struct fa_task *t = c->first;
        size_t part = least(n, t->interim_left);
        t->interim_left = (uint8_t)(t->interim_left - part);
        n -= part;
        size_t before = n;
        if (t->interim_left > 0) {
            return;
        }
        if (t->state == FA_TASK_STREAMING) {
            part = least(n, ready_bytes(t->stream, false));
            stream_advance(c, t, part);
            n -= part;
        } else if (t->state == FA_TASK_DONE) {
            part = least(n, t->out_end - t->out_start - t->out_sent);
            t->out_sent += (uint32_t)part;
            n -= part;
            part = least(n, t->tail.len - t->tail_sent);
            t->tail_sent += part;
            n -= part;
        }
        t->sent_total += before - n;
        if (!is_written(t)) {
            return;
        }
        finish_answer(c, t);
    }
}

/* zero_copy off: put the pieces together first. */
static fa_status send_copied(struct fa_http_conn *c, const struct gather *g, size_t *n)
{
    struct fa_buffer *flat = g->bytes <= UINT32_MAX ? fa_buffer_new((uint32_t)g->bytes) : NULL;
    if (flat == NULL) {
        return fa_http_conn_io_sendv(c, g->iov, g->count, g->file_next, n);
    }
    char *end = flat->data;
    fa_stats_bump(&c->server->stats.bytes_copied, g->bytes);
    for (size_t i = 0; i < g->count; i++) {
        memcpy(end, g->iov[i].iov_base, g->iov[i].iov_len);
        end += g->iov[i].iov_len;
    }
    const struct iovec whole = {.iov_base = flat->data, .iov_len = g->bytes};
    fa_status st = fa_http_conn_io_sendv(c, &whole, 1, false, n);
    fa_buffer_release(flat);
    return st;
}

static fa_status send_gathered(struct fa_http_conn *c, const struct gather *g, size_t *n)
{
    c->server->reactor.counts.sends++;
    if (FA_UNLIKELY(!c->server->config.zero_copy)) {
        return send_copied(c, g, n);
    }
    return fa_http_conn_io_sendv(c, g->iov, g->count, g->file_next, n);
}

/* The first answer goes on with a file. */
static fa_status send_file(struct fa_http_conn *c)
{
    struct fa_task *t = c->first;
    struct fa_stream_item *item = t->stream->ready;
    size_t n = 0;
    fa_status st = fa_http_conn_io_sendfile(c, item->fd, item->offset, item->len, &n);
    if (st == FA_OK) {
        t->sent_total += n;
        c->server->reactor.counts.bytes_out += n;
        c->progress = true;
        stream_advance(c, t, n);
        if (is_written(t)) {
            finish_answer(c, t);
        }
    }
    return st;
}

void fa_http_conn_write_run(struct fa_http_conn *c)
{
    while (c->writable && c->first != NULL && !c->ending) {
        struct gather g;
        gather(&g, c);
        fa_status st;
        if (g.count > 0) {
            size_t n = 0;
            st = send_gathered(c, &g, &n);
            if (st == FA_OK) {
                c->writable = n == g.bytes; /* a full socket buffer: the poller tells */
                advance(c, n);
            }
        } else if (g.file_next) {
            st = send_file(c);
        } else {
            advance(c, 0); /* answers whose last piece was empty */
            break;
        }
        if (st == FA_AGAIN) {
            c->writable = false;
        } else if (st != FA_OK) {
            fa_http_conn_kill(c);
            return;
        }
    }
    if (c->ending || (c->closing && c->first == NULL)) {
        fa_http_conn_finish(c);
    }
}

/* ---- the server's own answers ---- */

fa_status fa_http_conn_write_plain(struct fa_task *t, int status, fa_span extra)
{
    struct fa_reactor *r = &t->server->reactor;
    const struct fa_config *config = &t->server->config;
    fa_span reason = fa_http_status_reason(status);
    t->close_after = fa_task_should_close(t);
    struct fa_http_head head = {
        .status = status,
        .date = config->date_header ? fa_clock_date_refresh(&r->date) : (fa_span){NULL, 0},
        .fixed = t->server->fixed.text,
        .content_type = FA_SPAN("text/plain; charset=utf-8"),
        .has_content_length = true,
        .content_length = reason.len,
        .close = t->close_after,
        .keep_alive_10 = fa_task_is_keep_alive_10(t) && !t->close_after,
        .extra = extra,
    };
    if (t->out == NULL) {
        t->out = fa_buffer_cache_get(&r->cache);
        if (t->out == NULL) {
            return FA_ERR_NOMEM;
        }
    }
    size_t n = fa_http_head_write(&head, t->out->data);
    if (!t->head_only) {
        memcpy(t->out->data + n, reason.ptr, reason.len);
        n += reason.len;
    }
    t->out_start = 0;
    t->out_end = (uint32_t)n;
    t->out_sent = 0;
    t->tail.len = 0;
    t->status = status;
    return FA_OK;
}
