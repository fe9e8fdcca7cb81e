/* stream.c - the two-way channel of a handed-over request. */
#include "server/stream.h"

#include <string.h>

#include "base/alloc.h"
#include "net/socket.h"
#include "server/intake.h"
#include "server/server_state.h"

static void lock(struct fa_stream *s)
{
    (void)pthread_mutex_lock(&s->lock);
}

static void unlock(struct fa_stream *s)
{
    (void)pthread_mutex_unlock(&s->lock);
}

/*
 * Queue the stream for the reactor. Under the lock: once the app has ended the
 * stream, the reactor may free it as soon as it gets the lock.
 */
static void tell_reactor_locked(struct fa_stream *s)
{
    if (!s->in_inbox) {
        s->in_inbox = true;
        fa_inbox_push(&s->task->server->streams, &s->node);
    }
}

/* ---- app side ---- */

bool fa_stream_take_event(struct fa_task *t)
{
    struct fa_stream *s = t->stream;
    lock(s);
    bool ended = s->ended;
    s->event_queued = false;
    if (ended) {
        tell_reactor_locked(s); /* it waits for this to recycle the task */
    }
    unlock(s);
    return !ended;
}

fa_status fa_stream_read(struct fa_task *t, struct fa_buffer **chunk, bool *eof, bool *disconnected)
{
    struct fa_stream *s = t->stream;
    t->app_wants_body = true;
    lock(s);
    bool missed = false; /* does the reactor wait for the bytes taken here? */
    struct fa_buffer *b = s->in_head;
    if (b != NULL) {
        s->in_head = b->next;
        if (s->in_head == NULL) {
            s->in_tail = NULL;
        }
        b->next = NULL;
        s->in_bytes -= b->len;
        missed = fa_intake_let_go(&t->server->intake, b->len);
    }
    bool news = missed || (s->in_paused && s->in_bytes < s->high_water);
    if (b == NULL && !s->body_wanted && !s->in_eof) {
        s->body_wanted = true;
        news = true;
    }
    if (news) {
        tell_reactor_locked(s);
    }
    *eof = s->in_eof && s->in_head == NULL;
    *disconnected = s->disconnected;
    unlock(s);
    *chunk = b;
    return FA_OK;
}

bool fa_stream_is_peer_closed(struct fa_task *t)
{
    struct fa_stream *s = t->stream;
    lock(s);
    bool closed = s->peer_closed || s->disconnected;
    unlock(s);
    return closed;
}

void fa_stream_want_body(struct fa_task *t)
{
    struct fa_stream *s = t->stream;
    t->app_wants_body = true;
    lock(s);
    if (!s->body_wanted && !s->in_eof) {
        s->body_wanted = true;
        tell_reactor_locked(s);
    }
    unlock(s);
}

static struct fa_stream_item *item_get_locked(struct fa_stream *s)
{
    for (uint32_t i = 0; i < FA_STREAM_EMBEDDED_ITEMS; i++) {
        if ((s->slots_used & (1u << i)) == 0) {
            s->slots_used |= 1u << i;
            s->slots[i].embedded = true;
            return &s->slots[i];
        }
    }
    struct fa_stream_item *item = fa_alloc(sizeof *item);
    if (item != NULL) {
        item->embedded = false;
    }
    return item;
}

static void item_put_locked(struct fa_stream *s, struct fa_stream_item *item)
{
    if (item->embedded) {
        s->slots_used &= ~(1u << (uint32_t)(item - s->slots));
    } else {
        fa_free(item);
    }
}

static fa_status append(struct fa_stream *s, const struct fa_stream_item *what)
{
    fa_status st = FA_OK;
    lock(s);
    if (s->ended) {
        st = FA_ERR_INVALID;
    } else if (s->disconnected) {
        st = FA_ERR_CLOSED;
    } else {
        struct fa_stream_item *item = item_get_locked(s);
        if (item == NULL) {
            st = FA_ERR_NOMEM;
        } else {
            bool embedded = item->embedded;
            *item = *what;
            item->embedded = embedded;
            item->next = NULL;
            if (s->out_tail != NULL) {
                s->out_tail->next = item;
            } else {
                s->out_head = item;
            }
            s->out_tail = item;
            s->out_bytes += item->len;
            s->out_was_high = s->out_was_high || s->out_bytes >= s->high_water;
            tell_reactor_locked(s);
        }
    }
    unlock(s);
    return st;
}

