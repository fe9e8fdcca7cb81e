#include "base/parker.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void fa_parker_init(struct fa_parker *p)
{
    atomic_init(&p->key, 0);
    atomic_init(&p->waiters, 0);
}

uint32_t fa_parker_prepare(struct fa_parker *p)
{
    atomic_fetch_add_explicit(&p->waiters, 1, memory_order_seq_cst);
    return atomic_load_explicit(&p->key, memory_order_seq_cst);
}

void fa_parker_cancel(struct fa_parker *p)
{
    atomic_fetch_sub_explicit(&p->waiters, 1, memory_order_seq_cst);
}

void fa_parker_wait(struct fa_parker *p, uint32_t key, uint64_t timeout_ns)
{
    struct timespec ts = {
        .tv_sec = (time_t)(timeout_ns / 1000000000u), .tv_nsec = (long)(timeout_ns % 1000000000u)};
    (void)syscall(
        SYS_futex, &p->key, FUTEX_WAIT_PRIVATE, key, timeout_ns == 0 ? NULL : &ts, NULL, 0);
    fa_parker_cancel(p);
}

static void notify(struct fa_parker *p, int count)
{
    /* An atomic add of nothing: orders the caller's publication before the look. */
    if (atomic_fetch_add_explicit(&p->waiters, 0, memory_order_seq_cst) == 0) return;
    atomic_fetch_add_explicit(&p->key, 1, memory_order_seq_cst);
    (void)syscall(SYS_futex, &p->key, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

void fa_parker_notify_one(struct fa_parker *p)
{
    notify(p, 1);
}

void fa_parker_notify_all(struct fa_parker *p)
{
    notify(p, INT_MAX);
}
