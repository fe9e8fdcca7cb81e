/*
 * server.h - the life of one server: make, listen, start, drain, stop, free.
 *
 * Threads of a started server: one reactor (all sockets), up to
 * config.worker_threads workers, one access-log writer if that is on. The loop
 * lane is served by a thread of the caller's.
 *
 * Calls may come from any thread, one at a time. fa_server_drain,
 * fa_server_active, fa_server_stats and fa_server_set_routes may also overlap
 * with each other and with requests; fa_server_cut and fa_server_stop with all
 * of these and with other calls of themselves.
 */
#ifndef FA_SERVER_SERVER_H
#define FA_SERVER_SERVER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "base/histogram.h"
#include "base/span.h"
#include "base/stats.h"
#include "base/status.h"
#include "server/config.h"
#include "server/executor.h"
#include "server/route_table.h"
#include "server/tally.h"

struct fa_server;

/*
 * fa_server_new - a server that does nothing yet.
 *
 * `config` is copied. `ops` and `ctx` must outlive the server; ops may be NULL
 * when no route has lane WORKER and nothing has owners (pure C use).
 *
 * Errors: FA_ERR_NOMEM, FA_ERR_IO (no file descriptors left).
 */
FA_NODISCARD fa_status fa_server_new(const struct fa_config *config,
    const struct fa_executor_ops *ops, void *ctx, struct fa_server **out);

/*
 * fa_server_config - the options in force.
 */
const struct fa_config *fa_server_config(const struct fa_server *s);

/*
 * fa_server_trust - let X-Forwarded-For and -Proto of these peers tell who sent a
 * request, and how (net/trusted.h has the form of the list). Before: nobody's.
 *
 * Ownership: `proxies` is borrowed; *bad is a part of it.
 * Threads:   the caller's, before the start.
 * Errors:    FA_ERR_INVALID for an item that is none, which *bad is then;
 *            FA_ERR_NOMEM; FA_ERR_UNSUPPORTED once started.
 */
FA_NODISCARD fa_status fa_server_trust(struct fa_server *s, fa_span proxies, fa_span *bad);

/*
 * fa_server_set_fixed_lines - the header lines of every answer (fixed_lines.h). Before:
 *                             the server's name, if config.server_header.
 * fa_server_fixed_lines     - these lines.
 *
 * Ownership: `lines` is borrowed; *bad is a part of it. What is returned is the server's,
 *            the same until other lines are set.
 * Threads:   the caller's, before the start; fa_server_fixed_lines: any, after it.
 * Errors:    FA_ERR_INVALID for a line that is none, or is of the framing, which *bad is
 *            then; FA_ERR_FULL for more than fits into a buffer beside the other lines of a
 *            head; FA_ERR_NOMEM; FA_ERR_UNSUPPORTED once started.
 */
FA_NODISCARD fa_status fa_server_set_fixed_lines(struct fa_server *s, fa_span lines, fa_span *bad);
fa_span fa_server_fixed_lines(const struct fa_server *s);

/*
 * fa_server_set_access_format - how the lines of the access log look (access_format.h).
 *
 * Ownership: `pattern` is borrowed; *bad is a part of it.
 * Threads:   the caller's, before the start.
 * Errors:    FA_ERR_INVALID for a pattern that is none; FA_ERR_UNSUPPORTED once started.
 */
FA_NODISCARD fa_status fa_server_set_access_format(
    struct fa_server *s, fa_span pattern, fa_span *bad);

/*
 * fa_server_set_access_records - let the access log of what C handlers answer go to a
 * pipe, as fields (access_log.h); -1: be lines again.
 *
 * Ownership: `fd` stays the caller's, and open until the server has stopped.
 * Threads:   any.
 */
void fa_server_set_access_records(struct fa_server *s, int fd);

/*
 * fa_server_set_limit_news - write to this eventfd when a limit was hit (limit_news.h);
 * -1: nobody wants to hear.
 *
 * Ownership: `fd` stays the caller's, does not block, and is open until the server has
 *            stopped.
 * Threads:   the caller's, before the start.
 */
