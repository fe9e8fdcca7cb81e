/*
 * http_conn.h - one client connection: its socket, its input, and its
 * requests in the order their answers must go out.
 *
 * The work is split by direction: http_conn_read.c (bytes to requests),
 * http_body.c (request bodies), http_conn_write.c (answers to bytes).
 * http_conn_wait.c says for what it waits, and until when. This file holds the
 * state and the beginning and end of a connection.
 *
 * Events only note what the socket can do (`readable`, `writable`);
 * fa_http_conn_step then does whatever is possible. An idle connection holds
 * no buffer and no task.
 *
 * owner: reactor thread, all of it. Only `peer` and `local` are read elsewhere;
 * they do not change while a task exists that was handed over.
 */
#ifndef FA_SERVER_HTTP_CONN_H
#define FA_SERVER_HTTP_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "base/buffer.h"
#include "base/status.h"
#include "net/socket.h"
#include "net/timer_wheel.h"
#include "server/task.h"

enum fa_http_conn_phase {
    FA_HTTP_CONN_OPEN,
    FA_HTTP_CONN_LINGERING, /* all is sent, our side is shut down; reading until the peer ends */
    FA_HTTP_CONN_CLOSED     /* no socket any more; waits for its tasks to come back */
};

/* What a client still sends behind its answer is read up to here, and thrown away: most
 * clients send all they have before they read, and a reset would take the answer from them. */
#define FA_HTTP_CONN_LINGER_BYTES (UINT64_C(100) << 20)

/*
 * While the server drains: how long a connection that was used a moment ago is
 * kept for the request that may be on its way, and a lingering close takes.
 */
#define FA_HTTP_CONN_DRAIN_NS UINT64_C(1000000000)

struct fa_http_conn {
    struct fa_timer timer;
    struct fa_server *server;
    struct fa_http_conn *prev, *next; /* all connections of the reactor */
    struct fa_http_conn *run_next;    /* reactor's run queue, or its dead list */

    int fd;                        /* -1 for a connection without a socket */
    struct fa_memory_peer *memory; /* the other end then; else NULL */
    uint8_t phase;                 /* enum fa_http_conn_phase */
    uint8_t wait;                  /* enum fa_http_conn_wait: which timeout applies */
    bool queued;                   /* in the run queue */
    bool readable;                 /* the socket may have input */
    bool writable;                 /* the socket may take output */
    bool peer_ended;               /* the peer closed its side; bytes of it may be unread */
    bool eof;                      /* its end was read */
    bool input_done;               /* nothing more is parsed: error, close, or end */
    bool closing;                  /* close once the answers so far are out */
    bool ending;                   /* the answer that ends the connection is out: close now */
    bool must_linger;              /* the peer may still be sending: do not reset it */
    bool tunnel;                   /* upgraded */
    bool upgrade_pending; /* an upgrade request is unanswered: what follows may not be HTTP */
    bool body_paused;     /* the app has enough unread body */
    bool seated;          /* see concurrency.h */
    bool progress;        /* the thing waited for moved on since the last step */
    bool no_room;         /* its body waits, since the server holds as many bytes as it may */
    bool has_asked;       /* a request has come; before that it is a newcomer */

    struct fa_buffer *in; /* unread input, in->data[in_start..in_end) */
    uint32_t in_start, in_end;
    uint32_t in_held; /* bytes of it that the server counts as held, see intake.h */
    uint32_t seen;    /* bytes of it the parser has asked to be shown again */
    uint64_t linger_left;

    struct fa_task *first, *last; /* unanswered requests, oldest first */
    struct fa_task *reading;      /* the one whose body is being read */
    struct fa_task *stalled;      /* ready, but its queue is full */
    struct fa_task *lost;         /* handed over, cut loose by an error, app not finished */
    uint32_t unanswered;          /* length of first..last */
    uint32_t tasks;               /* all tasks that point here */

    uint64_t mark_ns;     /* when the present wait began or last moved on */
    uint64_t deadline_ns; /* 0: none; the timer may be armed earlier than this */
    struct fa_socket_address peer, local;
};

FA_STATIC_ASSERT(
    sizeof(struct fa_http_conn) <= 512, "idle connections are counted by the ten thousand");

/*
 * fa_http_conn_new - take over an accepted socket and register it.
 *
 * Ownership: on FA_OK the connection owns `fd`; else the caller closes it.
 * Errors:    FA_ERR_NOMEM, FA_ERR_IO.
 */
