/*
 * task.h - one request, from its parsed head to the last byte of its answer.
 *
 * Who may touch a task:
 *   reactor   creates it, routes it, fills req/match/path/body/out, queues it;
 *   executor  from the queue's pop until fa_executor_complete or
 *             fa_executor_hand_over (a compiled route), and nobody else then;
 *   app       a handed-over task: fa_stream_* functions, and the read-only
 *             request fields, until its one call of fa_stream_end;
 *   reactor   again: writes the answer, then recycles the task.
 *
 * All spans of `req`, `match`, `path` and `body` point into `in`, `body_buf`
 * or `arena`, which the task keeps until it is recycled.
 */
#ifndef FA_SERVER_TASK_H
#define FA_SERVER_TASK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/base.h"
#include "base/buffer.h"
#include "base/pool_counters.h"
#include "base/span.h"
#include "base/status.h"
#include "http/http_chunked.h"
#include "http/http_parser.h"
#include "http/http_response.h"
#include "queue/inbox.h"
#include "route/router.h"
#include "server/proxy.h"
#include "server/rate.h"
#include "server/route_table.h"

struct fa_http_conn;
struct fa_server;
struct fa_stream;

enum fa_task_state {
    FA_TASK_FREE,      /* in the pool */
    FA_TASK_PARSING,   /* reactor: its head is being read */
    FA_TASK_READING,   /* reactor: its body is still arriving */
    FA_TASK_STALLED,   /* reactor: ready, but its queue was full */
    FA_TASK_RUNNING,   /* queued or with the executor */
    FA_TASK_STREAMING, /* handed over: queued for or with the app */
    FA_TASK_DONE       /* reactor: the answer is complete and being written */
};

/* How the body of the request is framed, and what happens to its bytes. */
enum fa_task_body {
    FA_TASK_BODY_NONE,
    FA_TASK_BODY_LENGTH,
    FA_TASK_BODY_CHUNKED,
    FA_TASK_BODY_TUNNEL /* after an upgrade: everything until the connection ends */
};

struct fa_task {
    struct fa_inbox_node done; /* link in the reactor's inbox */
    struct fa_http_conn *conn; /* reactor; valid for the task's whole life */
    struct fa_server *server;
    struct fa_task *next; /* reactor: order within the connection, or free list */
    struct fa_task *stalled_next, *stalled_prev; /* reactor: list of tasks that wait for a queue */

    /* What the executor reads. */
    const struct fa_route *route; /* NULL: no compiled route, the app gets it as a stream */
    struct fa_route_table *table; /* reactor: keeps `route` alive */
    fa_span path;                 /* percent-decoded */
    bool path_invalid_utf8;       /* then `path` has such bytes, and route is NULL */
    bool head_only;               /* HEAD: the head as for GET, no body bytes */
    fa_span body;                 /* complete, decoded; empty for a stream */
    struct fa_buffer *in;         /* keeps the head (and a body that came with it) */
    struct fa_buffer *body_buf;   /* NULL when the body lies in `in` */
    struct fa_arena arena;        /* request lifetime; the executor may allocate from it */
    uint64_t queued_ns;           /* the reactor's round that queued it */

    /* What the executor writes. */
    struct fa_buffer *out;       /* attached by the reactor for a compiled route, else NULL */
    uint32_t out_start, out_end; /* wire bytes; both FA_HTTP_HEAD_ROOM at the start */
    struct {
        const char *ptr; /* a large body that follows `out`, sent from where it lies */
        size_t len;
        void *owner; /* dropped later through executor_ops->drop_owner; may be NULL */
    } tail;
    int status;       /* of the answer, for the access log */
    bool close_after; /* the answer says `connection: close` */
    bool hand_over;   /* set by fa_executor_hand_over only */

    struct fa_stream *stream; /* NULL unless handed over */
    void *user;               /* executor's and app's own; NULL at first, never freed here */
    uint32_t user_kind;       /* executor's and app's own; 0 at first */
    bool app_wants_body;      /* the app's: it has asked for the body */

    /* Reactor's own from here on. */
    enum fa_task_state state;
    enum fa_task_body body_kind;
    uint64_t body_left;   /* LENGTH: bytes still to come */
    uint64_t body_seen;   /* decoded bytes so far */
    uint32_t body_offset; /* where a body that lies in `in` starts */
    uint8_t interim_left; /* bytes of the 100 Continue still to be written */
    bool wants_continue;  /* client waits for 100 Continue, not sent yet */
    bool body_complete;
    bool answered;          /* no longer in its connection's order list */
    bool wants_worker;      /* counted among the tasks of the worker lane */
    uint64_t body_held;     /* bytes counted as held by the server, see intake.h */
    uint64_t body_since_ns; /* when its body began to be read */
    struct fa_rate body_rate;
    uint32_t out_sent;
    size_t tail_sent;
    uint64_t sent_total; /* all bytes of this answer */
    uint64_t t_parsed_ns;
    atomic_bool last_call;   /* the server drains and nothing is read after this request */
    atomic_bool client_gone; /* it closed the connection, or its sending side */
    _Atomic(void *) watcher; /* dropped with that, see fa_task_watch; else NULL */
    struct fa_http_chunked chunked;

    struct fa_route_match match;
    struct fa_http_request req; /* last: its header array is large and mostly untouched */
};

/*
 * fa_task_is_client_gone - has the client closed the connection, or its sending
 * side, since it asked? For a compiled route; a stream has its own answer.
 *
 * Threads: any that holds the task.
 * Memory:  relaxed: the reactor may see the end a moment later than it came.
 */
