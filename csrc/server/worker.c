/* worker.c - the threads of the worker lane. */
#include "server/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/parker.h"
#include "server/server_state.h"

#define NS_PER_S    1000000000u
#define STAMP_EVERY 16 /* tasks between two time stamps while there is work */

/* owner: its thread, but for `chosen` and the links (pool lock). */
struct fa_worker_slot {
    struct fa_worker worker;
    struct fa_worker_pool *pool;
    void *block;                 /* what was allocated; the slot is aligned in it */
    struct fa_worker_slot *next; /* all slots */
    struct fa_worker_slot *idle_next;
    pthread_t thread;
    struct fa_parker parker; /* only this worker waits on it */
    atomic_bool chosen;      /* taken off the idle list by a waker */
    atomic_bool busy;        /* runs tasks: for those who look, nothing is ordered by it */
    bool searching;
    bool has_token; /* its own; a waker's before it is chosen */
    bool ended;     /* pool lock */
    bool joined;
    fa_status start_status; /* pool lock; FA_AGAIN until it started */
};

fa_status fa_worker_pool_init(struct fa_worker_pool *p, struct fa_server *s, uint32_t max)
{
    p->server = s;
    fa_tokens_init(&p->tokens, max);
    p->idle = NULL;
    p->slots = NULL;
    atomic_init(&p->idle_count, 0);
    atomic_init(&p->total, 0);
    atomic_init(&p->searching, 0);
    atomic_init(&p->stopping, false);
    pthread_condattr_t attr;
    if (pthread_condattr_init(&attr) != 0) {
        return FA_ERR_NOMEM;
    }
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    int failed = pthread_cond_init(&p->changed, &attr);
    (void)pthread_condattr_destroy(&attr);
    if (failed != 0) {
        return FA_ERR_NOMEM;
    }
    if (pthread_mutex_init(&p->lock, NULL) != 0) {
        (void)pthread_cond_destroy(&p->changed);
        return FA_ERR_NOMEM;
    }
    return FA_OK;
}

static void slot_free(struct fa_worker_slot *slot)
{
    fa_buffer_cache_deinit(&slot->worker.cache);
    fa_free(slot->block);
}

void fa_worker_pool_deinit(struct fa_worker_pool *p)
{
    while (p->slots != NULL) {
        struct fa_worker_slot *slot = p->slots;
        p->slots = slot->next;
        slot_free(slot);
    }
    (void)pthread_cond_destroy(&p->changed);
    (void)pthread_mutex_destroy(&p->lock);
}

/* ---- one worker ---- */

static void stop_searching(struct fa_worker_slot *slot)
{
    if (slot->searching) {
        slot->searching = false;
        (void)atomic_fetch_sub_explicit(&slot->pool->searching, 1, memory_order_seq_cst);
    }
}

/* Completions the reactor was not woken for must not wait any longer. */
static void announce(struct fa_server *s, struct fa_worker *w)
{
    if (w->unannounced > 0) {
        w->unannounced = 0;
        fa_executor_wake_reactor(s);
    }
}

static void return_token(struct fa_worker_pool *p)
{
    if (fa_tokens_return(&p->tokens)) {
        (void)fa_wakeup_notify(&p->server->loop_wakeup); /* its thread takes it over */
    }
}

static void drop_token(struct fa_worker_slot *slot)
{
    if (slot->has_token) {
        slot->has_token = false;
        return_token(slot->pool);
    }
}

/*
 * Run one task. While more tasks wait, waking the reactor is put off for up to
 * a batch, but only if the reactor comes back by itself within a millisecond
 * (it naps): a handler that blocks never holds back the answers before it.
 */
static void run_task(struct fa_server *s, struct fa_worker_slot *slot, struct fa_task *t)
{
    struct fa_worker *w = &slot->worker;
    s->ops->run(s->ctx, w, t);
    w->unannounced++;
    bool more = fa_queue_size(&s->worker_queue) > 0;
    bool naps = fa_executor_reactor_naps(s);
    if (!more || !naps || w->unannounced >= fa_executor_batch_size(s)) {
        announce(s, w);
    }
}

