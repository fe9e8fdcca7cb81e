/* server.c - the life of one server: make, listen, start, drain, stop, free. */
#include "server/server.h"

#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "server/access_log.h"
#include "server/server_state.h"
#include "server/stats_file.h"

#define STOP_GRACE_NS UINT64_C(500000000)

/* ---- making and freeing ---- */

static fa_status init_queues(struct fa_server *s)
{
    const struct fa_config *config = &s->config;
    bool lock_free = config->lock_free_queue;
    size_t size = (size_t)config->queue_size;
    fa_status st = fa_queue_init(&s->loop_queue, lock_free ? FA_QUEUE_SPSC : FA_QUEUE_LOCKED, size);
    if (st != FA_OK) {
        return st;
    }
    st = fa_queue_init(&s->worker_queue, lock_free ? FA_QUEUE_MPMC : FA_QUEUE_LOCKED, size);
    if (st != FA_OK) {
        fa_queue_deinit(&s->loop_queue);
    }
    return st;
}

static fa_status init_wakeups(struct fa_server *s)
{
    fa_status st = fa_wakeup_init(&s->wakeup);
    if (st != FA_OK) {
        return st;
    }
    st = fa_wakeup_init(&s->loop_wakeup);
    if (st != FA_OK) {
        fa_wakeup_deinit(&s->wakeup);
        return st;
    }
    fa_wakeup_prepare(&s->loop_wakeup); /* the loop thread starts out asleep */
    return FA_OK;
}

static void read_buffers(void *ctx, struct fa_pool_stats *out)
{
    fa_buffer_pool_stats(ctx, out);
}

static void read_counters(void *ctx, struct fa_pool_stats *out)
{
    fa_pool_counters_read(ctx, out);
}

static void add_pool(struct fa_server *s, const char *name,
    void (*read)(void *ctx, struct fa_pool_stats *out), void *ctx)
{
    s->pools[s->pool_count++] = (struct fa_server_pool){.name = name, .read = read, .ctx = ctx};
}

static void add_own_pools(struct fa_server *s)
{
    add_pool(s, "buffers", read_buffers, &s->pool);
    add_pool(s, "tasks", read_counters, &s->reactor.tasks.counters);
    add_pool(s, "connections", read_counters, &s->reactor.free_conns.counters);
}

static fa_status init_parts(struct fa_server *s)
{
    const struct fa_config *config = &s->config;
    fa_status st = fa_owner_bin_init(&s->owners);
    if (st != FA_OK) {
        return st;
    }
    st = fa_buffer_pool_init(&s->pool, (size_t)config->buffer_size,
        (size_t)config->buffer_pool_size, config->object_pools);
    if (st != FA_OK) {
        goto fail_pool;
    }
    st = init_queues(s);
    if (st != FA_OK) {
        goto fail_queues;
    }
    st = init_wakeups(s);
    if (st != FA_OK) {
        goto fail_wakeups;
    }
    st = fa_worker_pool_init(&s->workers, s, (uint32_t)config->worker_threads);
    if (st != FA_OK) {
        goto fail_workers;
    }
    st = fa_reactor_init(&s->reactor, s);
    if (st == FA_OK) {
        add_own_pools(s);
        atomic_init(&s->batch_size, (unsigned)config->batch_size);
        atomic_init(&s->spin_us, (unsigned)config->spin_us);
        fa_monitor_init(&s->monitor, s);
        return FA_OK;
    }
    fa_worker_pool_deinit(&s->workers);
fail_workers:
    fa_wakeup_deinit(&s->loop_wakeup);
    fa_wakeup_deinit(&s->wakeup);
fail_wakeups:
    fa_queue_deinit(&s->worker_queue);
    fa_queue_deinit(&s->loop_queue);
fail_queues:
    fa_buffer_pool_deinit(&s->pool);
fail_pool:
    fa_owner_bin_deinit(&s->owners);
    return st;
}

fa_status fa_server_new(const struct fa_config *config, const struct fa_executor_ops *ops,
    void *ctx, struct fa_server **out)
{
    void *block = fa_alloc_zero(sizeof(struct fa_server) + FA_CACHELINE);
    if (block == NULL) {
        return FA_ERR_NOMEM;
    }
    uintptr_t aligned = ((uintptr_t)block + FA_CACHELINE - 1) & ~(uintptr_t)(FA_CACHELINE - 1);
    struct fa_server *s = (struct fa_server *)aligned;
    s->block = block;
    s->config = *config;
    s->ops = ops;
    s->ctx = ctx;
    s->phase = FA_SERVER_NEW;
    fa_trusted_init(&s->proxy.trusted);
    s->proxy.takes_prefix = config->forwarded_prefix;
    fa_fixed_lines_init(&s->fixed, config->server_header);
    fa_intake_init(&s->intake, config);
    fa_inbox_init(&s->done);
    fa_inbox_init(&s->streams);
    fa_status st = pthread_mutex_init(&s->life, NULL) == 0 ? FA_OK : FA_ERR_NOMEM;
    if (st == FA_OK) {
        st = init_parts(s);
        if (st != FA_OK) {
            (void)pthread_mutex_destroy(&s->life);
        }
    }
    if (st != FA_OK) {
        fa_free(block);
        return st;
    }
    *out = s;
    return FA_OK;
}