FA_NODISCARD fa_status fa_http_conn_new(
    struct fa_server *s, int fd, const struct fa_socket_address *peer);

/*
 * fa_http_conn_new_memory - a connection without a socket; `peer` is its other
 * end. Sets peer->conn.
 *
 * Ownership: `peer` is borrowed until its `conn` is NULL again.
 * Errors:    FA_ERR_NOMEM.
 */
FA_NODISCARD fa_status fa_http_conn_new_memory(struct fa_server *s, struct fa_memory_peer *peer);

/*
 * fa_http_conn_step - do all that is possible now: read, parse, dispatch,
 * write, close; then set the timeout for what it waits for.
 */
void fa_http_conn_step(struct fa_http_conn *c);

/*
 * fa_http_conn_on_timer - the connection's timer fired.
 */
void fa_http_conn_on_timer(struct fa_http_conn *c);

/*
 * fa_http_conn_time_out - what the connection waits for has taken too long: answer 408
 * or 503, or close it, as its `wait` asks for.
 */
void fa_http_conn_time_out(struct fa_http_conn *c);

/*
 * fa_http_conn_fail - the peer broke a rule or a limit: the answers before it
 * still go out, then the error answer for `why`, then a lingering close.
 *
 * Nothing is parsed any more. A request whose body is being read is the one
 * that is answered so; if the app has it already it sees a disconnect.
 */
void fa_http_conn_fail(struct fa_http_conn *c, fa_status why);

/*
 * fa_http_conn_fail_task - answer one complete request, not yet with an
 * executor, with the error `why`, then close. Out of memory for that kills the
 * connection.
 */
void fa_http_conn_fail_task(struct fa_http_conn *c, struct fa_task *t, fa_status why);

/*
 * fa_http_conn_find_local - look up our end's address, once for each connection,
 * for fa_task_local.
 */
void fa_http_conn_find_local(struct fa_http_conn *c);

/*
 * fa_http_conn_open_stream - make a task one for the app, its body so far being
 * `chunk` (may be NULL).
 *
 * Ownership: takes the reference to chunk in any case.
 * Errors:    FA_ERR_NOMEM.
 */
FA_NODISCARD fa_status fa_http_conn_open_stream(
    struct fa_http_conn *c, struct fa_task *t, struct fa_buffer *chunk);

/*
 * fa_http_conn_hand_over - an executor was not certain about a request (see
 * fa_executor_hand_over): queue it for the app. Also when the client is gone:
 * the app has to let go of t->user.
 */
void fa_http_conn_hand_over(struct fa_http_conn *c, struct fa_task *t);

/*
 * fa_http_conn_kill - the connection is broken or given up: close it now. Its
 * tasks come back in their own time.
 */
void fa_http_conn_kill(struct fa_http_conn *c);

/*
 * fa_http_conn_discard - the server is being freed: close the connection and
 * recycle all its tasks, wherever they are. Nobody touches them any more.
 */
void fa_http_conn_discard(struct fa_http_conn *c);

/*
 * fa_http_conn_finish - everything is sent and the connection shall end: close
 * it, lingering if the peer may still be sending.
 */
void fa_http_conn_finish(struct fa_http_conn *c);

/*
 * fa_http_conn_drain - the server began to drain (reactor->drained is set): let
 * the newest request's answer say close; without one, close once the connection
 * has been idle for FA_HTTP_CONN_DRAIN_NS, now or by its timer.
 */
void fa_http_conn_drain(struct fa_http_conn *c);

/*
 * fa_http_conn_append - a request takes its place in the order of answers.
 */
void fa_http_conn_append(struct fa_http_conn *c, struct fa_task *t);

/*
 * fa_http_conn_remove - a request leaves the order of answers.
 */
void fa_http_conn_remove(struct fa_http_conn *c, struct fa_task *t);

/*
 * fa_http_conn_forget - recycle a task that is out of the order list, unless
 * its body is still being read or the app still has it; then a later call does.
 *
 * Frees a closed connection with its last task.
 */
void fa_http_conn_forget(struct fa_http_conn *c, struct fa_task *t);

/*
 * fa_http_conn_drop_in - give the read buffer back.
 */
void fa_http_conn_drop_in(struct fa_http_conn *c);

/*
 * fa_http_conn_is_idle - no request, no piece of one.
 */
static inline bool fa_http_conn_is_idle(const struct fa_http_conn *c)
{
    return c->first == NULL && c->reading == NULL && c->in_start == c->in_end;
}

#endif