static bool spin_for_task(struct fa_server *s, struct fa_worker_slot *slot)
{
    uint32_t spin_us = fa_executor_spin_us(s);
    if (spin_us == 0) {
        return false;
    }
    uint64_t until = fa_clock_now_ns() + (uint64_t)spin_us * 1000u;
    bool hit;
    do {
        hit = fa_queue_size(&s->worker_queue) > 0 ||
              atomic_load_explicit(&slot->pool->stopping, memory_order_relaxed);
        fa_parker_pause();
    } while (!hit && fa_clock_now_ns() < until);
    fa_tally_spun(&slot->worker.tally, hit);
    return hit;
}

/* Take the slot off the idle list; false when a waker has done so already. */
static bool leave_idle(struct fa_worker_pool *p, struct fa_worker_slot *slot)
{
    (void)pthread_mutex_lock(&p->lock);
    struct fa_worker_slot **link = &p->idle;
    while (*link != NULL && *link != slot) {
        link = &(*link)->idle_next;
    }
    bool found = *link == slot;
    if (found) {
        *link = slot->idle_next;
        (void)atomic_fetch_sub_explicit(&p->idle_count, 1, memory_order_relaxed);
    }
    (void)pthread_mutex_unlock(&p->lock);
    return found;
}

static void find_worker(struct fa_worker_pool *p, bool may_start);

/* Sleep until chosen by a waker, who then counts this worker as searching and gives
 * it a token. */
static void park(struct fa_worker_pool *p, struct fa_worker_slot *slot)
{
    struct fa_server *s = p->server;
    stop_searching(slot);
    atomic_store_explicit(&slot->chosen, false, memory_order_relaxed);
    (void)pthread_mutex_lock(&p->lock);
    slot->idle_next = p->idle;
    p->idle = slot;
    (void)atomic_fetch_add_explicit(&p->idle_count, 1, memory_order_acq_rel);
    (void)pthread_mutex_unlock(&p->lock);
    if (atomic_load_explicit(&p->stopping, memory_order_relaxed) && leave_idle(p, slot)) {
        return;
    }
    if (fa_queue_size(&s->worker_queue) > 0) {
        find_worker(p, true); /* likely this one */
    }
    for (;;) {
        uint32_t key = fa_parker_prepare(&slot->parker);
        if (atomic_load_explicit(&slot->chosen, memory_order_acquire)) {
            fa_parker_cancel(&slot->parker);
            break;
        }
        fa_parker_wait(&slot->parker, key, 0);
    }
    slot->searching = true;
}

/* `n` tasks ran since `*stamp_ns`; the next ones begin now. */
static void stamp_tasks(struct fa_tally *tally, uint64_t n, uint64_t *stamp_ns)
{
    uint64_t now = fa_clock_now_ns();
    fa_tally_run(tally, n, now - *stamp_ns);
    *stamp_ns = now;
}

/* Run tasks until there are none or the token is wanted elsewhere, attached since
 * `stamp_ns`. The wait in the queue is that of the tasks that begin at a time stamp. */
static void run_batch(struct fa_worker_pool *p, struct fa_worker_slot *slot, uint64_t stamp_ns)
{
    struct fa_server *s = p->server;
    struct fa_tally *tally = &slot->worker.tally;
    uint64_t batch = 0;
    uint64_t stamped = 0;
    void *item;
    while (fa_queue_try_pop(&s->worker_queue, &item) == FA_OK) {
        struct fa_task *t = item;
        stop_searching(slot);
        if (batch == 0) {
            atomic_store_explicit(&slot->busy, true, memory_order_relaxed);
        }
        if (fa_queue_size(&s->worker_queue) > 0) {
            fa_worker_pool_wake(p);
        }
        if (stamped == batch) {
            uint64_t wait = stamp_ns > t->queued_ns ? stamp_ns - t->queued_ns : 0;
            fa_tally_waits(tally, 1, wait, wait);
        }
        run_task(s, slot, t);
        if (++batch - stamped == STAMP_EVERY) {
            stamp_tasks(tally, STAMP_EVERY, &stamp_ns);
            stamped = batch;
        }
        if (atomic_load_explicit(&p->stopping, memory_order_relaxed) ||
            fa_tokens_are_wanted(&p->tokens)) {
            break;
        }
    }
    if (batch > stamped) {
        stamp_tasks(tally, batch - stamped, &stamp_ns);
    }
    if (batch > 0) {
        atomic_store_explicit(&slot->busy, false, memory_order_relaxed);
        fa_tally_batch(tally, batch);
    }
}

