/*
 * locked_queue.h - the baseline: a ring under a mutex, with a condition variable.
 *
 * What most servers use. It stands behind the same interface as the lock-free
 * queues so that a benchmark can flip one option.
 */
#ifndef FA_QUEUE_LOCKED_QUEUE_H
#define FA_QUEUE_LOCKED_QUEUE_H

#include <pthread.h>
#include <stddef.h>

#include "base/base.h"
#include "base/status.h"

#define FA_LOCKED_QUEUE_MAX ((size_t)1 << (sizeof(size_t) > 4 ? 31 : 27)) /* its bytes fit */

struct fa_locked_queue {
    pthread_mutex_t lock; /* guards everything below */
    pthread_cond_t not_empty;
    void **slots;
    size_t mask;
    size_t head;
    size_t tail;
};

/*
 * fa_locked_queue_init - an empty queue; capacity is rounded up to a power of two, at least 2.
 *
 * Errors: FA_ERR_INVALID for 0 or more than FA_LOCKED_QUEUE_MAX, FA_ERR_NOMEM, FA_ERR_IO.
 */
FA_NODISCARD fa_status fa_locked_queue_init(struct fa_locked_queue *q, size_t capacity);

/*
 * fa_locked_queue_deinit - free the ring; nobody may wait.
 */
void fa_locked_queue_deinit(struct fa_locked_queue *q);

/*
 * fa_locked_queue_try_push - offer one item; FA_AGAIN when full.
 *
 * Ownership: as fa_mpmc_queue_try_push. Threads: any; takes the lock.
 */
FA_NODISCARD fa_status fa_locked_queue_try_push(struct fa_locked_queue *q, void *item);

/*
 * fa_locked_queue_try_pop - take the oldest item; FA_AGAIN when empty.
 *
 * Ownership: the item is the caller's. Threads: any; takes the lock.
 */
FA_NODISCARD fa_status fa_locked_queue_try_pop(struct fa_locked_queue *q, void **item);

/*
 * fa_locked_queue_try_pop_many - take the oldest items, up to `max`; returns how
 * many, 0 when empty.
 *
 * Ownership: the items are the caller's. Threads: any; takes the lock once.
 */
size_t fa_locked_queue_try_pop_many(struct fa_locked_queue *q, void **items, size_t max);

/*
 * fa_locked_queue_pop - take the oldest item, waiting until there is one.
 *
 * Threads: any; blocks.
 */
void *fa_locked_queue_pop(struct fa_locked_queue *q);

/*
 * fa_locked_queue_size - items in the queue. Threads: any; takes the lock.
 */
size_t fa_locked_queue_size(struct fa_locked_queue *q);

/*
 * fa_locked_queue_capacity - how many items fit.
 */
static inline size_t fa_locked_queue_capacity(const struct fa_locked_queue *q)
{
    return q->mask + 1;
}

/*
 * fa_locked_queue_peek - the n-th oldest item, without taking it; NULL when there are fewer.
 *
 * Threads: nobody may push or pop meanwhile; takes no lock.
 */
static inline void *fa_locked_queue_peek(const struct fa_locked_queue *q, size_t n)
{
    return n < q->tail - q->head ? q->slots[(q->head + n) & q->mask] : NULL;
}

#endif
