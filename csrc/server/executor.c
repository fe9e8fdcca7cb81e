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

void fa_executor_wake_reactor(struct fa_server *s)
{
    (void)fa_wakeup_notify(&s->wakeup);
}

int fa_executor_loop_fd(const struct fa_server *s)
{
    return s->loop_wakeup.fd;
}

size_t fa_executor_loop_drain(struct fa_server *s, void **items, size_t max)
{
    if (!fa_owner_bin_is_empty(&s->owners)) {
        fa_owner_bin_flush(&s->owners, s->ops->drop_owner, s->ctx);
    }
    return fa_queue_try_pop_many(&s->loop_queue, items, max);
}

bool fa_executor_loop_spin(struct fa_server *s, uint64_t until_ns)
{
    while (fa_queue_size(&s->loop_queue) == 0) {
        if (fa_clock_now_ns() >= until_ns) {
            return false;
        }
        fa_parker_pause();
    }
    return true;
}

bool fa_executor_loop_sleep(struct fa_server *s)
{
    fa_wakeup_clear(&s->loop_wakeup);
    fa_wakeup_prepare(&s->loop_wakeup);
    if (fa_queue_size(&s->loop_queue) > 0 || !fa_owner_bin_is_empty(&s->owners)) {
        fa_wakeup_cancel(&s->loop_wakeup);
        return false;
    }
    return true;
}