void fa_server_free(struct fa_server *s)
{
    if (fa_server_stop(s, 0) != FA_OK) {
        return; /* a handler still runs in a thread of ours: leave it its memory */
    }
    if (atomic_load_explicit(&s->forked, memory_order_relaxed)) {
        return; /* half of it may be as another thread was just changing it */
    }
    struct fa_route_table *table = atomic_load_explicit(&s->next_routes, memory_order_acquire);
    if (table != NULL) {
        fa_owner_bin_add(&s->owners, fa_route_table_release(table));
    }
    fa_reactor_deinit(&s->reactor);
    if (s->ops != NULL) {
        fa_owner_bin_flush(&s->owners, s->ops->drop_owner, s->ctx);
    }
    fa_worker_pool_deinit(&s->workers);
    fa_wakeup_deinit(&s->loop_wakeup);
    fa_wakeup_deinit(&s->wakeup);
    fa_queue_deinit(&s->worker_queue);
    fa_queue_deinit(&s->loop_queue);
    fa_buffer_pool_deinit(&s->pool);
    fa_owner_bin_deinit(&s->owners);
    fa_trusted_deinit(&s->proxy.trusted);
    fa_fixed_lines_deinit(&s->fixed);
    (void)pthread_mutex_destroy(&s->life);
    fa_free(s->block);
}

fa_status fa_server_trust(struct fa_server *s, fa_span proxies, fa_span *bad)
{
    if (s->phase != FA_SERVER_NEW) {
        return FA_ERR_UNSUPPORTED;
    }
    return fa_trusted_parse(&s->proxy.trusted, proxies, bad);
}

fa_status fa_server_set_fixed_lines(struct fa_server *s, fa_span lines, fa_span *bad)
{
    if (s->phase != FA_SERVER_NEW) {
        return FA_ERR_UNSUPPORTED;
    }
    size_t room = (size_t)s->config.buffer_size - FA_FIXED_LINES_REST;
    return fa_fixed_lines_set(&s->fixed, lines, room, bad);
}

fa_span fa_server_fixed_lines(const struct fa_server *s)
{
    return s->fixed.text;
}

fa_status fa_server_set_access_format(struct fa_server *s, fa_span pattern, fa_span *bad)
{
    if (s->phase != FA_SERVER_NEW) {
        return FA_ERR_UNSUPPORTED;
    }
    struct fa_access_format unused;
    return s->reactor.access_log != NULL
               ? fa_access_log_set_format(s->reactor.access_log, pattern, bad)
               : fa_access_format_parse(&unused, pattern, bad);
}

void fa_server_set_limit_news(struct fa_server *s, int fd)
{
    s->reactor.news.fd = fd;
}

void fa_server_set_access_records(struct fa_server *s, int fd)
{
    if (s->reactor.access_log != NULL) {
        fa_access_log_set_records(s->reactor.access_log, fd);
    }
}

const struct fa_config *fa_server_config(const struct fa_server *s)
{
    return &s->config;
}

fa_status fa_server_set_routes(struct fa_server *s, struct fa_router *router,
    const struct fa_route *routes, size_t count, const struct fa_route_miss *miss,
    const struct fa_gate *gate, void *owner)
{
    struct fa_route_table *table;
    fa_status st = fa_route_table_new(router, routes, count, miss, gate, owner, &table);
    if (st != FA_OK) {
        return st;
    }
    struct fa_route_table *unused =
        atomic_exchange_explicit(&s->next_routes, table, memory_order_acq_rel);
    if (unused != NULL) { /* replaced before the reactor ever saw it */
        fa_owner_bin_add(&s->owners, fa_route_table_release(unused));
    }
    fa_executor_wake_reactor(s);
    return FA_OK;
}

fa_status fa_server_add_pool(struct fa_server *s, const char *name,
    void (*read)(void *ctx, struct fa_pool_stats *out), void *ctx)
{
    if (s->phase != FA_SERVER_NEW) {
        return FA_ERR_INVALID;
    }
    if (s->pool_count == FA_SERVER_MAX_POOLS) {
        return FA_ERR_FULL;
    }
    add_pool(s, name, read, ctx);
    return FA_OK;
}

