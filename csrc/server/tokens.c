/* tokens.c - how many threads may run blocking calls at a time, shared with others. */
#include "server/tokens.h"

void fa_tokens_init(struct fa_tokens *t, uint32_t total)
{
    atomic_init(&t->used, 0);
    atomic_init(&t->total, total);
    atomic_init(&t->waiting, 0);
    atomic_init(&t->passed, 0);
}

bool fa_tokens_try_take(struct fa_tokens *t)
{
    unsigned used = atomic_load_explicit(&t->used, memory_order_seq_cst);
    while (used < atomic_load_explicit(&t->total, memory_order_seq_cst)) {
        if (atomic_compare_exchange_weak_explicit(
                &t->used, &used, used + 1, memory_order_seq_cst, memory_order_seq_cst)) {
            return true;
        }
    }
    return false;
}

void fa_tokens_give(struct fa_tokens *t)
{
    unsigned before = atomic_fetch_sub_explicit(&t->used, 1, memory_order_seq_cst);
    FA_ASSERT(before > 0);
    (void)before;
}

bool fa_tokens_renounce(struct fa_tokens *t)
{
    unsigned waiting = atomic_load_explicit(&t->waiting, memory_order_seq_cst);
    while (waiting > 0) {
        if (atomic_compare_exchange_weak_explicit(
                &t->waiting, &waiting, waiting - 1, memory_order_seq_cst, memory_order_seq_cst)) {
            return true;
        }
    }
    return false;
}

/* The caller's token becomes that of somebody outside, unless there are too many used. */
static bool pass(struct fa_tokens *t)
{
    if (atomic_load_explicit(&t->used, memory_order_seq_cst) >
            atomic_load_explicit(&t->total, memory_order_seq_cst) ||
        !fa_tokens_renounce(t)) {
        return false;
    }
    (void)atomic_fetch_add_explicit(&t->passed, 1, memory_order_seq_cst);
    return true;
}

bool fa_tokens_return(struct fa_tokens *t)
{
    for (;;) {
        if (pass(t)) {
            return true;
        }
        fa_tokens_give(t);
        if (atomic_load_explicit(&t->waiting, memory_order_seq_cst) == 0 ||
            !fa_tokens_try_take(t)) {
            return false; /* nobody waits, or who has one will return it as this one did */
        }
    }
}

bool fa_tokens_are_free(struct fa_tokens *t)
{
    return atomic_fetch_add_explicit(&t->used, 0, memory_order_seq_cst) <
           atomic_load_explicit(&t->total, memory_order_seq_cst);
}

void fa_tokens_set_total(struct fa_tokens *t, uint32_t total)
{
    atomic_store_explicit(&t->total, total, memory_order_seq_cst);
    (void)atomic_fetch_add_explicit(&t->used, 0, memory_order_seq_cst);
}

bool fa_tokens_announce(struct fa_tokens *t)
{
    (void)atomic_fetch_add_explicit(&t->waiting, 1, memory_order_seq_cst);
    if (!fa_tokens_try_take(t)) {
        return false;
    }
    if (fa_tokens_renounce(t)) {
        return true;
    }
    fa_tokens_give(t); /* somebody has just passed it one, and that is to be taken over */
    return false;
}

uint32_t fa_tokens_take_passed(struct fa_tokens *t)
{
    if (atomic_load_explicit(&t->passed, memory_order_relaxed) == 0) {
        return 0;
    }
    return atomic_exchange_explicit(&t->passed, 0, memory_order_seq_cst);
}
