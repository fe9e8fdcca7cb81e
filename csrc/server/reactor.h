/*
 * reactor.h - the thread that owns all sockets: its state and its loop.
 *
 * One round: take what executors gave back, write, wake executors that sleep,
 * look at timers, sleep in the poller, read. Nothing here waits for anything
 * but the poller.
 *
 * owner: reactor thread, once started.
 */
#ifndef FA_SERVER_REACTOR_H
#define FA_SERVER_REACTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"
#include "base/buffer_pool.h"
#include "base/clock.h"
#include "base/histogram.h"
#include "base/status.h"
#include "http/http_parser.h"
#include "net/listener.h"
#include "net/poller.h"
#include "net/timer_wheel.h"
#include "server/concurrency.h"
#include "server/conn_pool.h"
#include "server/limit_news.h"
#include "server/pressure.h"
#include "server/route_table.h"
#include "server/server.h"
#include "server/task.h"

struct fa_access_log;
struct fa_http_conn;
struct fa_stream;

#define FA_REACTOR_EVENTS 256

/* A first-in first-out list of tasks that wait for a queue. */
struct fa_reactor_tasks {
    struct fa_task *first, *last;
};

/* What went through one queue. Written by the reactor, read by statistics. */
struct fa_reactor_queue {
    fa_counter pushed;
    fa_counter full;       /* tasks and events that found it full */
    fa_counter high_water; /* largest depth at the end of a round */
};

/* Counters of one round, added to the shared statistics at its end. */
struct fa_reactor_counts {
    uint64_t requests, responses, completed, accepted, closed, bytes_in, bytes_out, sends;
};

struct fa_reactor {
    struct fa_server *server;
    uint64_t now_ns; /* of this round */
    struct fa_poller poller;
    struct fa_timer_wheel wheel;
    struct fa_buffer_cache cache;
    struct fa_task_pool tasks;
    struct fa_http_parser parser;
    struct fa_clock_date date;
    struct fa_route_table *routes; /* NULL: everything is handed over */

    struct fa_http_conn *conns; /* all that have a socket or a task */
    struct fa_http_conn *dead;  /* freed at the end of the round */
    struct fa_conn_pool free_conns;
    struct fa_http_conn *run_first, *run_last;
    size_t open;
    size_t max_open;
    struct fa_concurrency concurrency;
    struct fa_pressure pressure;
    struct fa_limit_news news;

    struct fa_reactor_tasks stalled_loop;   /* found the loop queue full */
    struct fa_reactor_tasks stalled_worker; /* found the worker queue full */
    struct fa_stream *events_waiting;       /* events that found the loop queue full */
    bool pushed_loop;                       /* since the last wake-up */
    bool pushed_worker;
    struct fa_reactor_queue loop_queue, worker_queue;
    uint64_t worker_tasks; /* queued or running in the worker lane */
    uint64_t streams;      /* handed over and not forgotten */
    fa_counter spins, spin_hits;
    bool nap_spent; /* the last short sleep brought nothing */
    bool owners_added;

    struct fa_listener listeners[FA_SERVER_MAX_LISTENERS];
    uint32_t listener_count;
    uint32_t inherited; /* bit i: others, who are not ours, may listen on listeners[i] too */
    uint32_t kept;      /* bit i: our parent keeps listeners[i], see fa_server_listen_kept */
    uint32_t polled;    /* bit i: it is in the poller */
    bool accepting;
    uint64_t accept_again_ns; /* paused after running out of descriptors */
    int spare_fd;             /* given up to take and close one connection then */
    uint64_t listen_until_ns; /* a drain began: when its listeners close; else 0 */
    bool drained;             /* connections end as soon as they may */

    struct fa_access_log *access_log; /* NULL: off */
    struct fa_reactor_counts counts;
    fa_counter completed;        /* tasks back from executors, streams ended by the app */
    struct fa_histogram latency; /* microseconds; written here, read by statistics */
    struct fa_poller_event events[FA_REACTOR_EVENTS];
};

/*
 * fa_reactor_init - prepare; no thread, no listener yet.
 *
 * Errors: FA_ERR_IO, FA_ERR_NOMEM.
 */
FA_NODISCARD fa_status fa_reactor_init(struct fa_reactor *r, struct fa_server *s);

/*
 * fa_reactor_deinit - free all connections and tasks. The thread has ended,
 * and nobody touches a task any more.
 */
void fa_reactor_deinit(struct fa_reactor *r);

/*
 * fa_reactor_run - the loop; returns when the server's `stopping` is set.
 *
 * Threads: becomes the reactor thread.
 */
void fa_reactor_run(struct fa_reactor *r);

/*
 * fa_reactor_arm - announce sleep to the executors: server->wakeup.fd becomes
 * readable with their next answer. False: there is work already, and no sleep.
 *
 * For a driven server, whose thread waits for the descriptor in its own way.
 */
bool fa_reactor_arm(struct fa_reactor *r);

/*
 * fa_reactor_turn, fa_reactor_wait - the two halves of a round, for a caller
 * that is the reactor (fa_server_turn): do what there is to do; look for events
 * of sockets and executors, sleeping until one comes or a timer is due.
 */
void fa_reactor_turn(struct fa_reactor *r);
void fa_reactor_wait(struct fa_reactor *r);

/*
 * fa_reactor_spin - while requests are with executors and nothing else is to do, look for
 * their answers for as long as spin_us says. fa_reactor_wait begins with it.
 */
void fa_reactor_spin(struct fa_reactor *r);

/*
 * fa_reactor_schedule - give a connection a step later in this round.
 */
void fa_reactor_schedule(struct fa_reactor *r, struct fa_http_conn *c);

/*
 * fa_reactor_enqueue - queue a task for its executor, or for the app when it
 * is a stream. When the queue is full it waits in line, and its connection is
 * not read meanwhile.
 */
void fa_reactor_enqueue(struct fa_reactor *r, struct fa_task *t);

/*
 * fa_reactor_unstall - take a task that waits in line out of it.
 */
void fa_reactor_unstall(struct fa_reactor *r, struct fa_task *t);

/*
 * fa_reactor_adopt_routes - switch to a route table put down by set_routes.
 */
void fa_reactor_adopt_routes(struct fa_reactor *r);

/*
 * fa_reactor_release_routes - one user of a route table less.
 */
void fa_reactor_release_routes(struct fa_reactor *r, struct fa_route_table *table);

/*
 * fa_reactor_drop_owner - see to it that a thread that may drops `owner`.
 * (void * first: it is the callback of fa_stream_sent.)
 */
void fa_reactor_drop_owner(void *reactor, void *owner);

/*
 * fa_reactor_send_event - queue a tagged task for the app, now or when the
 * loop queue has room again.
 */
void fa_reactor_send_event(struct fa_reactor *r, struct fa_stream *stream);

/*
 * fa_reactor_record_latency - note the time a request took.
 */
void fa_reactor_record_latency(struct fa_reactor *r, uint64_t ns);

#endif
