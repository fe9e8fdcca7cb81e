/*
 * parker.h - where worker threads sleep: an event count over a futex.
 *
 * Sleeper: key = prepare; look for work once more; found some? cancel :
 *          wait(key).
 * Waker:   publish the work; notify_one or notify_all.
 *
 * A wake-up is not lost: prepare registers the waiter (seq_cst) before its
 * second look; notify publishes before it reads the number of waiters (seq_cst).
 * If it sees one it changes the key, so a wait that has not started yet returns
 * at once; and a sleeper that read the changed key already (acquire) sees the work.
 * tests/model/parker.pml goes through all of it.
 */
#ifndef FA_BASE_PARKER_H
#define FA_BASE_PARKER_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/base.h"

struct fa_parker {
    FA_ALIGNED(FA_CACHELINE) atomic_uint key;
    atomic_uint waiters;
};

/*
 * fa_parker_init - nobody waits.
 */
void fa_parker_init(struct fa_parker *p);

/*
 * fa_parker_prepare - register as a waiter; returns the key for fa_parker_wait.
 *
 * Must be followed by exactly one fa_parker_cancel or fa_parker_wait.
 */
FA_NODISCARD uint32_t fa_parker_prepare(struct fa_parker *p);

/*
 * fa_parker_cancel - no longer a waiter: the second look found work.
 */
void fa_parker_cancel(struct fa_parker *p);

/*
 * fa_parker_wait - sleep until a notify after prepare, or for timeout_ns
 * (0: without end). May return early; look for work again.
 */
void fa_parker_wait(struct fa_parker *p, uint32_t key, uint64_t timeout_ns);

/*
 * fa_parker_notify_one, fa_parker_notify_all - wake one waiter, or all.
 *
 * Threads: any, after publishing the work. No system call when nobody waits.
 */
void fa_parker_notify_one(struct fa_parker *p);
void fa_parker_notify_all(struct fa_parker *p);

/*
 * fa_parker_waiters - how many are registered now (a hint).
 */
static inline uint32_t fa_parker_waiters(const struct fa_parker *p)
{
    return atomic_load_explicit(&p->waiters, memory_order_relaxed);
}

/*
 * fa_parker_pause - in a loop that looks for work instead of parking: let the
 * core's other hardware thread run meanwhile.
 *
 * Threads: any. No memory order: the loop's own loads have it.
 */
static inline void fa_parker_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield" : : : "memory");
#else
    __asm__ volatile("" : : : "memory");
#endif
}

#endif