void fa_server_set_limit_news(struct fa_server *s, int fd);

/*
 * fa_server_set_routes - install (or replace) the compiled routes.
 *
 * `router` is frozen; a match gives a route id, which is its place in `routes`.
 * With router NULL and count 0 every request is handed over. Requests that
 * arrive after this call returned are routed by the new table; those already
 * routed keep the old one. When the last of them is back, the old table's
 * `owner` (may be NULL) is given to ops->drop_owner: keep the plans alive by it.
 *
 * `miss` (may be NULL) says what answers a request that fits none of them. What
 * does not pass `gate` (may be NULL) is handed over, whatever its route.
 *
 * Ownership: on FA_OK the server owns router, miss->known and owner; else the
 *            caller does. `gate` is borrowed until owner is dropped.
 * Errors:    FA_ERR_NOMEM, FA_ERR_INVALID (see fa_route_table_new).
 * Memory:    release exchange of the table slot pairs with the reactor's
 *            acquire load before each routing.
 */
FA_NODISCARD fa_status fa_server_set_routes(struct fa_server *s, struct fa_router *router,
    const struct fa_route *routes, size_t count, const struct fa_route_miss *miss,
    const struct fa_gate *gate, void *owner);

/*
 * fa_server_listen_tcp - listen on host:port (port 0: any free one).
 *
 * `host` is a numeric IPv4 or IPv6 address or a name; *bound_port is the port
 * in use. Several listeners are allowed; all before fa_server_start.
 *
 * Errors: FA_ERR_IO (address in use or not ours), FA_ERR_INVALID (bad host),
 *         FA_ERR_FULL (more than FA_SERVER_MAX_LISTENERS).
 */
#define FA_SERVER_MAX_LISTENERS 16
FA_NODISCARD fa_status fa_server_listen_tcp(
    struct fa_server *s, const char *host, uint16_t port, bool reuse_port, uint16_t *bound_port);

/*
 * fa_server_listen_uds - listen on a Unix socket; a stale socket file is
 * replaced, and the file is removed when the server stops listening.
 */
FA_NODISCARD fa_status fa_server_listen_uds(struct fa_server *s, const char *path);

/*
 * fa_server_listen_fd - serve an inherited listening socket.
 *
 * Ownership: on FA_OK the server closes `fd`.
 */
FA_NODISCARD fa_status fa_server_listen_fd(struct fa_server *s, int fd);

/*
 * fa_server_listen_kept - a socket that the parent process keeps while this one comes and goes.
 *
 * It need not listen yet. Nobody is accepted before fa_server_accept_from. A drain leaves it, and
 * whoever waits in it, to the processes that stay.
 *
 * ours:      nobody but the parent's children accepts from it, see fa_server_take_over.
 * Ownership: on FA_OK the server closes `fd`.
 */
FA_NODISCARD fa_status fa_server_listen_kept(struct fa_server *s, int fd, bool ours);

/*
 * fa_server_accept_from - of the kept listeners accept from these: bit i is the i-th of all
 * listeners. The reactor follows in its next round.
 *
 * Threads: any, from the first listener on. Idempotent.
 */
void fa_server_accept_from(struct fa_server *s, uint32_t listeners);

/*
 * fa_server_take_over - nobody else keeps the listeners any more: the drain that follows
 * serves those who wait in the ones that are accepted from, as it does for listeners of our own.
 *
 * Threads: any, before fa_server_drain.
 */
void fa_server_take_over(struct fa_server *s);

/*
 * fa_server_start - start the reactor and, if ops are given, the first worker.
 *
 * Returns when that worker's thread_start has returned, so the caller must be
 * detached if attaching needs it to be. On error nothing runs.
 *
 * Errors: FA_ERR_IO, FA_ERR_NOMEM, or what thread_start returned.
 */
FA_NODISCARD fa_status fa_server_start(struct fa_server *s);

/*
 * fa_server_start_driven - start a server without a reactor thread: its caller
 * drives it with fa_server_turn. It has no listeners; its clients are memory
 * peers, for which limit_concurrency does not count.
 *
 * Errors: as fa_server_start; FA_ERR_INVALID if it listens.
 */
