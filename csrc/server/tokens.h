/*
 * tokens.h - how many threads may run blocking calls at a time, shared with others.
 *
 * A worker holds a token while it runs tasks. Others of the process (AnyIO's threads)
 * take from the same number. Nobody waits here: a worker without a token stays asleep, and
 * who waits outside announces it, and is passed a token when one is returned.
 *
 * One word is decisive, `used`; every change of it is one atomic step.
 */
#ifndef FA_SERVER_TOKENS_H
#define FA_SERVER_TOKENS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"

struct fa_tokens {
    FA_ALIGNED(FA_CACHELINE) atomic_uint used; /* held, those on their way included */
    atomic_uint total;                         /* may be below `used` after a change */
    atomic_uint waiting;                       /* outside, and not passed one yet */
    atomic_uint passed;                        /* to them, and not taken over yet */
};

/*
 * fa_tokens_init - `total` of them, none used.
 */
void fa_tokens_init(struct fa_tokens *t, uint32_t total);

/*
 * fa_tokens_try_take - take one if there is one.
 *
 * Threads: any. Memory: seq_cst, against fa_tokens_announce.
 */
FA_NODISCARD bool fa_tokens_try_take(struct fa_tokens *t);

/*
 * fa_tokens_are_free - is there one? For who found none and has tasks.
 *
 * Threads: any.
 * Memory:  a read-modify-write, as giving one back: either this sees that one was given
 *          back, or whoever gives one back after it sees what was queued before it.
 */
FA_NODISCARD bool fa_tokens_are_free(struct fa_tokens *t);

/*
 * fa_tokens_set_total - from now on there are `total`; those that are used stay so. The
 * caller then looks whether tasks wait.
 *
 * Threads: any. Memory: as fa_tokens_give.
 */
void fa_tokens_set_total(struct fa_tokens *t, uint32_t total);

/*
 * fa_tokens_give - give one back, whoever waits. The caller then looks whether tasks wait.
 *
 * Threads: any that has one. Memory: see fa_tokens_are_free.
 */
void fa_tokens_give(struct fa_tokens *t);

/*
 * fa_tokens_return - give one back; true: it was passed to somebody who waits outside,
 * whose thread is to be woken (fa_tokens_take_passed).
 *
 * Threads: any that has one.
 * Memory:  looks for waiters again after the token is free, as they look for a token
 *          again after they have announced themselves: one of the two sees the other.
 */
FA_NODISCARD bool fa_tokens_return(struct fa_tokens *t);

/*
 * fa_tokens_announce - one more waits outside; true: there is a token for it after all,
 * and it waits no more.
 *
 * Threads: the one that speaks for those outside.
 */
FA_NODISCARD bool fa_tokens_announce(struct fa_tokens *t);

/*
 * fa_tokens_renounce - one of those outside waits no more; false: a token for it is on its
 * way already.
 *
 * Threads: any; outside this file, the one that speaks for those outside.
 */
FA_NODISCARD bool fa_tokens_renounce(struct fa_tokens *t);

/*
 * fa_tokens_take_passed - how many were passed to those outside since the last call.
 *
 * Threads: the one that speaks for those outside.
 */
FA_NODISCARD uint32_t fa_tokens_take_passed(struct fa_tokens *t);

/*
 * fa_tokens_are_wanted - shall a worker return its token although there are tasks?
 *
 * Threads: any; a hint.
 */
static inline bool fa_tokens_are_wanted(const struct fa_tokens *t)
{
    return atomic_load_explicit(&t->waiting, memory_order_relaxed) > 0 ||
           atomic_load_explicit(&t->used, memory_order_relaxed) >
               atomic_load_explicit(&t->total, memory_order_relaxed);
}

#endif
