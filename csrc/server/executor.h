/*
 * executor.h - between the reactor and the threads that run handlers.
 *
 * struct fa_executor_ops is the only way the C core calls upwards. Python
 * implements it over thread states, tests and benchmarks in plain C.
 *
 * Two lanes:
 *   worker lane  threads created and owned by the server (worker.h); each calls
 *                ops->run for one task at a time;
 *   loop lane    a thread that is not ours (the event loop) watches
 *                fa_executor_loop_fd, and calls drain / run / sleep itself.
 *
 * The loop thread's round:
 *
 *     do {
 *         while ((n = fa_executor_loop_drain(s, items, max)) > 0)
 *             fa_executor_loop_begin(s, items, n, now)
 *             for each item: tagged ? stream event : new task
 *                 (run; fa_executor_complete; or fa_stream_*)
 *             fa_executor_loop_end(s, n, then, now)
 *         fa_executor_wake_reactor(s);
 *     } while (!fa_executor_loop_sleep(s));
 *
 * When its time budget is spent it may return to the event loop without
 * calling fa_executor_loop_sleep, provided it arranges to be called again.
 */
#ifndef FA_SERVER_EXECUTOR_H
#define FA_SERVER_EXECUTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "base/buffer_pool.h"
#include "base/clock.h"
#include "base/status.h"
#include "server/tally.h"
#include "server/task.h"

struct fa_server;

/* One worker thread as ops see it. owner: that thread. */
struct fa_worker {
    struct fa_server *server;
    void *user; /* the ops' own, e.g. a thread state; NULL at first */
    uint32_t index;
    struct fa_clock_date date;    /* this thread's cached date text */
    struct fa_buffer_cache cache; /* this thread's front of the server's buffer pool */
    uint32_t unannounced;         /* completions the reactor was not woken for yet */
    struct fa_tally tally;
};

struct fa_executor_ops {
    /* On the new worker thread, before its first task. FA_OK: the thread is
     * attached (may run handlers). An error ends the thread; nothing else of
     * it is called then. */
    fa_status (*thread_start)(void *ctx, struct fa_worker *w);
    /* Attached, after thread_start: calls fa_worker_serve once, which returns
     * attached when the thread is to end. So the ops can have frames of their own
     * below all of its tasks. NULL: fa_worker_serve is called directly. */
    void (*thread_run)(void *ctx, struct fa_worker *w);
    /* Attached. Must end in exactly one fa_executor_complete or
     * fa_executor_hand_over for `t`, here or later on any thread. */
    void (*run)(void *ctx, struct fa_worker *w, struct fa_task *t);
    /* Around every wait of the worker: detach before, attach after. */
    void (*detach)(void *ctx, struct fa_worker *w);
    void (*attach)(void *ctx, struct fa_worker *w);
    /* Detached; the thread's last call. */
    void (*thread_stop)(void *ctx, struct fa_worker *w);
    /* Attached, on a worker thread, in fa_executor_loop_drain or in
     * fa_server_free: drop owners of bytes that were sent (task->tail.owner,
     * EXTERNAL stream items, route table owners) and those of fa_task_watch.
     * NULL entries do not occur. */
    void (*drop_owner)(void *ctx, void **owners, size_t n);
};

/*
 * fa_executor_complete - the answer of `t` is in t->out[out_start..out_end) and
 * t->tail; give the task back to the reactor.
 *
 * The wire bytes start with the head. t->close_after and t->status are set.
 * Does not wake the reactor: see fa_executor_wake_reactor. (The worker loop
 * does that by itself; the loop thread once per batch.)
 *
 * Ownership: the task, its buffers and t->tail.owner go to the reactor.
 * Threads:   any. Cannot fail or wait.
 * Memory:    release in the inbox push pairs with the reactor's acquire.
 */
void fa_executor_complete(struct fa_server *s, struct fa_task *t);

/*
 * fa_executor_complete_chain - as fa_executor_complete for tasks already linked
 * through their `done` nodes: newest->done.next ... ->oldest, one atomic step.
 */
void fa_executor_complete_chain(
    struct fa_server *s, struct fa_task *newest, struct fa_task *oldest);

/*
 * fa_executor_hand_over - nothing of the handler has run and the plan is not
 * certain: the app shall answer.
 *
 * The reactor makes the task a stream (route = NULL, its complete body queued
 * as one piece) and puts it on the loop queue. t->user and t->user_kind are
 * kept. Output already built in t->out is dropped. Also for the loop lane.
 *
 * Ownership, Threads, Memory: as fa_executor_complete.
 */
void fa_executor_hand_over(struct fa_server *s, struct fa_task *t);

/*
 * fa_executor_reactor_naps - true: the reactor comes back by itself within a
 * millisecond, so that waking it for what was pushed before this call may wait.
 *
 * Threads: any. Memory: a read-modify-write, as the reactor's: either this one
 *          sees that it no longer naps, or the reactor, which looks at the inbox
 *          after, sees the push (tests/model/nap.pml).
 */