static void work(struct fa_worker_pool *p, struct fa_worker_slot *slot)
{
    struct fa_server *s = p->server;
    struct fa_worker *w = &slot->worker;
    uint64_t attached_ns = fa_clock_now_ns();
    for (;;) {
        if (!fa_owner_bin_is_empty(&s->owners)) {
            fa_owner_bin_flush(&s->owners, s->ops->drop_owner, s->ctx);
        }
        if (slot->has_token) {
            run_batch(p, slot, attached_ns);
            drop_token(slot); /* still attached: no Python code sees a token too many */
        }
        announce(s, w);
        if (atomic_load_explicit(&p->stopping, memory_order_relaxed)) {
            return;
        }
        s->ops->detach(s->ctx, w);
        slot->has_token = spin_for_task(s, slot) && fa_tokens_try_take(&p->tokens);
        if (!slot->has_token) {
            park(p, slot);
        }
        uint64_t woken_ns = fa_clock_now_ns();
        s->ops->attach(s->ctx, w);
        attached_ns = fa_clock_now_ns();
        fa_tally_attached(&w->tally, attached_ns - woken_ns);
    }
}

/* Whoever starts a worker may wait for this. */
static void tell_start(struct fa_worker_slot *slot, fa_status st)
{
    struct fa_worker_pool *p = slot->pool;
    (void)pthread_mutex_lock(&p->lock);
    slot->start_status = st;
    (void)pthread_cond_broadcast(&p->changed);
    (void)pthread_mutex_unlock(&p->lock);
}

void fa_worker_serve(struct fa_worker *w)
{
    struct fa_worker_slot *slot = fa_container_of(w, struct fa_worker_slot, worker);
    tell_start(slot, FA_OK);
    work(slot->pool, slot);
}

/* For tools that know no Python: `top -H`, core dumps. At most 15 characters. */
static void name_thread(uint32_t index)
{
    char name[16];
    (void)snprintf(name, sizeof name, "fasterapi-w%u", (unsigned)(index % 10000u));
    (void)pthread_setname_np(pthread_self(), name);
}