static inline bool fa_task_is_client_gone(const struct fa_task *t)
{
    return atomic_load_explicit(&t->client_gone, memory_order_relaxed);
}

/*
 * fa_task_watch - have `owner` given to executor_ops->drop_owner as soon as the
 * client has gone (see above), or when the task is recycled before that.
 *
 * Ownership: on FA_OK the task's; else the caller keeps it.
 * Threads:   any that holds the task.
 * Errors:    FA_ERR_CLOSED: it has gone already; FA_ERR_INVALID: there is one.
 * Memory:    sequentially consistent with fa_task_set_client_gone: either this
 *            sees that the client has gone, or that one sees the owner.
 */
FA_NODISCARD fa_status fa_task_watch(struct fa_task *t, void *owner);

/*
 * fa_task_set_client_gone - the client has gone. Returns who is to be dropped,
 * or NULL; whoever watches later is refused.
 *
 * Threads: the reactor.
 */
void *fa_task_set_client_gone(struct fa_task *t);

/*
 * fa_task_should_close - must the answer being built say `connection: close`?
 *
 * Whoever builds the head asks once, says so in the head, and stores the
 * result in t->close_after (or passes it to fa_stream_end).
 *
 * Threads: the one that builds the head.
 * Memory:  relaxed load of last_call, which the reactor may set at any time: an
 *          answer built in the very moment of the drain may miss it. Its
 *          connection then takes one more request, or ends as an idle one.
 */
static inline bool fa_task_should_close(const struct fa_task *t)
{
    /* A client still waiting for 100 Continue may or may not send its body now:
     * the connection has no known state after this answer. */
    bool body_unasked = t->stream != NULL && t->req.expect_continue && !t->app_wants_body;
    return t->close_after || !t->req.keep_alive || body_unasked ||
           atomic_load_explicit(&t->last_call, memory_order_relaxed);
}

/*
 * fa_task_is_keep_alive_10 - does an answer that keeps the connection need
 * `connection: keep-alive` because the client speaks HTTP/1.0?
 */
static inline bool fa_task_is_keep_alive_10(const struct fa_task *t)
{
    return t->req.minor == 0;
}

/*
 * Items of the loop queue are either a task (new work) or a task with its
 * lowest bit set (a stream event of a task the app already has).
 */
static inline void *fa_task_tag(struct fa_task *t)
{
    return (void *)((uintptr_t)t | 1u);
}

static inline bool fa_task_is_tagged(const void *item)
{
    return ((uintptr_t)item & 1u) != 0;
}

static inline struct fa_task *fa_task_untag(void *item)
{
    return (struct fa_task *)((uintptr_t)item & ~(uintptr_t)1u);
}

/*
 * fa_task_client - who sent the request: the other end of the connection, or whom
 * a trusted proxy names (proxy.h).
 *
 * Ownership: *out borrows the task's bytes, and may not be moved.
 * Threads:   whoever has the task.
 * Errors:    FA_ERR_UNSUPPORTED: a Unix socket, which has no address.
 */
FA_NODISCARD fa_status fa_task_client(const struct fa_task *t, struct fa_proxy_client *out);

/*
 * fa_task_scheme - by which scheme it was sent, `plain` over a connection without TLS
 * of which no trusted proxy says another. fa_task_is_secure: by https or wss?
 *
 * Threads: whoever has the task.
 */
enum fa_http_scheme fa_task_scheme(const struct fa_task *t, enum fa_http_scheme plain);
bool fa_task_is_secure(const struct fa_task *t);

/*
 * fa_task_prefix - what a trusted proxy says it has taken off the path (fa_proxy_prefix).
 *
 * Ownership: the result borrows the task's bytes. Threads: whoever has the task.
 */
fa_span fa_task_prefix(const struct fa_task *t);

/*
 * fa_task_local - our end of the connection as text.
 *
 * Writes the address ("127.0.0.1", "::1") into host (capacity at least
 * FA_TASK_HOST_MAX) and the port. FA_ERR_UNSUPPORTED for a Unix socket: there
 * is no such address. Filled in for handed-over tasks only.
 *
 * Threads: whoever has the task.
 */
#define FA_TASK_HOST_MAX 64
FA_NODISCARD fa_status fa_task_local(const struct fa_task *t, char *host, uint16_t *port);

/* Free tasks of one reactor. owner: reactor thread; any may read the counters. */
struct fa_task_pool {
    struct fa_task *free;
    struct fa_pool_counters counters; /* limit 0: each is allocated (object_pools off) */
    uint64_t live;                    /* tasks handed out */
};

/*
 * fa_task_pool_init - an empty pool that keeps up to `limit` free tasks.
 */
void fa_task_pool_init(struct fa_task_pool *pool, uint64_t limit);

/*
 * fa_task_pool_deinit - free the free tasks. Tasks handed out are not known here.
 */
void fa_task_pool_deinit(struct fa_task_pool *pool);

/*
 * fa_task_pool_get - a task with every field but req, match and chunked reset.
 *
 * Errors: NULL when out of memory.
 */
struct fa_task *fa_task_pool_get(struct fa_task_pool *pool);

/*
 * fa_task_pool_put - take a task back.
 *
 * The caller has already released its buffers, tail owner, stream and table.
 */
void fa_task_pool_put(struct fa_task_pool *pool, struct fa_task *t);

/*
 * fa_task_pool_set_limit - keep at most `limit` from now on; frees the rest.
 */
void fa_task_pool_set_limit(struct fa_task_pool *pool, uint64_t limit);

#endif