FA_NODISCARD fa_status fa_server_start_driven(struct fa_server *s);

/*
 * fa_server_turn - one round of a driven server: take answers, read, parse,
 * route, queue, write. With `may_sleep` it first waits, if there is nothing to
 * do, until an executor is done or a timer is due.
 *
 * Threads: one thread at a time; it is the reactor thread of every contract.
 *          With the Python executor it must be detached.
 * Errors:  FA_ERR_CLOSED after fa_server_stop.
 */
FA_NODISCARD fa_status fa_server_turn(struct fa_server *s, bool may_sleep);

/*
 * fa_server_spin - before a turn that may not sleep: look for answers of executors for up
 * to config.spin_us, as a reactor thread does before it sleeps. Without anything to wait
 * for it returns at once.
 *
 * Threads: the one that drives the server.
 */
void fa_server_spin(struct fa_server *s);

/*
 * fa_server_arm, fa_server_wake_fd - for a driver that waits in its own way: once
 * armed, the descriptor becomes readable when an executor is done; then comes the
 * next turn. fa_server_arm returns false if there is something to do already.
 *
 * Threads: the one that drives the server.
 */
bool fa_server_arm(struct fa_server *s);
int fa_server_wake_fd(const struct fa_server *s);

/*
 * fa_server_drain - begin a graceful stop that loses no request.
 *
 * Newcomers are turned away; clients the kernel had already connected are
 * served, then the listeners close. From then on the last answer of each
 * connection says `connection: close`. A connection that waits for a request
 * gets FA_HTTP_CONN_DRAIN_NS from its last answer on to send one more.
 *
 * Idempotent; returns at once. fa_server_active tells when it is done.
 */
void fa_server_drain(struct fa_server *s);

/*
 * fa_server_active - connections that are open; at least 1 while a drain has not
 * closed the listeners yet.
 */
size_t fa_server_active(const struct fa_server *s);

/*
 * fa_server_note_calls - so many calls of the app for requests that were handed over are not
 * over, those included that go on after their answer. They count for limit_concurrency.
 *
 * Threads: any, until fa_server_free.
 */
void fa_server_note_calls(struct fa_server *s, size_t count);

/*
 * fa_server_limit_websockets - no handshake becomes a WebSocket here: for limit_concurrency
 * it is a request as any other, or it would be a way around.
 *
 * Threads: any, until fa_server_free.
 */
void fa_server_limit_websockets(struct fa_server *s);

/*
 * fa_server_busy_workers - the worker threads that are in a handler now, at most `max`
 * of them; returns how many it wrote. What they do need not be an answer any more.
 *
 * Threads: any, until fa_server_free.
 */
size_t fa_server_busy_workers(struct fa_server *s, pthread_t *threads, size_t max);

/*
 * fa_server_cut - let fa_server_turn and a waiting fa_server_stop end now; the
 * reactor closes what is open. Returns at once. fa_server_stop is still needed.
 */
void fa_server_cut(struct fa_server *s);

/*
 * fa_server_stop - drain, wait up to timeout_ns for the connections to finish,
 * cut the rest, join all threads.
 *
 * The caller must be detached. Several threads may stop a server at once: the one
 * with the shortest timeout decides, and all return when it has stopped. Of a driven
 * server nobody may be in fa_server_turn any more (see fa_server_cut).
 * If the caller is the loop thread itself, loop
 * lane requests cannot finish meanwhile: drain first and wait for
 * fa_server_active() == 0 from the event loop, then stop with timeout 0.
 *
 * Errors: FA_AGAIN when a handler on a worker thread is still running half a
 *         second after the cut. That thread cannot be joined; nothing may be
 *         freed. Calling again tries again.
 */
FA_NODISCARD fa_status fa_server_stop(struct fa_server *s, uint64_t timeout_ns);