fa_status fa_server_publish_stats(struct fa_server *s, const char *path, fa_span about)
{
    struct fa_stats_file *file = NULL;
    if (s->phase != FA_SERVER_NEW || s->monitor.file != NULL) {
        return FA_ERR_INVALID;
    }
    fa_status st = fa_stats_file_new(path, about, &file);
    if (st == FA_OK) {
        fa_monitor_publish(&s->monitor, s, file);
    }
    return st;
}

/* ---- listening ---- */

static fa_status next_listener(struct fa_server *s, struct fa_listener **out)
{
    if (s->phase != FA_SERVER_NEW) {
        return FA_ERR_INVALID;
    }
    if (s->reactor.listener_count == FA_SERVER_MAX_LISTENERS) {
        return FA_ERR_FULL;
    }
    *out = &s->reactor.listeners[s->reactor.listener_count];
    return FA_OK;
}

fa_status fa_server_listen_tcp(
    struct fa_server *s, const char *host, uint16_t port, bool reuse_port, uint16_t *bound_port)
{
    struct fa_listener *l;
    fa_status st = next_listener(s, &l);
    if (st == FA_OK) {
        st = fa_listener_open_tcp(l, host, port, reuse_port, (int)s->config.backlog, bound_port);
    }
    if (st == FA_OK) {
        s->reactor.listener_count++;
    }
    return st;
}

fa_status fa_server_listen_uds(struct fa_server *s, const char *path)
{
    struct fa_listener *l;
    fa_status st = next_listener(s, &l);
    if (st == FA_OK) {
        st = fa_listener_open_unix(l, path, (int)s->config.backlog);
    }
    if (st == FA_OK) {
        s->reactor.listener_count++;
    }
    return st;
}

fa_status fa_server_listen_fd(struct fa_server *s, int fd)
{
    struct fa_listener *l;
    fa_status st = next_listener(s, &l);
    if (st == FA_OK) {
        st = fa_listener_open_fd(l, fd);
    }
    if (st == FA_OK) {
        s->reactor.inherited |= 1u << s->reactor.listener_count;
        s->reactor.listener_count++;
    }
    return st;
}

fa_status fa_server_listen_kept(struct fa_server *s, int fd, bool ours)
{
    struct fa_listener *l;
    fa_status st = next_listener(s, &l);
    if (st == FA_OK) {
        st = fa_listener_open_kept(l, fd);
    }
    if (st == FA_OK) {
        uint32_t bit = 1u << s->reactor.listener_count;
        s->reactor.kept |= bit;
        s->reactor.inherited |= ours ? 0 : bit;
        s->reactor.listener_count++;
    }
    return st;
}

void fa_server_accept_from(struct fa_server *s, uint32_t listeners)
{
    atomic_store_explicit(&s->accept_from, listeners, memory_order_release);
    fa_executor_wake_reactor(s);
}

void fa_server_take_over(struct fa_server *s)
{
    atomic_store_explicit(&s->taken_over, true, memory_order_release);
}

/* ---- starting and stopping ---- */

static void *reactor_main(void *arg)
{
    struct fa_server *s = arg;
    (void)pthread_setname_np(pthread_self(), "fasterapi-react");
    fa_reactor_run(&s->reactor);
    return NULL;
}

static fa_status start_reactor(struct fa_server *s)
{
    sigset_t all;
    sigset_t old;
    (void)sigfillset(&all); /* signals are the caller's business */
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    atomic_store_explicit(&s->listening, true, memory_order_relaxed);
    int failed = pthread_create(&s->reactor_thread, NULL, reactor_main, s);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (failed != 0) {
        atomic_store_explicit(&s->listening, false, memory_order_relaxed);
    }
    return failed == 0 ? FA_OK : FA_ERR_IO;
}

static fa_status start(struct fa_server *s, bool driven)
{
    fa_status st = s->ops != NULL ? fa_worker_pool_start_first(&s->workers) : FA_OK;
    if (st == FA_OK && driven) {
        s->reactor_joined = true; /* there is no thread */
    } else if (st == FA_OK) {
        st = start_reactor(s);
    }
    if (st == FA_OK) {
        s->phase = FA_SERVER_RUNNING;
        return FA_OK;
    }
    s->reactor_joined = true; /* there is none; fa_server_stop tries the workers again */
    if (fa_worker_pool_stop(&s->workers, STOP_GRACE_NS) == FA_OK) {
        s->phase = FA_SERVER_STOPPED;
    } else {
        s->phase = FA_SERVER_RUNNING;
    }
    return st;
}

fa_status fa_server_start(struct fa_server *s)
{
    return s->phase == FA_SERVER_NEW ? start(s, false) : FA_ERR_INVALID;
}

fa_status fa_server_start_driven(struct fa_server *s)
{
    bool fresh = s->phase == FA_SERVER_NEW && s->reactor.listener_count == 0;
    if (!fresh) {
        return FA_ERR_INVALID;
    }
    s->reactor.concurrency.limit = 0;
    return start(s, true);
}

