#include "queue/locked_queue.h"

#include "base/alloc.h"

fa_status fa_locked_queue_init(struct fa_locked_queue *q, size_t capacity)
{
    size_t size = 2;
    if (capacity == 0 || capacity > FA_LOCKED_QUEUE_MAX) return FA_ERR_INVALID;
    while (size < capacity)
        size *= 2;
    q->slots = fa_alloc_zero(size * sizeof *q->slots);
    if (q->slots == NULL) return FA_ERR_NOMEM;
    if (pthread_mutex_init(&q->lock, NULL) != 0) goto fail_slots;
    if (pthread_cond_init(&q->not_empty, NULL) != 0) goto fail_lock;
    q->mask = size - 1;
    q->head = q->tail = 0;
    return FA_OK;
fail_lock:
    (void)pthread_mutex_destroy(&q->lock);
fail_slots:
    fa_free(q->slots);
    return FA_ERR_IO;
}

void fa_locked_queue_deinit(struct fa_locked_queue *q)
{
    (void)pthread_cond_destroy(&q->not_empty);
    (void)pthread_mutex_destroy(&q->lock);
    fa_free(q->slots);
    q->slots = NULL;
}

fa_status fa_locked_queue_try_push(struct fa_locked_queue *q, void *item)
{
    fa_status status = FA_AGAIN;
    pthread_mutex_lock(&q->lock);
    if (q->tail - q->head <= q->mask) {
        q->slots[q->tail++ & q->mask] = item;
        status = FA_OK;
        pthread_cond_signal(&q->not_empty);
    }
    pthread_mutex_unlock(&q->lock);
    return status;
}

fa_status fa_locked_queue_try_pop(struct fa_locked_queue *q, void **item)
{
    fa_status status = FA_AGAIN;
    pthread_mutex_lock(&q->lock);
    if (q->tail != q->head) {
        *item = q->slots[q->head++ & q->mask];
        status = FA_OK;
    }
    pthread_mutex_unlock(&q->lock);
    return status;
}

size_t fa_locked_queue_try_pop_many(struct fa_locked_queue *q, void **items, size_t max)
{
    pthread_mutex_lock(&q->lock);
    size_t n = fa_min_size(q->tail - q->head, max);
    for (size_t i = 0; i < n; i++)
        items[i] = q->slots[q->head++ & q->mask];
    pthread_mutex_unlock(&q->lock);
    return n;
}

void *fa_locked_queue_pop(struct fa_locked_queue *q)
{
    pthread_mutex_lock(&q->lock);
    while (q->tail == q->head)
        pthread_cond_wait(&q->not_empty, &q->lock);
    void *item = q->slots[q->head++ & q->mask];
    pthread_mutex_unlock(&q->lock);
    return item;
}

size_t fa_locked_queue_size(struct fa_locked_queue *q)
{
    pthread_mutex_lock(&q->lock);
    size_t size = q->tail - q->head;
    pthread_mutex_unlock(&q->lock);
    return size;
}
