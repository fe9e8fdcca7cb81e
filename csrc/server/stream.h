/*
 * stream.h - the two-way channel of a handed-over request.
 *
 *   reactor -> app: request body in pieces, end of body, disconnect
 *   app -> reactor: answer bytes in order, files, end of the answer
 *
 * The app is one thread at a time (usually the event-loop thread). It first
 * meets the request as an untagged task from fa_executor_loop_drain. Later the
 * reactor queues the same task tagged (fa_task_tag) when something changed:
 * body arrived or ended, the client went away, or buffered output fell below
 * write_high_water. At most one such event is queued at a time. For each one
 * the app calls fa_stream_take_event right before it looks at the stream.
 *
 * The task stays valid for the app until it has called fa_stream_end, which it
 * must do exactly once for every handed-over task, disconnected or not. After
 * that only fa_stream_take_event may be called, for an event already queued.
 *
 * None of the app's calls wakes the reactor: after a group of them call
 * fa_executor_wake_reactor once (it costs a fence when the reactor is awake).
 */
#ifndef FA_SERVER_STREAM_H
#define FA_SERVER_STREAM_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/base.h"
#include "base/buffer.h"
#include "base/status.h"
#include "queue/inbox.h"
#include "server/task.h"

enum fa_stream_item_kind { FA_STREAM_BYTES, FA_STREAM_EXTERNAL, FA_STREAM_FILE };

/* One piece of the answer, in the order it goes out. */
struct fa_stream_item {
    struct fa_stream_item *next;
    enum fa_stream_item_kind kind;
    bool embedded;   /* lies in the stream itself */
    int fd;          /* FILE: closed when sent or dropped */
    const char *ptr; /* BYTES, EXTERNAL: what is left of it */
    uint64_t len;    /* bytes left */
    off_t offset;    /* FILE: where the rest starts */
    void *owner;     /* BYTES: struct fa_buffer; EXTERNAL: drop_owner's */
};

#define FA_STREAM_EMBEDDED_ITEMS 2

struct fa_stream {
    struct fa_inbox_node node; /* link in the reactor's stream inbox */
    struct fa_task *task;
    struct fa_stream *next; /* reactor: free list, or list of events that found the queue full */

    pthread_mutex_t lock; /* guards from here to slots_used; never held across a call out */
    bool in_inbox;        /* node is queued for the reactor */
    bool event_queued;    /* a tagged task is queued for the app */
    struct fa_buffer *in_head, *in_tail;
    size_t in_bytes; /* body bytes the app has not read */
    bool in_eof;
    bool in_paused;   /* reactor stopped reading because of in_bytes */
    bool body_wanted; /* the app asked for the body */
    bool disconnected;
    bool peer_closed; /* the client closed its sending side */
    bool aborted;
    bool upgraded; /* the connection is a raw tunnel */
    struct fa_stream_item *out_head, *out_tail;
    size_t out_bytes;  /* queued by the app, not yet written to the socket */
    bool out_was_high; /* reached write_high_water: the app waits for `drained` */
    bool ended;
    bool end_close;
    struct fa_stream_item slots[FA_STREAM_EMBEDDED_ITEMS];
    uint32_t slots_used; /* bit i: slots[i] in use */

    /* Reactor's own. */
    struct fa_stream_item *ready; /* taken from out_head, being written */
    struct fa_stream_item *ready_tail;
    size_t high_water;
    bool end_seen;      /* the reactor saw `ended` */
    bool event_waiting; /* in the reactor's list of unsent events */
};

/* ---- app side: any one thread at a time ---- */

/*
 * fa_stream_take_event - acknowledge a tagged task popped from the loop queue.
 *
 * Must be called once per popped event, before anything else is done with that
 * task: until then the event itself keeps the task alive. Returns false when
 * the app has already ended the stream: the task must not be touched any more.
 *
 * A change made by the reactor after this call queues a new event.
 */
bool fa_stream_take_event(struct fa_task *t);

/*
 * fa_stream_read - take the next piece of the request body.
 *
 * *chunk is NULL when nothing is there now. *eof says that no body follows
 * after this piece. Taking a piece counts as wanting the body.
 *
 * Ownership: the caller gets one reference to *chunk; its bytes are
 *            data[0..len).
 * Errors:    none but FA_OK today.
 */
FA_NODISCARD fa_status fa_stream_read(
    struct fa_task *t, struct fa_buffer **chunk, bool *eof, bool *disconnected);

/*
 * fa_stream_is_peer_closed - has the client closed its sending side?
 *
 * Not the same as disconnected: it may still read the answer. An event is
 * queued when it happens.
 */
bool fa_stream_is_peer_closed(struct fa_task *t);

/*
 * fa_stream_want_body - the app is about to wait for the body: makes the
 * reactor send `100 Continue` if the client waits for it. Idempotent.
 */
void fa_stream_want_body(struct fa_task *t);

/*
 * fa_stream_write - append data[start..buf->len) of a buffer to the answer.
 *
 * Ownership: on FA_OK the stream takes one reference; on any error the caller
 *            keeps it.
 * Errors:    FA_ERR_CLOSED when the client is gone, FA_ERR_NOMEM,
 *            FA_ERR_INVALID after fa_stream_end.
 */
FA_NODISCARD fa_status fa_stream_write(struct fa_task *t, struct fa_buffer *buf, uint32_t start);

