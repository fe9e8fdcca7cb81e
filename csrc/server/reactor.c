/* reactor.c - the thread that owns all sockets: its loop. */
#include "server/reactor.h"

#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/parker.h"
#include "http/http_scan.h"
#include "server/acceptor.h"
#include "server/access_log.h"
#include "server/http_conn.h"
#include "server/http_conn_read.h"
#include "server/intake.h"
#include "server/pipeline.h"
#include "server/server_state.h"
#include "server/stream.h"

#define ACCESS_LOG_RING     (1u << 20)
#define DESCRIPTORS_KEPT    64 /* for everything that is not a client connection */
#define NAP_MS              1
#define CONNS_PER_KEPT_TASK 4 /* connections come and go more rarely than tasks */

/* ---- beginning and end ---- */

static uint64_t descriptor_limit(void)
{
    struct rlimit limit;
    bool known = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    return known ? (uint64_t)limit.rlim_cur : UINT64_MAX;
}

static size_t connection_limit(const struct fa_config *config, uint64_t files)
{
    uint64_t most = (uint64_t)config->max_connections;
    uint64_t room = files > 2 * DESCRIPTORS_KEPT ? files - DESCRIPTORS_KEPT : files / 2;
    most = room < most ? room : most;
    return most > 0 ? (size_t)most : 1;
}

fa_status fa_reactor_init(struct fa_reactor *r, struct fa_server *s)
{
    const struct fa_config *config = &s->config;
    memset(r, 0, sizeof *r);
    r->server = s;
    r->now_ns = fa_clock_now_ns();
    r->spare_fd = -1;
    r->concurrency.limit = (size_t)config->limit_concurrency;
    uint64_t files = descriptor_limit();
    r->max_open = connection_limit(config, files);
    fa_limit_news_init(&r->news);
    fa_pressure_init(&r->pressure, config, r->max_open, files);
    r->parser.scan = fa_http_scan_select(config->simd);
    r->parser.limits.request_line = (uint32_t)config->max_request_line;
    r->parser.limits.header_block = (uint32_t)config->max_header_bytes;
    r->parser.limits.header_count = (uint32_t)config->max_header_count;
    fa_timer_wheel_init(&r->wheel, r->now_ns);
    fa_buffer_cache_init(&r->cache, &s->pool);
    uint64_t kept = config->object_pools ? (uint64_t)config->buffer_pool_size : 0;
    fa_task_pool_init(&r->tasks, kept);
    fa_conn_pool_init(&r->free_conns, kept / CONNS_PER_KEPT_TASK);
    fa_status st = fa_poller_init(&r->poller);
    if (st != FA_OK) {
        return st;
    }
    st = fa_poller_add_stream(&r->poller, s->wakeup.fd, &s->wakeup);
    if (st == FA_OK && config->access_log) {
        st = fa_access_log_new(STDOUT_FILENO, ACCESS_LOG_RING, &r->access_log);
    }
    if (st != FA_OK) {
        fa_poller_deinit(&r->poller);
        return st;
    }
    r->spare_fd = fa_acceptor_open_spare();
    return FA_OK;
}

static void free_dead(struct fa_reactor *r);

void fa_reactor_deinit(struct fa_reactor *r)
{
    for (uint32_t i = 0; i < r->listener_count; i++) {
        fa_listener_close(&r->listeners[i]);
    }
    for (struct fa_http_conn *c = r->run_first; c != NULL; c = c->run_next) {
        c->queued = false;
    }
    r->run_first = NULL;
    r->run_last = NULL;
    while (r->conns != NULL) {
        struct fa_http_conn *c = r->conns;
        fa_http_conn_discard(c);
        FA_ASSERT(r->conns != c);
    }
    free_dead(r);
    fa_conn_pool_deinit(&r->free_conns);
    fa_task_pool_deinit(&r->tasks);
    if (r->routes != NULL) {
        fa_reactor_release_routes(r, r->routes);
        r->routes = NULL;
    }
    fa_buffer_cache_deinit(&r->cache);
    if (r->access_log != NULL) {
        fa_access_log_free(r->access_log);
        r->access_log = NULL;
    }
    fa_socket_close(r->spare_fd);
    fa_poller_deinit(&r->poller);
}

/* ---- small services ---- */