fa_status fa_stream_write(struct fa_task *t, struct fa_buffer *buf, uint32_t start)
{
    if (start > buf->len) {
        return FA_ERR_INVALID;
    }
    struct fa_stream_item item = {.kind = FA_STREAM_BYTES,
        .fd = -1,
        .ptr = buf->data + start,
        .len = buf->len - start,
        .owner = buf};
    return append(t->stream, &item);
}

fa_status fa_stream_write_external(struct fa_task *t, const char *ptr, size_t len, void *owner)
{
    struct fa_stream_item item = {
        .kind = FA_STREAM_EXTERNAL, .fd = -1, .ptr = ptr, .len = len, .owner = owner};
    return append(t->stream, &item);
}

fa_status fa_stream_write_file(struct fa_task *t, int fd, off_t offset, uint64_t count)
{
    if (fd < 0 || offset < 0) {
        return FA_ERR_INVALID;
    }
    struct fa_stream_item item = {.kind = FA_STREAM_FILE, .fd = fd, .len = count, .offset = offset};
    return append(t->stream, &item);
}

static void end(struct fa_stream *s, bool close, bool aborted)
{
    lock(s);
    FA_ASSERT(!s->ended);
    s->ended = true;
    s->end_close = close;
    s->aborted = aborted;
    tell_reactor_locked(s);
    unlock(s);
}

void fa_stream_end(struct fa_task *t, bool close)
{
    end(t->stream, close, false);
}

void fa_stream_abort(struct fa_task *t)
{
    end(t->stream, true, true);
}

fa_status fa_stream_upgrade(struct fa_task *t)
{
    struct fa_stream *s = t->stream;
    fa_status st = FA_OK;
    lock(s);
    if (s->ended || !t->req.upgrade) {
        st = FA_ERR_INVALID;
    } else if (s->disconnected) {
        st = FA_ERR_CLOSED;
    } else if (!s->upgraded) {
        s->upgraded = true;
        s->in_eof = false; /* the request itself had no body; the tunnel has */
        tell_reactor_locked(s);
    }
    unlock(s);
    return st;
}

size_t fa_stream_pending(struct fa_task *t)
{
    struct fa_stream *s = t->stream;
    lock(s);
    size_t n = s->out_bytes;
    unlock(s);
    return n;
}

bool fa_stream_is_disconnected(struct fa_task *t)
{
    struct fa_stream *s = t->stream;
    pthread_mutex_lock(&s->lock);
    bool gone = s->disconnected;
    pthread_mutex_unlock(&s->lock);
    return gone;
}

/* ---- reactor side ---- */

struct fa_stream *fa_stream_new(struct fa_task *t, size_t high_water)
{
    struct fa_stream *s = fa_alloc_zero(sizeof *s);
    if (s == NULL) {
        return NULL;
    }
    if (pthread_mutex_init(&s->lock, NULL) != 0) {
        fa_free(s);
        return NULL;
    }
    s->task = t;
    s->high_water = high_water;
    return s;
}

static void no_drop(void *ctx, void *owner)
{
    (void)ctx;
    (void)owner;
}

void fa_stream_free(struct fa_stream *s)
{
    if (s->in_bytes > 0) {
        (void)fa_intake_let_go(&s->task->server->intake, s->in_bytes);
    }
    while (s->in_head != NULL) {
        struct fa_buffer *b = s->in_head;
        s->in_head = b->next;
        fa_buffer_release(b);
    }
    fa_stream_drop_output(s, no_drop, NULL);
    (void)pthread_mutex_destroy(&s->lock);
    fa_free(s);
}

/* Small pieces share a buffer: a body in single bytes must not take one for each. */
static bool merge_locked(struct fa_stream *s, const struct fa_buffer *chunk)
{
    struct fa_buffer *tail = s->in_tail;
    bool fits = tail != NULL && chunk->len <= tail->capacity - tail->len &&
                atomic_load_explicit(&tail->refs, memory_order_acquire) == 1;
    if (fits) {
        memcpy(tail->data + tail->len, chunk->data, chunk->len);
        tail->len += chunk->len;
    }
    return fits;
}

bool fa_stream_feed(struct fa_stream *s, struct fa_buffer *chunk, bool eof)
{
    lock(s);
    if (chunk != NULL && (s->ended || s->disconnected)) {
        fa_buffer_release(chunk); /* nobody will read it */
        chunk = NULL;
    }
    size_t more = chunk != NULL ? chunk->len : 0;
    if (chunk != NULL && merge_locked(s, chunk)) {
        fa_buffer_release(chunk);
    } else if (chunk != NULL) {
        chunk->next = NULL;
        if (s->in_tail != NULL) {
            s->in_tail->next = chunk;
        } else {
            s->in_head = chunk;
        }
        s->in_tail = chunk;
    }
    s->in_bytes += more;
    if (more > 0) {
        fa_intake_hold(&s->task->server->intake, more);
    }
    s->in_eof = s->in_eof || eof;
    bool pause = s->in_bytes >= s->high_water;
    s->in_paused = pause;
    unlock(s);
    return pause;
}

