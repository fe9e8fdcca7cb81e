/*
 * server_state.h - everything a server consists of, in one struct.
 *
 * Private to csrc/server. Fields are grouped by the thread that writes them.
 */
#ifndef FA_SERVER_SERVER_STATE_H
#define FA_SERVER_SERVER_STATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "base/buffer_pool.h"
#include "base/stats.h"
#include "base/wakeup.h"
#include "queue/inbox.h"
#include "queue/queue.h"
#include "server/config.h"
#include "server/executor.h"
#include "server/fixed_lines.h"
#include "server/intake.h"
#include "server/monitor.h"
#include "server/owner_bin.h"
#include "server/proxy.h"
#include "server/reactor.h"
#include "server/route_table.h"
#include "server/server.h"
#include "server/tally.h"
#include "server/worker.h"

enum fa_server_phase { FA_SERVER_NEW, FA_SERVER_RUNNING, FA_SERVER_STOPPED };

/* Where statistics find the figures of a pool. */
struct fa_server_pool {
    const char *name;
    void (*read)(void *ctx, struct fa_pool_stats *out);
    void *ctx;
};

struct fa_server {
    /* Read-only after fa_server_new. */
    void *block; /* what was allocated; the struct is aligned in it */
    struct fa_config config;
    struct fa_proxy proxy;
    struct fa_fixed_lines fixed;
    const struct fa_executor_ops *ops; /* NULL: no workers, no owners */
    void *ctx;

    struct fa_server_pool pools[FA_SERVER_MAX_POOLS]; /* grows before the start only */
    size_t pool_count;

    /* Rarely written: by the monitor, read by executors. */
    atomic_uint batch_size;
    atomic_uint spin_us;

    /* The caller's side (one call at a time). */
    enum fa_server_phase phase;
    pthread_t reactor_thread;
    pthread_mutex_t life; /* phase, reactor_joined: who stops the server joins its threads alone */
    bool reactor_joined;
    bool armed;         /* driven: armed since the last turn */
    atomic_bool forked; /* this is the copy in a forked child */

    /* Shared, rarely written. */
    atomic_bool draining;
    atomic_bool stopping;              /* cut everything and return */
    atomic_uint_least32_t accept_from; /* bit i: listener i, if it is a kept one */
    atomic_bool taken_over;            /* the parent keeps nothing any more */
    atomic_bool listening;             /* from start until the reactor has closed its listeners */
    _Atomic(struct fa_route_table *)
        next_routes;                /* put down by set_routes, adopted by the reactor */
    atomic_size_t open_connections; /* written by the reactor */
    atomic_size_t tasks_live;       /* likewise, once a round */
    struct fa_stats stats;
    struct fa_intake intake;
    struct fa_buffer_pool pool;
    struct fa_owner_bin owners;

    /* Reactor -> executors. */
    struct fa_queue loop_queue;
    struct fa_wakeup loop_wakeup;
    struct fa_queue worker_queue;
    struct fa_worker_pool workers;

    /* The loop thread's own; any may read. */
    FA_ALIGNED(FA_CACHELINE) struct fa_tally loop_tally;
    fa_counter loop_failed;

    /* Executors -> reactor. */
    FA_ALIGNED(FA_CACHELINE) struct fa_inbox done;
    struct fa_inbox streams;
    struct fa_wakeup wakeup;
    atomic_int napping; /* the reactor sleeps at most a millisecond: waking it may wait */

    /* Reactor's own. */
    FA_ALIGNED(FA_CACHELINE) struct fa_reactor reactor;
    struct fa_monitor monitor;
};

#endif