static void *thread_main(void *arg)
{
    struct fa_worker_slot *slot = arg;
    struct fa_worker_pool *p = slot->pool;
    struct fa_server *s = p->server;
    (void)pthread_sigmask(SIG_SETMASK, &p->signals, NULL);
    name_thread(slot->worker.index);
    fa_status st = s->ops->thread_start(s->ctx, &slot->worker);
    if (st != FA_OK) {
        tell_start(slot, st);
    } else {
        if (s->ops->thread_run != NULL) {
            s->ops->thread_run(s->ctx, &slot->worker);
        } else {
            fa_worker_serve(&slot->worker);
        }
        s->ops->detach(s->ctx, &slot->worker);
        s->ops->thread_stop(s->ctx, &slot->worker);
    }
    drop_token(slot);
    stop_searching(slot);
    (void)atomic_fetch_sub_explicit(&p->total, 1, memory_order_seq_cst);
    if (st != FA_OK && fa_queue_size(&s->worker_queue) > 0) {
        find_worker(p, false); /* a task may have trusted that this one would look */
    }
    (void)pthread_mutex_lock(&p->lock);
    slot->ended = true;
    (void)pthread_cond_broadcast(&p->changed);
    (void)pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* ---- starting and waking ---- */

/* The caller has counted the new thread in `total` and as searching; the thread gets the
 * caller's token if it has one. */
static fa_status start_thread(struct fa_worker_pool *p, bool token, struct fa_worker_slot **out)
{
    void *block = fa_alloc_zero(sizeof(struct fa_worker_slot) + FA_CACHELINE);
    if (block == NULL) {
        return FA_ERR_NOMEM;
    }
    uintptr_t aligned = ((uintptr_t)block + FA_CACHELINE - 1) & ~(uintptr_t)(FA_CACHELINE - 1);
    struct fa_worker_slot *slot = (struct fa_worker_slot *)aligned;
    slot->block = block;
    struct fa_server *s = p->server;
    slot->pool = p;
    slot->searching = true;
    slot->has_token = token;
    slot->start_status = FA_AGAIN;
    slot->worker.server = s;
    fa_parker_init(&slot->parker);
    fa_buffer_cache_init(&slot->worker.cache, &s->pool);
    (void)pthread_mutex_lock(&p->lock);
    slot->worker.index = p->slots != NULL ? p->slots->worker.index + 1 : 0;
    int failed = pthread_create(&slot->thread, NULL, thread_main, slot);
    if (failed == 0) {
        slot->next = p->slots;
        p->slots = slot;
    }
    (void)pthread_mutex_unlock(&p->lock);
    if (failed != 0) {
        slot_free(slot);
        return FA_ERR_IO;
    }
    FA_STATS_ADD(&s->stats, worker_threads_started, 1);
    *out = slot;
    return FA_OK;
}

/* Count one more thread unless there are as many as tokens. */
static bool reserve_thread(struct fa_worker_pool *p)
{
    unsigned total = atomic_load_explicit(&p->total, memory_order_relaxed);
    while (total < atomic_load_explicit(&p->tokens.total, memory_order_relaxed)) {
        if (atomic_compare_exchange_weak_explicit(
                &p->total, &total, total + 1, memory_order_seq_cst, memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

/* Gives it the caller's token if it has one. */
static struct fa_worker_slot *choose_idle(struct fa_worker_pool *p, bool token)
{
    (void)pthread_mutex_lock(&p->lock);
    struct fa_worker_slot *slot = p->idle;
    if (slot != NULL) {
        p->idle = slot->idle_next;
        slot->has_token = token;
        (void)atomic_fetch_sub_explicit(&p->idle_count, 1, memory_order_relaxed);
        atomic_store_explicit(&slot->chosen, true, memory_order_release);
    }
    (void)pthread_mutex_unlock(&p->lock);
    return slot;
}

/* Somebody on the idle list? A read-modify-write, as park's: either it sees the
 * sleeper, or the sleeper, which looks at the queue after, sees the tasks. */
static bool somebody_is_idle(struct fa_worker_pool *p)
{
    return atomic_fetch_add_explicit(&p->idle_count, 0, memory_order_acq_rel) > 0;
}

static void find_worker(struct fa_worker_pool *p, bool may_start)
{
    bool again; /* something changed meanwhile for whoever trusted this search */
    do {
        again = false;
        unsigned none = 0;
        if (atomic_fetch_add_explicit(&p->searching, 0, memory_order_seq_cst) != 0 ||
            atomic_load_explicit(&p->stopping, memory_order_relaxed) ||
            !atomic_compare_exchange_strong_explicit(
                &p->searching, &none, 1, memory_order_seq_cst, memory_order_relaxed)) {
            return;
        }
        if (!fa_tokens_try_take(&p->tokens)) {
            (void)atomic_fetch_sub_explicit(&p->searching, 1, memory_order_seq_cst);
            again = fa_tokens_are_free(&p->tokens);
            continue; /* if not: whoever gives one back looks at the queue after it */
        }
        struct fa_worker_slot *slot = choose_idle(p, true);
        if (slot != NULL) {
            FA_STATS_ADD(&p->server->stats, wakeups, 1);
            fa_parker_notify_one(&slot->parker);
            return;
        }
        if (may_start && reserve_thread(p)) {
            if (start_thread(p, true, &slot) == FA_OK) {
                return;
            }
            (void)atomic_fetch_sub_explicit(&p->total, 1, memory_order_seq_cst);
        }
        return_token(p);
        (void)atomic_fetch_sub_explicit(&p->searching, 1, memory_order_seq_cst);
        again = somebody_is_idle(p);
        /* All are running, and each looks at the queue again before it sleeps. But one
         * may have gone to sleep since, and a task pushed after that trusted this search. */
    } while (again && fa_queue_size(&p->server->worker_queue) > 0);
}

void fa_worker_pool_wake(struct fa_worker_pool *p)
{
    find_worker(p, true);
}

fa_status fa_worker_pool_start_first(struct fa_worker_pool *p)
{
    struct fa_worker_slot *slot = NULL;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &p->signals);
    (void)atomic_fetch_add_explicit(&p->total, 1, memory_order_seq_cst);
    (void)atomic_fetch_add_explicit(&p->searching, 1, memory_order_seq_cst);
    fa_status st = start_thread(p, false, &slot);
    if (st != FA_OK) {
        (void)atomic_fetch_sub_explicit(&p->total, 1, memory_order_seq_cst);
        (void)atomic_fetch_sub_explicit(&p->searching, 1, memory_order_seq_cst);
        return st;
    }
    (void)pthread_mutex_lock(&p->lock);
    while (slot->start_status == FA_AGAIN) {
        (void)pthread_cond_wait(&p->changed, &p->lock);
    }
    st = slot->start_status;
    (void)pthread_mutex_unlock(&p->lock);
    return st;
}

void fa_worker_pool_add_tallies(struct fa_worker_pool *p, struct fa_tally_sum *sum)
{
    (void)pthread_mutex_lock(&p->lock);
    for (const struct fa_worker_slot *slot = p->slots; slot != NULL; slot = slot->next) {
        fa_tally_add(&slot->worker.tally, sum);
    }
    (void)pthread_mutex_unlock(&p->lock);
}

size_t fa_worker_pool_busy(struct fa_worker_pool *p, pthread_t *threads, size_t max)
{
    size_t count = 0;
    (void)pthread_mutex_lock(&p->lock);
    for (struct fa_worker_slot *slot = p->slots; slot != NULL && count < max; slot = slot->next) {
        if (!slot->ended && atomic_load_explicit(&slot->busy, memory_order_relaxed)) {
            threads[count++] = slot->thread;
        }
    }
    (void)pthread_mutex_unlock(&p->lock);
    return count;
}

/* ---- stopping ---- */

/* Wait until every thread has ended; the lock is held. */
static bool wait_all_ended_locked(struct fa_worker_pool *p, uint64_t timeout_ns)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    uint64_t ns = (uint64_t)until.tv_nsec + timeout_ns % NS_PER_S;
    until.tv_sec += (time_t)(timeout_ns / NS_PER_S + ns / NS_PER_S);
    until.tv_nsec = (long)(ns % NS_PER_S);
    for (;;) {
        bool all = true;
        for (struct fa_worker_slot *slot = p->slots; slot != NULL; slot = slot->next) {
            all = all && slot->ended;
        }
        if (all) {
            return true;
        }
        if (pthread_cond_timedwait(&p->changed, &p->lock, &until) == ETIMEDOUT) {
            return false;
        }
    }
}

fa_status fa_worker_pool_stop(struct fa_worker_pool *p, uint64_t timeout_ns)
{
    atomic_store_explicit(&p->stopping, true, memory_order_seq_cst);
    struct fa_worker_slot *slot;
    while ((slot = choose_idle(p, false)) != NULL) {
        (void)atomic_fetch_add_explicit(&p->searching, 1, memory_order_seq_cst);
        fa_parker_notify_one(&slot->parker);
    }
    (void)pthread_mutex_lock(&p->lock);
    bool ended = wait_all_ended_locked(p, timeout_ns);
    (void)pthread_mutex_unlock(&p->lock);
    if (!ended) {
        return FA_AGAIN;
    }
    for (slot = p->slots; slot != NULL; slot = slot->next) {
        if (!slot->joined) {
            (void)pthread_join(slot->thread, NULL);
            slot->joined = true;
        }
    }
    return FA_OK;
}

void fa_worker_pool_forked(struct fa_worker_pool *p)
{
    atomic_store_explicit(&p->stopping, true, memory_order_relaxed);
    (void)pthread_mutex_init(&p->lock, NULL);
    p->idle = NULL;
    for (struct fa_worker_slot *slot = p->slots; slot != NULL; slot = slot->next) {
        slot->ended = true;
        slot->joined = true;
    }
}
