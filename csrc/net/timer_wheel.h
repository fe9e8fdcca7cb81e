/*
 * timer_wheel.h - coarse timeouts: a hashed wheel of 100 ms slots.
 *
 * Arming and cancelling are a few stores. A timer never fires early and at
 * most one slot late. Deadlines more than one turn ahead stay in their slot
 * until their turn comes.
 *
 * owner: one thread.
 */
#ifndef FA_NET_TIMER_WHEEL_H
#define FA_NET_TIMER_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"

#define FA_TIMER_WHEEL_SLOTS   1024
#define FA_TIMER_WHEEL_TICK_NS UINT64_C(100000000)

/* Intrusive; zeroed means not armed. */
struct fa_timer {
    struct fa_timer *next;
    struct fa_timer *prev; /* NULL when not armed */
    uint64_t tick;         /* absolute slot number at which it fires */
};

struct fa_timer_wheel {
    uint64_t now_tick; /* slots up to and including this one were emptied */
    uint64_t armed;
    uint64_t occupied[FA_TIMER_WHEEL_SLOTS / 64]; /* may be set for a slot that became empty */
    struct fa_timer slots[FA_TIMER_WHEEL_SLOTS];  /* list heads */
    struct fa_timer expired;                      /* list head */
};

/*
 * fa_timer_wheel_init - an empty wheel at the time now_ns.
 */
void fa_timer_wheel_init(struct fa_timer_wheel *w, uint64_t now_ns);

/*
 * fa_timer_wheel_arm - fire `t` once deadline_ns has passed; moves an armed timer.
 *
 * Ownership: the caller keeps `t` alive until it fired or was cancelled.
 */
void fa_timer_wheel_arm(struct fa_timer_wheel *w, struct fa_timer *t, uint64_t deadline_ns);

/*
 * fa_timer_wheel_cancel - forget `t`; nothing happens when it is not armed.
 */
void fa_timer_wheel_cancel(struct fa_timer_wheel *w, struct fa_timer *t);

/*
 * fa_timer_wheel_is_armed - is `t` in a wheel, or due and not popped yet?
 */
static inline bool fa_timer_wheel_is_armed(const struct fa_timer *t)
{
    return t->prev != NULL;
}

/*
 * fa_timer_wheel_advance - move the wheel to now_ns; collects what is due.
 */
void fa_timer_wheel_advance(struct fa_timer_wheel *w, uint64_t now_ns);

/*
 * fa_timer_wheel_pop - one timer that is due (it is disarmed), or NULL.
 *
 * Timers may be armed and cancelled between calls, also those still due.
 */
struct fa_timer *fa_timer_wheel_pop(struct fa_timer_wheel *w);

/*
 * fa_timer_wheel_timeout_ms - how long a poller may wait: until the next slot
 * that holds a timer; -1 when none is armed.
 */
int fa_timer_wheel_timeout_ms(struct fa_timer_wheel *w, uint64_t now_ns);

#endif
