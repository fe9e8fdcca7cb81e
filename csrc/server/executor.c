/* executor.c - between the reactor and the threads that run handlers. */
#include "server/executor.h"

#include "base/parker.h"
#include "server/server_state.h"

void fa_executor_complete(struct fa_server *s, struct fa_task *t)
{
    fa_inbox_push(&s->done, &t->done);
}

void fa_executor_complete_chain(struct fa_server *s, struct fa_task *newest, struct fa_task *oldest)
{
    fa_inbox_push_chain(&s->done, &newest->done, &oldest->done);
}

void fa_executor_hand_over(struct fa_server *s, struct fa_task *t)
{
    t->hand_over = true;
    fa_inbox_push(&s->done, &t->done);
}

fa_status fa_executor_to_worker(struct fa_server *s, struct fa_task *t)
{
    t->queued_ns = fa_clock_now_ns();
    if (fa_queue_try_push(&s->worker_queue, t) != FA_OK) {
        return FA_AGAIN;
    }
    fa_worker_pool_wake(&s->workers);
    return FA_OK;
}

void fa_executor_wake_reactor(struct fa_server *s)
{
    (void)fa_wakeup_notify(&s->wakeup);
}

bool fa_executor_reactor_naps(struct fa_server *s)
{
    return atomic_fetch_or_explicit(&s->napping, 0, memory_order_acq_rel) != 0;
}

int fa_executor_loop_fd(const struct fa_server *s)
{
    return s->loop_wakeup.fd;
}

size_t fa_executor_loop_drain(struct fa_server *s, void **items, size_t max)
{
    if (FA_UNLIKELY(atomic_load_explicit(&s->forked, memory_order_relaxed))) {
        return 0;
    }
    if (!fa_owner_bin_is_empty(&s->owners)) {
        fa_owner_bin_flush(&s->owners, s->ops->drop_owner, s->ctx);
    }
    return fa_queue_try_pop_many(&s->loop_queue, items, max);
}

uint32_t fa_executor_batch_size(const struct fa_server *s)
{
    return atomic_load_explicit(&s->batch_size, memory_order_relaxed);
}

uint32_t fa_executor_spin_us(const struct fa_server *s)
{
    return atomic_load_explicit(&s->spin_us, memory_order_relaxed);
}

void fa_executor_loop_begin(struct fa_server *s, void *const *items, size_t n, uint64_t now_ns)
{
    uint64_t count = 0;
    uint64_t sum = 0;
    uint64_t max = 0;
    for (size_t i = 0; i < n; i++) {
        if (!fa_task_is_tagged(items[i])) {
            uint64_t queued_ns = ((const struct fa_task *)items[i])->queued_ns;
            uint64_t wait = now_ns > queued_ns ? now_ns - queued_ns : 0;
            sum += wait;
            max = wait > max ? wait : max;
            count++;
        }
    }
    fa_tally_waits(&s->loop_tally, count, sum, max);
}

void fa_executor_loop_end(struct fa_server *s, size_t n, uint64_t began_ns, uint64_t now_ns)
{
    fa_tally_batch(&s->loop_tally, n);
    fa_tally_run(&s->loop_tally, n, now_ns - began_ns);
}

void fa_executor_loop_failed(struct fa_server *s)
{
    fa_stats_bump(&s->loop_failed, 1);
}

bool fa_executor_loop_spin(struct fa_server *s, uint64_t until_ns)
{
    bool hit;
    while (!(hit = fa_queue_size(&s->loop_queue) > 0) && fa_clock_now_ns() < until_ns) {
        fa_parker_pause();
    }
    fa_tally_spun(&s->loop_tally, hit);
    return hit;
}

bool fa_executor_loop_sleep(struct fa_server *s)
{
    fa_wakeup_clear(&s->loop_wakeup);
    fa_wakeup_prepare(&s->loop_wakeup);
    if (fa_queue_size(&s->loop_queue) > 0 || !fa_owner_bin_is_empty(&s->owners) ||
        atomic_load_explicit(&s->workers.tokens.passed, memory_order_relaxed) > 0) {
        fa_wakeup_cancel(&s->loop_wakeup);
        return false;
    }
    return true;
}

/* ---- tokens ---- */

static void wake_for_tasks(struct fa_server *s)
{
    if (fa_queue_size(&s->worker_queue) > 0) {
        fa_worker_pool_wake(&s->workers);
    }
}

void fa_executor_tokens_set(struct fa_server *s, uint32_t total)
{
    fa_tokens_set_total(&s->workers.tokens, total);
    wake_for_tasks(s);
}

bool fa_executor_token_take(struct fa_server *s)
{
    return fa_tokens_try_take(&s->workers.tokens);
}

bool fa_executor_token_give(struct fa_server *s)
{
    struct fa_tokens *tokens = &s->workers.tokens;
    fa_tokens_give(tokens);
    wake_for_tasks(s);
    if (atomic_load_explicit(&tokens->waiting, memory_order_relaxed) == 0 ||
        !fa_tokens_try_take(tokens)) {
        return false;
    }
    if (fa_tokens_renounce(tokens)) {
        return true;
    }
    fa_tokens_give(tokens); /* a worker was quicker to pass it one */
    wake_for_tasks(s);
    return false;
}

bool fa_executor_token_await(struct fa_server *s)
{
    bool taken = fa_tokens_announce(&s->workers.tokens);
    if (!taken) {
        wake_for_tasks(s); /* it may have given one back that tasks can have */
    }
    return taken;
}

bool fa_executor_token_renounce(struct fa_server *s)
{
    return fa_tokens_renounce(&s->workers.tokens);
}

uint32_t fa_executor_tokens_passed(struct fa_server *s)
{
    return fa_tokens_take_passed(&s->workers.tokens);
}

uint32_t fa_executor_tokens_used(const struct fa_server *s)
{
    return atomic_load_explicit(&s->workers.tokens.used, memory_order_relaxed);
}

size_t fa_executor_tasks_waiting(struct fa_server *s)
{
    return fa_queue_size(&s->worker_queue);
}