/*
 * fa_stream_write_external - append bytes that stay where they lie.
 *
 * Ownership: on FA_OK `owner` keeps ptr[0..len) alive until it is given to
 *            executor_ops->drop_owner (NULL: static bytes); else the caller
 *            keeps it.
 * Errors:    as fa_stream_write.
 */
FA_NODISCARD fa_status fa_stream_write_external(
    struct fa_task *t, const char *ptr, size_t len, void *owner);

/*
 * fa_stream_write_file - append `count` bytes of a file from `offset`.
 *
 * Ownership: on FA_OK the stream closes `fd`; else the caller keeps it.
 * Errors:    as fa_stream_write. A file that turns out shorter than `count`
 *            closes the connection: the answer's length cannot be kept.
 */
FA_NODISCARD fa_status fa_stream_write_file(
    struct fa_task *t, int fd, off_t offset, uint64_t count);

/*
 * fa_stream_end - the answer is complete; the app's last use of the task.
 *
 * `close` (what the head said, see fa_task_should_close) ends the connection
 * after the last byte. Set t->status before, for the access log.
 *
 * Threads: the app's; the task may be recycled at once by the reactor.
 */
void fa_stream_end(struct fa_task *t, bool close);

/*
 * fa_stream_abort - end the stream and cut the connection: the answer cannot
 * be completed (an exception after the head was sent). Counts as the one call
 * of fa_stream_end.
 */
void fa_stream_abort(struct fa_task *t);

/*
 * fa_stream_upgrade - from now on all input is body pieces, nothing is parsed.
 *
 * For a request with req.upgrade. Write the 101 head afterwards. The stream
 * gets eof when the client closes its side; fa_stream_end closes the tunnel.
 *
 * Errors: FA_ERR_INVALID when the request is no upgrade or was ended;
 *         FA_ERR_CLOSED when the client is gone.
 */
FA_NODISCARD fa_status fa_stream_upgrade(struct fa_task *t);

/*
 * fa_stream_pending - bytes of the answer not yet written to the socket.
 *
 * When this is at or above the option write_high_water the app should stop
 * writing until an event arrives.
 */
size_t fa_stream_pending(struct fa_task *t);

/*
 * fa_stream_is_disconnected - is the client gone? Nothing more can be sent then.
 */
bool fa_stream_is_disconnected(struct fa_task *t);

/* ---- reactor side ---- */

/*
 * fa_stream_new, fa_stream_free - channel of one task.
 *
 * fa_stream_free drops unread body and closes unsent files; EXTERNAL owners
 * must have been collected with fa_stream_collect_owners before.
 *
 * Errors: NULL when out of memory.
 */
struct fa_stream *fa_stream_new(struct fa_task *t, size_t high_water);
void fa_stream_free(struct fa_stream *s);

/*
 * fa_stream_feed - give the app one more piece of body.
 *
 * Ownership: takes one reference to `chunk` (NULL: only `eof` is news).
 * Returns true when the reactor must stop reading (unread body is at
 * high_water or above).
 */
bool fa_stream_feed(struct fa_stream *s, struct fa_buffer *chunk, bool eof);

/*
 * fa_stream_set_peer_closed - the client closed its sending side.
 */
void fa_stream_set_peer_closed(struct fa_stream *s);

/*
 * fa_stream_set_disconnected - the client is gone, nothing more will be sent.
 */
void fa_stream_set_disconnected(struct fa_stream *s);

/* What the app did since the reactor last looked. */
struct fa_stream_news {
    bool resume_reading; /* unread body fell below high_water */
    bool body_wanted;
    bool upgraded;
    bool ended;
    bool close;
    bool aborted;
};

/*
 * fa_stream_collect - move the app's new output to `ready` and tell the rest.
 */
void fa_stream_collect(struct fa_stream *s, struct fa_stream_news *news);

/*
 * fa_stream_sent - `n` bytes at the front of `ready` were written.
 *
 * Items that are complete are dropped; an EXTERNAL item's owner is handed to
 * `drop(ctx, owner)`. Returns true when the app waits for this (output fell
 * below high_water): queue an event.
 */
bool fa_stream_sent(
    struct fa_stream *s, uint64_t n, void (*drop)(void *ctx, void *owner), void *ctx);

/*
 * fa_stream_drop_output - the connection is gone: drop everything unsent.
 */
void fa_stream_drop_output(struct fa_stream *s, void (*drop)(void *ctx, void *owner), void *ctx);

/*
 * fa_stream_claim_event - may (and must) the reactor queue an event now?
 *
 * False when one is queued already or the app has ended the stream. True
 * counts as queued: the caller sees to it that the tagged task gets there.
 */
bool fa_stream_claim_event(struct fa_stream *s);

/*
 * fa_stream_leave_inbox - the reactor took the stream's node out of its inbox.
 *
 * Must be called after the node's link was read and before fa_stream_collect.
 */
void fa_stream_leave_inbox(struct fa_stream *s);

/*
 * fa_stream_is_idle - does nobody but the reactor refer to the stream any more
 * (ended, no event queued, not in the reactor's inbox)?
 *
 * The app makes every change that matters here in one critical section with
 * its last access, so a true answer stays true.
 */
bool fa_stream_is_idle(struct fa_stream *s);

#endif