void fa_stream_set_peer_closed(struct fa_stream *s)
{
    lock(s);
    s->peer_closed = true;
    unlock(s);
}

void fa_stream_set_disconnected(struct fa_stream *s)
{
    lock(s);
    s->disconnected = true;
    unlock(s);
}

void fa_stream_collect(struct fa_stream *s, struct fa_stream_news *news)
{
    lock(s);
    if (s->out_head != NULL) {
        if (s->ready_tail != NULL) {
            s->ready_tail->next = s->out_head;
        } else {
            s->ready = s->out_head;
        }
        s->ready_tail = s->out_tail;
        s->out_head = NULL;
        s->out_tail = NULL;
    }
    news->resume_reading = s->in_paused && s->in_bytes < s->high_water;
    if (news->resume_reading) {
        s->in_paused = false;
    }
    news->body_wanted = s->body_wanted;
    news->upgraded = s->upgraded;
    news->ended = s->ended;
    news->close = s->end_close;
    news->aborted = s->aborted;
    unlock(s);
}

/* Let go of what an item holds; the item itself stays. */
static void release_content(
    struct fa_stream_item *item, void (*drop)(void *ctx, void *owner), void *ctx)
{
    switch (item->kind) {
    case FA_STREAM_BYTES: fa_buffer_release(item->owner); break;
    case FA_STREAM_EXTERNAL:
        if (item->owner != NULL) {
            drop(ctx, item->owner);
        }
        break;
    case FA_STREAM_FILE: fa_socket_close(item->fd); break;
    }
}

bool fa_stream_sent(
    struct fa_stream *s, uint64_t n, void (*drop)(void *ctx, void *owner), void *ctx)
{
    uint64_t left = n;
    while (s->ready != NULL && left >= s->ready->len) {
        struct fa_stream_item *item = s->ready;
        left -= item->len;
        s->ready = item->next;
        if (s->ready == NULL) {
            s->ready_tail = NULL;
        }
        release_content(item, drop, ctx);
        lock(s);
        item_put_locked(s, item);
        unlock(s);
    }
    if (left > 0) {
        FA_ASSERT(s->ready != NULL);
        s->ready->len -= left;
        if (s->ready->kind == FA_STREAM_FILE) {
            s->ready->offset += (off_t)left;
        } else {
            s->ready->ptr += left;
        }
    }
    lock(s);
    FA_ASSERT(s->out_bytes >= n);
    s->out_bytes -= n;
    bool drained = s->out_was_high && s->out_bytes < s->high_water;
    if (drained) {
        s->out_was_high = false;
    }
    unlock(s);
    return drained;
}

static void drop_list(struct fa_stream *s, struct fa_stream_item *item,
    void (*drop)(void *ctx, void *owner), void *ctx)
{
    while (item != NULL) {
        struct fa_stream_item *next = item->next;
        release_content(item, drop, ctx);
        lock(s);
        item_put_locked(s, item);
        unlock(s);
        item = next;
    }
}

void fa_stream_drop_output(struct fa_stream *s, void (*drop)(void *ctx, void *owner), void *ctx)
{
    lock(s);
    struct fa_stream_item *unseen = s->out_head;
    s->out_head = NULL;
    s->out_tail = NULL;
    s->out_bytes = 0;
    s->out_was_high = false;
    unlock(s);
    struct fa_stream_item *ready = s->ready;
    s->ready = NULL;
    s->ready_tail = NULL;
    drop_list(s, ready, drop, ctx);
    drop_list(s, unseen, drop, ctx);
}

bool fa_stream_claim_event(struct fa_stream *s)
{
    lock(s);
    bool claimed = !s->ended && !s->event_queued;
    if (claimed) {
        s->event_queued = true;
    }
    unlock(s);
    return claimed;
}

void fa_stream_leave_inbox(struct fa_stream *s)
{
    lock(s);
    s->in_inbox = false;
    unlock(s);
}

bool fa_stream_is_idle(struct fa_stream *s)
{
    lock(s);
    bool idle = s->ended && !s->in_inbox && !s->event_queued;
    unlock(s);
    return idle;
}