/*
 * fa_server_forked - in the child of a fork: this is a copy of a server whose threads,
 * connections and tasks are the parent's.
 *
 * From then on no queued task runs here: fa_executor_loop_drain gives none, and a worker
 * that forked ends when its handler returns. fa_server_stop has nothing to wait for and
 * fa_server_free frees nothing: what other threads were changing at the fork is never
 * touched.
 *
 * Threads: the only one there is.
 */
void fa_server_forked(struct fa_server *s);

/*
 * fa_server_free - free everything. Stops first if necessary.
 *
 * Must be called attached (drops remaining owners), after the app ended or
 * forgot every stream: tasks are gone afterwards.
 */
void fa_server_free(struct fa_server *s);

/*
 * fa_server_add_pool - let the statistics tell of one more pool, as `name`.
 *
 * Before fa_server_start. `read` is called on any thread, also while no thread
 * is attached to an interpreter, until fa_server_free has returned; it must not
 * wait. `name` and `ctx` must live as long.
 *
 * Errors: FA_ERR_INVALID after the start, FA_ERR_FULL when there are
 *         FA_SERVER_MAX_POOLS (the server's own are three of them).
 */
#define FA_SERVER_MAX_POOLS 16
FA_NODISCARD fa_status fa_server_add_pool(struct fa_server *s, const char *name,
    void (*read)(void *ctx, struct fa_pool_stats *out), void *ctx);

/*
 * fa_server_publish_stats - keep the report (report.h) in a file while the server
 * lives, for readers in other processes (stats_file.h). `about` is a text for them.
 *
 * Before fa_server_start, once. The file is gone when fa_server_stop returns.
 *
 * Errors: FA_ERR_NOMEM, FA_ERR_IO (errno tells); FA_ERR_INVALID after the start,
 *         a second time, or for too long a text.
 */
FA_NODISCARD fa_status fa_server_publish_stats(
    struct fa_server *s, const char *path, fa_span about);

/* One queue: what it is made of, and what went through it. */
struct fa_server_queue_stats {
    const char *kind; /* of the queue really in use: "spsc", "mpmc" or "locked" */
    uint64_t depth;
    uint64_t capacity;
    uint64_t high_water; /* largest depth at the end of a reactor's round */
    uint64_t pushed;
    uint64_t full; /* tasks and events that found it full */
};

struct fa_server_pool_stats {
    const char *name;
    struct fa_pool_stats figures;
};

struct fa_server_stats {
#define FA_SERVER_STATS_FIELD(name) uint64_t name;
    FA_STATS_MAP(FA_SERVER_STATS_FIELD)
#undef FA_SERVER_STATS_FIELD
    uint64_t tasks_completed; /* failed ones included */
    uint64_t tasks_failed;
    uint64_t open_connections;
    uint64_t tasks_live;
    uint64_t body_bytes_held; /* counted against body_budget */
    uint64_t worker_threads_total;
    uint64_t worker_threads_idle;
    struct fa_server_queue_stats loop_queue;
    struct fa_server_queue_stats worker_queue;
    struct fa_tally_sum loop;
    struct fa_tally_sum workers;
    struct fa_server_pool_stats pools[FA_SERVER_MAX_POOLS];
    size_t pool_count;
    struct fa_histogram_copy latency; /* microseconds, head parsed to last byte written */
    bool adaptive;                    /* the tuner decides */
    uint64_t tuner_ticks;
    uint64_t tuner_changes; /* ticks that changed a size */
    uint64_t tuner_trims;   /* times freed memory was given back to the system */
    uint64_t batch_size;    /* in force now, as is spin_us */
    uint64_t spin_us;
    uint64_t spins; /* of all threads: looks for work instead of sleeping */
    uint64_t spin_hits;
    const char *scanner; /* of the parser: "sse4.2" or "plain" */
};

/*
 * fa_server_stats - a snapshot. Counters are exact when no request runs, else
 * each is right on its own.
 *
 * Threads: any. It takes the locks of the worker pool and the buffer pool for a
 *          moment; requests take neither but to sleep, wake, and go to the heap.
 */
void fa_server_stats(struct fa_server *s, struct fa_server_stats *out);

#endif