void fa_reactor_schedule(struct fa_reactor *r, struct fa_http_conn *c)
{
    if (c->queued) {
        return;
    }
    c->queued = true;
    c->run_next = NULL;
    if (r->run_last != NULL) {
        r->run_last->run_next = c;
    } else {
        r->run_first = c;
    }
    r->run_last = c;
}

void fa_reactor_drop_owner(void *reactor, void *owner)
{
    struct fa_reactor *r = reactor;
    if (owner != NULL) {
        fa_owner_bin_add(&r->server->owners, owner);
        r->owners_added = true;
    }
}

void fa_reactor_release_routes(struct fa_reactor *r, struct fa_route_table *table)
{
    fa_reactor_drop_owner(r, fa_route_table_release(table));
}

void fa_reactor_adopt_routes(struct fa_reactor *r)
{
    struct fa_route_table *table =
        atomic_exchange_explicit(&r->server->next_routes, NULL, memory_order_acquire);
    if (table != NULL) {
        if (r->routes != NULL) {
            fa_reactor_release_routes(r, r->routes);
        }
        r->routes = table;
    }
}

void fa_reactor_record_latency(struct fa_reactor *r, uint64_t ns)
{
    fa_histogram_record(&r->latency, ns / 1000);
}

/* ---- towards the executors ---- */

static struct fa_reactor_tasks *line_for(struct fa_reactor *r, const struct fa_task *t)
{
    return t->stream == NULL && t->route->lane == FA_LANE_WORKER ? &r->stalled_worker
                                                                 : &r->stalled_loop;
}

static bool push(struct fa_reactor *r, struct fa_task *t)
{
    struct fa_server *s = r->server;
    bool to_worker = line_for(r, t) == &r->stalled_worker;
    t->state = t->stream != NULL ? FA_TASK_STREAMING : FA_TASK_RUNNING;
    t->wants_worker = to_worker;
    t->queued_ns = r->now_ns;
    if (fa_queue_try_push(to_worker ? &s->worker_queue : &s->loop_queue, t) != FA_OK) {
        t->wants_worker = false;
        return false;
    }
    fa_stats_bump(to_worker ? &r->worker_queue.pushed : &r->loop_queue.pushed, 1);
    r->worker_tasks += to_worker;
    r->pushed_worker = r->pushed_worker || to_worker;
    r->pushed_loop = r->pushed_loop || !to_worker;
    r->nap_spent = r->nap_spent && !to_worker;
    return true;
}

void fa_reactor_enqueue(struct fa_reactor *r, struct fa_task *t)
{
    struct fa_reactor_tasks *line = line_for(r, t);
    if (FA_LIKELY(line->first == NULL && push(r, t))) {
        return;
    }
    fa_stats_bump(line == &r->stalled_worker ? &r->worker_queue.full : &r->loop_queue.full, 1);
    t->state = FA_TASK_STALLED;
    t->stalled_next = NULL;
    t->stalled_prev = line->last;
    if (line->last != NULL) {
        line->last->stalled_next = t;
    } else {
        line->first = t;
    }
    line->last = t;
    if (!t->answered) {
        t->conn->stalled = t;
    }
}

void fa_reactor_unstall(struct fa_reactor *r, struct fa_task *t)
{
    struct fa_reactor_tasks *line = line_for(r, t);
    if (t->stalled_prev != NULL) {
        t->stalled_prev->stalled_next = t->stalled_next;
    } else {
        line->first = t->stalled_next;
    }
    if (t->stalled_next != NULL) {
        t->stalled_next->stalled_prev = t->stalled_prev;
    } else {
        line->last = t->stalled_prev;
    }
}

static void retry_line(struct fa_reactor *r, struct fa_reactor_tasks *line)
{
    while (line->first != NULL) {
        struct fa_task *t = line->first;
        if (!push(r, t)) {
            t->state = FA_TASK_STALLED;
            return;
        }
        fa_reactor_unstall(r, t);
        if (t->conn->stalled == t) {
            t->conn->stalled = NULL;
            fa_reactor_schedule(r, t->conn); /* it may read on */
        }
    }
}

static bool push_event(struct fa_reactor *r, struct fa_stream *stream)
{
    if (fa_queue_try_push(&r->server->loop_queue, fa_task_tag(stream->task)) != FA_OK) {
        return false;
    }
    fa_stats_bump(&r->loop_queue.pushed, 1);
    r->pushed_loop = true;
    return true;
}

