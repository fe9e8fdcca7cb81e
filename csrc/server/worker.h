/*
 * worker.h - the threads of the worker lane.
 *
 * Started one by one, only while tasks wait and no worker is looking for one.
 * A worker that is woken counts as looking until it has a task; then, if more
 * wait, it wakes or starts the next. So a burst wakes as many as it needs, one
 * after another, and a single task wakes one.
 */
#ifndef FA_SERVER_WORKER_H
#define FA_SERVER_WORKER_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "base/status.h"
#include "server/executor.h"
#include "server/tokens.h"

struct fa_server;
struct fa_worker_slot;

struct fa_worker_pool {
    struct fa_server *server;
    struct fa_tokens tokens;     /* one for each thread that runs tasks, or is on its way to them */
    sigset_t signals;            /* blocked in the thread that started the server */
    pthread_mutex_t lock;        /* guards idle, slots' life */
    pthread_cond_t changed;      /* a thread started or ended */
    struct fa_worker_slot *idle; /* sleeping workers, latest first: it is still warm */
    struct fa_worker_slot *slots; /* all ever started */
    atomic_uint idle_count;
    atomic_uint total;     /* threads alive or being started */
    atomic_uint searching; /* woken or started, without a task yet */
    atomic_bool stopping;
};

/*
 * fa_worker_pool_init, fa_worker_pool_deinit - no threads yet, `max` tokens; deinit after
 * fa_worker_pool_stop said FA_OK.
 *
 * Errors: FA_ERR_NOMEM.
 */
FA_NODISCARD fa_status fa_worker_pool_init(
    struct fa_worker_pool *p, struct fa_server *s, uint32_t max);
void fa_worker_pool_deinit(struct fa_worker_pool *p);

/*
 * fa_worker_pool_start_first - start one worker and wait until it is ready.
 *
 * Workers block the signals that the calling thread blocks: processes that handlers
 * start inherit that.
 *
 * Errors: FA_ERR_IO, FA_ERR_NOMEM, or what ops->thread_start returned.
 */
FA_NODISCARD fa_status fa_worker_pool_start_first(struct fa_worker_pool *p);

/*
 * fa_worker_pool_wake - tasks were queued: wake or start a worker unless one
 * is looking for work already.
 *
 * Threads: any.
 * Memory:  the read-modify-write of `searching` after the push pairs with the
 *          one by which a worker gives up its search: one that is seen
 *          searching here looks at the queue once more after it. One that is
 *          not on the idle list yet takes the pool lock after this call did.
 */
void fa_worker_pool_wake(struct fa_worker_pool *p);

/*
 * fa_worker_serve - run tasks until the pool stops: the part of a worker's life that
 * fa_executor_ops.thread_run stands around.
 *
 * Threads: the worker's own, attached; returns attached.
 */
void fa_worker_serve(struct fa_worker *w);

/*
 * fa_worker_pool_forked - in the child of a fork: none of its threads exists but, it may
 * be, the calling one, which runs no other task.
 *
 * Locks that other threads held at the fork are made anew. Nothing is freed.
 */
void fa_worker_pool_forked(struct fa_worker_pool *p);

/*
 * fa_worker_pool_add_tallies - add what all workers have counted to `sum`.
 *
 * Threads: any; takes the pool lock.
 */
void fa_worker_pool_add_tallies(struct fa_worker_pool *p, struct fa_tally_sum *sum);

/*
 * fa_worker_pool_busy - the threads that are in a handler now, at most `max`; returns
 * how many it wrote.
 *
 * Threads: any; takes the pool lock. A look that may be old when it returns.
 */
size_t fa_worker_pool_busy(struct fa_worker_pool *p, pthread_t *threads, size_t max);

/*
 * fa_worker_pool_stop - tell all workers to end after their present task, and
 * join them.
 *
 * Errors: FA_AGAIN when one is still in a handler after timeout_ns.
 */
FA_NODISCARD fa_status fa_worker_pool_stop(struct fa_worker_pool *p, uint64_t timeout_ns);

#endif
