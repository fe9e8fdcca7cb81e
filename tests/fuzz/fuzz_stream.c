/*
 * The channel of a handed-over request: whatever both sides do in whatever order, each gets the
 * bytes of the other in order, the counts of what waits are right, no event is lost or doubled,
 * and each owner is dropped once.
 *
 * Input: one step a byte. The body that goes in and the answer that comes out are the numbers
 * 0, 1, 2, ... as bytes, so that a piece tells where it belongs.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "queue/inbox.h"
#include "server/server.h"
#include "server/server_state.h"
#include "server/stream.h"

enum { HIGH_WATER = 300 };

struct channel {
    struct fa_server *server;
    struct fa_task task;
    struct fa_stream *s;
    uint8_t fed, read;      /* next byte of the body, as given and as taken */
    uint8_t written, sent;  /* next byte of the answer */
    size_t unread, pending; /* what the stream must say */
    size_t owners;          /* given and not yet dropped */
    bool eof, ended, gone, event, failing;
};

static void require(bool ok)
{
    if (!ok) __builtin_trap();
}

static void drop(void *ctx, void *owner)
{
    struct channel *c = ctx;
    require(c->owners > 0);
    c->owners--;
    free(owner);
}

static void feed(struct channel *c, size_t len, bool eof)
{
    if (c->eof) return;
    struct fa_buffer *b = len > 0 ? fa_buffer_new(len + len / 2) : NULL;
    if (len > 0 && b == NULL) return;
    for (size_t i = 0; i < len; i++) {
        b->data[i] = (char)(uint8_t)(c->fed + i);
    }
    if (b != NULL) b->len = (uint32_t)len;
    bool kept = !c->ended && !c->gone;
    bool pause = fa_stream_feed(c->s, b, eof);
    if (kept) {
        c->fed = (uint8_t)(c->fed + len);
        c->unread += len;
    }
    c->eof = eof;
    require(pause == (c->unread >= HIGH_WATER));
}

static void read_body(struct channel *c)
{
    if (c->ended) return;
    struct fa_buffer *b = NULL;
    bool eof = false, gone = false;
    require(fa_stream_read(&c->task, &b, &eof, &gone) == FA_OK);
    require(gone == c->gone && (b != NULL) == (c->unread > 0));
    if (b != NULL) {
        for (uint32_t i = 0; i < b->len; i++) {
            require((uint8_t)b->data[i] == c->read++);
        }
        c->unread -= b->len;
        fa_buffer_release(b);
    }
    require(eof == (c->eof && c->unread == 0));
}

static void write_answer(struct channel *c, size_t len, bool external)
{
    if (c->ended) return; /* the app's promise */
    fa_status want = c->gone ? FA_ERR_CLOSED : FA_OK, st;
    char *own = NULL;
    struct fa_buffer *b = NULL;
    if (external) {
        own = malloc(len + 1);
    } else {
        b = fa_buffer_new(len + 1);
        if (b == NULL) return;
        b->len = (uint32_t)len + 1; /* the first one is not a part of it */
    }
    char *at = external ? own : b->data + 1;
    for (size_t i = 0; i < len; i++) {
        at[i] = (char)(uint8_t)(c->written + i);
    }
    st = external ? fa_stream_write_external(&c->task, own, len, own)
                  : fa_stream_write(&c->task, b, 1);
    require(st == want || (st == FA_ERR_NOMEM && c->failing));
    if (st == FA_OK) {
        c->written = (uint8_t)(c->written + len);
        c->pending += len;
        c->owners += external;
        return;
    }
    free(own);
    if (b != NULL) fa_buffer_release(b);
}

/* The reactor looks, and writes `most` bytes. */
static void write_out(struct channel *c, size_t most)
{
    struct fa_stream_news news = {0};
    struct fa_inbox_node *node = fa_inbox_take(&c->server->streams);
    require(node == NULL || (node == &c->s->node && node->next == NULL));
    if (node != NULL) fa_stream_leave_inbox(c->s);
    fa_stream_collect(c->s, &news);
    require(news.ended == c->ended);
    size_t n = 0;
    for (const struct fa_stream_item *i = c->s->ready; i != NULL && n < most; i = i->next) {
        size_t part = most - n < i->len ? most - n : (size_t)i->len;
        for (size_t k = 0; k < part; k++) {
            require((uint8_t)i->ptr[k] == c->sent++);
        }
        n += part;
    }
    c->pending -= n;
    (void)fa_stream_sent(c->s, n, drop, c);
    if (!c->ended) require(fa_stream_pending(&c->task) == c->pending);
}

static void lose_client(struct channel *c)
{
    fa_stream_set_disconnected(c->s);
    fa_stream_drop_output(c->s, drop, c);
    c->gone = true;
    c->pending = 0;
    c->sent = c->written;
    require(c->owners == 0);
}

static void event(struct channel *c, bool take)
{
    if (!take) {
        bool claimed = fa_stream_claim_event(c->s);
        require(claimed == (!c->event && !c->ended));
        c->event = c->event || claimed;
    } else if (c->event) {
        require(fa_stream_take_event(&c->task) == !c->ended);
        c->event = false;
    }
}

static void end(struct channel *c, bool cut)
{
    if (c->ended) return;
    c->ended = true;
    if (cut) {
        fa_stream_abort(&c->task);
    } else {
        fa_stream_end(&c->task, true);
    }
}

static void step(struct channel *c, uint8_t op)
{
    size_t len = (size_t)(op >> 4) * 4u;
    switch (op & 15) {
    case 0:
    case 1: feed(c, len, false); break;
    case 2: feed(c, len, op >> 4 == 15); break;
    case 3:
    case 4: read_body(c); break;
    case 5:
    case 6: write_answer(c, len, false); break;
    case 7: write_answer(c, len, true); break;
    case 8:
    case 9: write_out(c, len * 3); break;
    case 10: event(c, (op & 16) != 0); break;
    case 11:
        if (!c->ended) fa_stream_want_body(&c->task);
        break;
    case 12:
        fa_alloc_fail_at(op >> 4);
        c->failing = true;
        break;
    case 13: fa_stream_set_peer_closed(c->s); break;
    case 14:
        if (op >> 4 == 15) lose_client(c);
        break;
    case 15:
        if (op >> 4 >= 14) end(c, op >> 4 == 14);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t live = fa_alloc_live();
    struct fa_config config;
    struct channel *c = calloc(1, sizeof *c);
    fa_config_defaults(&config);
    config.queue_size = 2;
    require(fa_server_new(&config, NULL, NULL, &c->server) == FA_OK);
    c->task.server = c->server;
    c->task.state = FA_TASK_STREAMING;
    c->s = fa_stream_new(&c->task, HIGH_WATER);
    c->task.stream = c->s;
    require(c->s != NULL);
    for (size_t i = 0; i < size; i++) {
        step(c, data[i]);
    }
    fa_alloc_fail_at(0);
    write_out(c, SIZE_MAX / 2);
    require(c->sent == c->written && c->owners == 0);
    while (!c->ended && c->unread > 0)
        read_body(c);
    end(c, false);
    event(c, true);
    write_out(c, 0);
    require(fa_stream_is_idle(c->s));
    fa_stream_free(c->s);
    fa_server_free(c->server);
    free(c);
    require(fa_alloc_live() == live);
    return 0;
}