void fa_reactor_send_event(struct fa_reactor *r, struct fa_stream *stream)
{
    if (stream->task->state != FA_TASK_STREAMING || !fa_stream_claim_event(stream)) {
        return; /* the app does not know it yet, no more, or is about to look anyway */
    }
    if (r->events_waiting != NULL || !push_event(r, stream)) {
        fa_stats_bump(&r->loop_queue.full, 1);
        stream->next = r->events_waiting;
        r->events_waiting = stream;
    }
}

static void retry_queues(struct fa_reactor *r)
{
    while (r->events_waiting != NULL) {
        struct fa_stream *stream = r->events_waiting;
        if (!push_event(r, stream)) {
            break;
        }
        r->events_waiting = stream->next;
    }
    retry_line(r, &r->stalled_loop);
    retry_line(r, &r->stalled_worker);
}

/* Wake who has work now: one fence each while they are awake. */
static void wake_executors(struct fa_reactor *r)
{
    struct fa_server *s = r->server;
    if (r->pushed_worker) {
        r->pushed_worker = false;
        fa_stats_raise(&r->worker_queue.high_water, fa_queue_size(&s->worker_queue));
        fa_worker_pool_wake(&s->workers);
    }
    if (r->pushed_loop || r->owners_added) {
        fa_stats_raise(&r->loop_queue.high_water, fa_queue_size(&s->loop_queue));
        r->pushed_loop = false;
        r->owners_added = false;
        if (fa_wakeup_notify(&s->loop_wakeup)) {
            FA_STATS_ADD(&s->stats, wakeups, 1);
        }
    }
}

/* ---- from the executors ---- */

static bool inboxes_are_empty(struct fa_server *s)
{
    return fa_inbox_is_empty(&s->done) && fa_inbox_is_empty(&s->streams);
}

static void take_completions(struct fa_reactor *r)
{
    struct fa_server *s = r->server;
    if (inboxes_are_empty(s)) {
        return;
    }
    r->now_ns = fa_clock_now_ns();
    fa_stats_bump(&s->stats.batches, 1);
    struct fa_inbox_node *node = fa_inbox_take(&s->done);
    while (node != NULL) {
        struct fa_task *t = fa_container_of(node, struct fa_task, done);
        node = node->next; /* the task may be gone afterwards */
        fa_pipeline_on_completion(t);
    }
    node = fa_inbox_take(&s->streams);
    while (node != NULL) {
        struct fa_stream *stream = fa_container_of(node, struct fa_stream, node);
        node = node->next;
        fa_pipeline_on_stream(stream->task);
    }
}

/* ---- connections ---- */

static void free_dead(struct fa_reactor *r)
{
    struct fa_http_conn *c = r->dead;
    r->dead = NULL;
    while (c != NULL) {
        struct fa_http_conn *next = c->next;
        if (c->queued) { /* the run queue still points to it */
            c->next = r->dead;
            r->dead = c;
        } else {
            fa_conn_pool_put(&r->free_conns, c);
        }
        c = next;
    }
}

/* Only those that are queued now: a step may queue its connection again. */
static void run_scheduled(struct fa_reactor *r)
{
    struct fa_http_conn *c = r->run_first;
    r->run_first = NULL;
    r->run_last = NULL;
    while (c != NULL) {
        struct fa_http_conn *next = c->run_next;
        c->queued = false;
        fa_http_conn_step(c);
        c = next;
    }
}

/* ---- draining ---- */

static void drain_connections(struct fa_reactor *r)
{
    struct fa_http_conn *c = r->conns;
    while (c != NULL) {
        struct fa_http_conn *next = c->next;
        fa_http_conn_drain(c);
        c = next;
    }
}

/* Newcomers first: a client that is told to close must not come back to us. */
static void drain(struct fa_reactor *r)
{
    if (!atomic_load_explicit(&r->server->draining, memory_order_acquire) ||
        (r->drained && r->listener_count == 0)) {
        return;
    }
    if (!fa_acceptor_drain(r)) {
        return;
    }
    if (!r->drained) {
        r->drained = true;
        drain_connections(r);
    }
    if (r->listener_count == 0) {
        atomic_store_explicit(&r->server->listening, false, memory_order_release);
    }
}