bool fa_executor_reactor_naps(struct fa_server *s);

/*
 * fa_executor_to_worker - a task of the loop lane goes on in a worker: ops->run gets it.
 *
 * Ownership: on FA_OK the task is the worker's. t->user and t->user_kind are kept.
 * Threads:   the loop thread only. Never waits.
 * Errors:    FA_AGAIN when the worker queue is full: the caller still has the task.
 * Memory:    release in the push pairs with the worker's acquire.
 */
FA_NODISCARD fa_status fa_executor_to_worker(struct fa_server *s, struct fa_task *t);

/*
 * fa_executor_wake_reactor - make sure the reactor looks at its inboxes.
 *
 * Threads: any. One eventfd write if the reactor sleeps, else a fence.
 */
void fa_executor_wake_reactor(struct fa_server *s);

/*
 * fa_executor_loop_fd - the eventfd to watch for reading. Never read it: that
 * is done by fa_executor_loop_sleep.
 */
int fa_executor_loop_fd(const struct fa_server *s);

/*
 * fa_executor_loop_drain - pop up to `max` items.
 *
 * First drops owners that wait for a thread like this one. Items are tasks or
 * tagged tasks (fa_task_is_tagged, then fa_stream_take_event).
 *
 * Threads: the loop thread only (the queue has one consumer); attached.
 */
size_t fa_executor_loop_drain(struct fa_server *s, void **items, size_t max);

/*
 * fa_executor_batch_size, fa_executor_spin_us - how many tasks to finish before
 * waking the reactor, and how long to look for work before sleeping: the options
 * of these names, or less while adaptive_pools finds less better.
 *
 * Threads: any.
 */
uint32_t fa_executor_batch_size(const struct fa_server *s);
uint32_t fa_executor_spin_us(const struct fa_server *s);

/*
 * fa_executor_loop_begin, fa_executor_loop_end - count a drained batch of n > 0
 * items: before the first of them runs, and after the last one. `now_ns` and
 * `began_ns` are the caller's own time stamps.
 *
 * Threads: the loop thread only.
 */
void fa_executor_loop_begin(struct fa_server *s, void *const *items, size_t n, uint64_t now_ns);
void fa_executor_loop_end(struct fa_server *s, size_t n, uint64_t began_ns, uint64_t now_ns);

/*
 * fa_executor_loop_failed - count a request whose handler or app raised what no
 * exception handler has answered.
 *
 * Threads: the loop thread only: that is where such requests end.
 */
void fa_executor_loop_failed(struct fa_server *s);

/*
 * fa_executor_loop_spin - look for work until `until_ns` (fa_clock_now_ns);
 * true when there is some to drain.
 *
 * Threads: the loop thread only; detached, so that others may run meanwhile.
 */
bool fa_executor_loop_spin(struct fa_server *s, uint64_t until_ns);

/*
 * fa_executor_loop_sleep - announce that the loop thread stops looking.
 *
 * Returns true when it may go back to its event loop: the eventfd is empty and
 * the next push writes it. Returns false when work arrived meanwhile: drain
 * again.
 *
 * Threads: the loop thread only.
 */
bool fa_executor_loop_sleep(struct fa_server *s);

/*
 * The tokens (tokens.h) as those outside see them: threads of others that run blocking
 * calls, for whom the loop thread speaks. All of these: the loop thread only.
 *
 * fa_executor_tokens_set  - from now on there are `total`.
 * fa_executor_token_take  - take one if there is one.
 * fa_executor_token_give  - give one back. Tasks that wait for a worker come first; true: it
 *                           is that of the next who waits outside, who waits no more.
 * fa_executor_token_await - one more waits; true: there is a token for it after all.
 * fa_executor_token_renounce - one of them waits no more; false: a token is on its way.
 * fa_executor_tokens_passed - how many were passed to them since the last call. The loop
 *                           thread is woken for that as for tasks.
 * fa_executor_tokens_used - held now, by workers and outside. Any thread.
 * fa_executor_tasks_waiting - in the queue to the workers. Any thread.
 */
void fa_executor_tokens_set(struct fa_server *s, uint32_t total);
FA_NODISCARD bool fa_executor_token_take(struct fa_server *s);
FA_NODISCARD bool fa_executor_token_give(struct fa_server *s);
FA_NODISCARD bool fa_executor_token_await(struct fa_server *s);
FA_NODISCARD bool fa_executor_token_renounce(struct fa_server *s);
FA_NODISCARD uint32_t fa_executor_tokens_passed(struct fa_server *s);
uint32_t fa_executor_tokens_used(const struct fa_server *s);
size_t fa_executor_tasks_waiting(struct fa_server *s);

#endif