fa_status fa_server_turn(struct fa_server *s, bool may_sleep)
{
    struct fa_reactor *r = &s->reactor;
    if (atomic_load_explicit(&s->stopping, memory_order_acquire)) {
        return FA_ERR_CLOSED;
    }
    if (may_sleep) { /* first: after its turn the caller has answers to look at */
        fa_reactor_wait(r);
    } else {
        if (s->armed) { /* else nobody has written to it, and the read is a system call */
            s->armed = false;
            fa_wakeup_clear(&s->wakeup);
        }
        r->now_ns = fa_clock_now_ns();
    }
    fa_reactor_turn(r);
    return FA_OK;
}

void fa_server_spin(struct fa_server *s)
{
    fa_reactor_spin(&s->reactor);
}

bool fa_server_arm(struct fa_server *s)
{
    s->armed = true; /* also if it says false: somebody may have seen it asleep meanwhile */
    return fa_reactor_arm(&s->reactor);
}

int fa_server_wake_fd(const struct fa_server *s)
{
    return s->wakeup.fd;
}

void fa_server_drain(struct fa_server *s)
{
    atomic_store_explicit(&s->draining, true, memory_order_release);
    fa_executor_wake_reactor(s);
}

size_t fa_server_active(const struct fa_server *s)
{
    /* The flag first: what was accepted before the listeners closed is then counted. */
    bool listening = atomic_load_explicit(&s->listening, memory_order_acquire);
    bool draining = atomic_load_explicit(&s->draining, memory_order_relaxed);
    size_t open = atomic_load_explicit(&s->open_connections, memory_order_relaxed);
    return open == 0 && listening && draining ? 1 : open;
}

void fa_server_note_calls(struct fa_server *s, size_t count)
{
    atomic_store_explicit(&s->reactor.concurrency.calls, count, memory_order_relaxed);
}

void fa_server_limit_websockets(struct fa_server *s)
{
    atomic_store_explicit(&s->reactor.concurrency.no_websockets, true, memory_order_relaxed);
}

size_t fa_server_busy_workers(struct fa_server *s, pthread_t *threads, size_t max)
{
    return fa_worker_pool_busy(&s->workers, threads, max);
}

/* Look every few milliseconds: this is the end of a process, not a request. */
static void wait_until_idle(struct fa_server *s, uint64_t timeout_ns)
{
    const struct timespec pause = {.tv_nsec = 2000000};
    uint64_t start = fa_clock_now_ns();
    while (fa_server_active(s) > 0 && fa_clock_now_ns() - start < timeout_ns &&
           !atomic_load_explicit(&s->stopping, memory_order_relaxed)) {
        (void)nanosleep(&pause, NULL);
    }
}

void fa_server_forked(struct fa_server *s)
{
    atomic_store_explicit(&s->forked, true, memory_order_relaxed);
    atomic_store_explicit(&s->stopping, true, memory_order_relaxed);
    s->reactor_joined = true;
    s->phase = FA_SERVER_STOPPED;
    fa_worker_pool_forked(&s->workers);
}

/* True: there is a reactor thread to wait for. */
static bool begin_stop(struct fa_server *s)
{
    (void)pthread_mutex_lock(&s->life);
    if (s->phase == FA_SERVER_NEW) {
        s->phase = FA_SERVER_STOPPED;
        s->reactor_joined = true;
    }
    bool runs = !s->reactor_joined;
    (void)pthread_mutex_unlock(&s->life);
    return runs;
}

/* One caller does it. The others wait for it, and find it done. */
static fa_status join_threads(struct fa_server *s)
{
    (void)pthread_mutex_lock(&s->life);
    if (!s->reactor_joined) {
        (void)pthread_join(s->reactor_thread, NULL);
        s->reactor_joined = true;
    }
    fa_monitor_deinit(&s->monitor);
    fa_status st = fa_worker_pool_stop(&s->workers, STOP_GRACE_NS);
    if (st == FA_OK) {
        s->phase = FA_SERVER_STOPPED;
    }
    (void)pthread_mutex_unlock(&s->life);
    return st;
}

void fa_server_cut(struct fa_server *s)
{
    atomic_store_explicit(&s->stopping, true, memory_order_release);
    fa_wakeup_write(&s->wakeup); /* asleep or not: its next wait ends at once */
}

fa_status fa_server_stop(struct fa_server *s, uint64_t timeout_ns)
{
    if (atomic_load_explicit(&s->forked, memory_order_relaxed)) {
        return FA_OK;
    }
    if (begin_stop(s)) {
        fa_server_drain(s);
        wait_until_idle(s, timeout_ns);
    }
    fa_server_cut(s);
    return join_threads(s);
}