static void fire_timers(struct fa_reactor *r)
{
    fa_timer_wheel_advance(&r->wheel, r->now_ns);
    struct fa_timer *timer;
    while ((timer = fa_timer_wheel_pop(&r->wheel)) != NULL) {
        fa_http_conn_on_timer(fa_container_of(timer, struct fa_http_conn, timer));
    }
}

/* ---- one round ---- */

static void publish_counts(struct fa_reactor *r)
{
    struct fa_reactor_counts *n = &r->counts;
    struct fa_stats *stats = &r->server->stats;
    atomic_store_explicit(&r->server->tasks_live, (size_t)r->tasks.live, memory_order_relaxed);
    if (n->requests + n->responses + n->completed + n->accepted + n->closed + n->bytes_in +
            n->bytes_out ==
        0) {
        return;
    }
    fa_monitor_note(&r->server->monitor, r->now_ns);
    fa_stats_bump(&stats->requests, n->requests);
    fa_stats_bump(&stats->responses, n->responses);
    fa_stats_bump(&r->completed, n->completed);
    fa_stats_bump(&stats->connections_accepted, n->accepted);
    fa_stats_bump(&stats->connections_closed, n->closed);
    fa_stats_bump(&stats->bytes_in, n->bytes_in);
    fa_stats_bump(&stats->bytes_out, n->bytes_out);
    fa_stats_bump(&stats->sends, n->sends);
    memset(n, 0, sizeof *n);
}

void fa_reactor_spin(struct fa_reactor *r)
{
    struct fa_server *s = r->server;
    uint32_t spin_us = atomic_load_explicit(&s->spin_us, memory_order_relaxed);
    if (spin_us == 0 || r->tasks.live == 0 || r->run_first != NULL) {
        return;
    }
    uint64_t until = fa_clock_now_ns() + (uint64_t)spin_us * 1000u;
    while (inboxes_are_empty(s) && fa_clock_now_ns() < until) {
        fa_parker_pause();
    }
    fa_stats_bump(&r->spins, 1);
    fa_stats_bump(&r->spin_hits, !inboxes_are_empty(s));
}

static int milliseconds_until(const struct fa_reactor *r, uint64_t ns)
{
    return ns > r->now_ns ? (int)((ns - r->now_ns) / 1000000) + 1 : 0;
}

/* The shorter of two times to sleep [ms]; a negative one has no end. */
static int sooner(int timeout, int left)
{
    return timeout < 0 || timeout > left ? left : timeout;
}

/*
 * How long the poller may sleep. While workers run, or several
 * streams are open, the first sleep is a nap: whoever answers may then put off
 * waking this thread. If the nap brings nothing, the next sleep is a full one and
 * each completion wakes. One stream alone gains nothing, and a short timer costs.
 */
static int sleep_timeout(struct fa_reactor *r, bool *nap)
{
    int timeout = fa_timer_wheel_timeout_ms(&r->wheel, r->now_ns);
    uint64_t due_ns = r->server->monitor.due_ns;
    if (due_ns != FA_MONITOR_NEVER) {
        timeout = sooner(timeout, milliseconds_until(r, due_ns));
    }
    if (FA_UNLIKELY(r->pressure.due_ns != FA_PRESSURE_NEVER)) {
        timeout = sooner(timeout, milliseconds_until(r, r->pressure.due_ns));
    }
    if (FA_UNLIKELY(r->news.pending)) {
        timeout = sooner(timeout, milliseconds_until(r, r->news.due_ns));
    }
    if (!r->accepting && !r->drained && r->open < r->max_open && (timeout < 0 || timeout > 100)) {
        timeout = 100;
    }
    if (r->listen_until_ns != 0 && r->listener_count > 0) {
        bool open_yet = r->now_ns < r->listen_until_ns;
        int left = open_yet ? (int)((r->listen_until_ns - r->now_ns) / 1000000) + 1 : 10;
        timeout = sooner(timeout, left);
    }
    *nap = (r->worker_tasks > 0 || r->streams > 1) && !r->nap_spent;
    if (*nap && (timeout < 0 || timeout > NAP_MS)) {
        timeout = NAP_MS;
    }
    return timeout;
}

static int wait_for_events(struct fa_reactor *r)
{
    struct fa_server *s = r->server;
    bool nap = false;
    int timeout = 0;
    if (r->run_first == NULL) {
        fa_reactor_spin(r);
        timeout = sleep_timeout(r, &nap);
    }
    (void)atomic_exchange_explicit(&s->napping, nap, memory_order_acq_rel);
    fa_wakeup_prepare(&s->wakeup);
    bool work =
        !inboxes_are_empty(s) || atomic_load_explicit(&s->stopping, memory_order_relaxed) ||
        atomic_load_explicit(&s->next_routes, memory_order_relaxed) != NULL ||
        fa_acceptor_has_news(r) ||
        (atomic_load_explicit(&s->draining, memory_order_relaxed) && r->listen_until_ns == 0);
    int n = 0;
    if (fa_poller_wait(&r->poller, r->events, FA_REACTOR_EVENTS, work ? 0 : timeout, &n) != FA_OK) {
        n = 0;
    }
    fa_wakeup_cancel(&s->wakeup);
    r->nap_spent = nap && n == 0 && !work && inboxes_are_empty(s);
    r->now_ns = fa_clock_now_ns();
    return n;
}

static void handle_event(struct fa_reactor *r, const struct fa_poller_event *e)
{
    void *data = fa_poller_event_data(e);
    uintptr_t first = (uintptr_t)&r->listeners[0];
    uintptr_t end = (uintptr_t)&r->listeners[FA_SERVER_MAX_LISTENERS];
    if (data == &r->server->wakeup) {
        return; /* its only purpose was to end the wait */
    }
    if ((uintptr_t)data >= first && (uintptr_t)data < end) {
        fa_acceptor_on_readable(r, data);
        return;
    }
    struct fa_http_conn *c = data;
    if (c->phase == FA_HTTP_CONN_CLOSED) {
        return; /* closed earlier in this round */
    }
    c->writable = c->writable || fa_poller_event_is_writable(e);
    if (fa_poller_event_is_broken(e)) {
        fa_http_conn_kill(c);
        return;
    }
    if (fa_poller_event_is_hangup(e)) {
        fa_http_conn_read_note_end(c);
    }
    if (fa_poller_event_is_readable(e)) {
        fa_pipeline_on_readable(c);
    } else {
        fa_http_conn_step(c);
    }
}

void fa_reactor_turn(struct fa_reactor *r)
{
    drain(r);
    if (atomic_load_explicit(&r->server->next_routes, memory_order_relaxed) != NULL) {
        fa_reactor_adopt_routes(r);
    }
    take_completions(r);
    retry_queues(r);
    run_scheduled(r);
    fire_timers(r);
    fa_pressure_turn(r);
    fa_limit_news_turn(&r->news, r->now_ns);
    if (FA_UNLIKELY(atomic_load_explicit(&r->server->intake.waiting, memory_order_relaxed))) {
        fa_intake_resume(r);
    }
    wake_executors(r);
    free_dead(r);
    publish_counts(r);
    if (FA_UNLIKELY(r->now_ns >= r->server->monitor.due_ns)) {
        fa_monitor_tick(&r->server->monitor, r->server, r->now_ns);
    }
}

bool fa_reactor_arm(struct fa_reactor *r)
{
    struct fa_server *s = r->server;
    (void)atomic_exchange_explicit(&s->napping, false, memory_order_acq_rel);
    fa_wakeup_prepare(&s->wakeup);
    if (r->run_first == NULL && inboxes_are_empty(s)) {
        return true;
    }
    fa_wakeup_cancel(&s->wakeup);
    return false;
}

void fa_reactor_wait(struct fa_reactor *r)
{
    int n = wait_for_events(r);
    for (int i = 0; i < n; i++) {
        handle_event(r, &r->events[i]);
    }
}

void fa_reactor_run(struct fa_reactor *r)
{
    struct fa_server *s = r->server;
    r->now_ns = fa_clock_now_ns();
    fa_acceptor_set(r, true);
    while (!atomic_load_explicit(&s->stopping, memory_order_acquire)) {
        fa_reactor_turn(r);
        fa_acceptor_resume(r);
        fa_reactor_wait(r);
    }
    fa_acceptor_set(r, false);
    atomic_store_explicit(&s->listening, false, memory_order_release);
    struct fa_http_conn *c = r->conns;
    while (c != NULL) {
        struct fa_http_conn *next = c->next;
        fa_http_conn_kill(c);
        c = next;
    }
    wake_executors(r);
    publish_counts(r);
}
