/*
 * wakeup.pml - csrc/base/wakeup.h: one sleeper in epoll, PRODUCERS wakers.
 *
 * -DEDGE: the sleeper is the reactor (edge-triggered, never reads the eventfd); else
 * it is the event loop (level-triggered, reads it before it announces sleep). No
 * timeout ends the sleep here, so a lost wake-up is a deadlock: the invalid end
 * state that SPIN reports. BREAK_x takes one thing out of the protocol.
 */
#ifndef PRODUCERS
#define PRODUCERS 1
#endif
#ifndef ITEMS
#define ITEMS 2 /* of each producer */
#endif

#define PLACES  PRODUCERS /* what each producer has published */
#define WORDS   1
#define THREADS (PRODUCERS + 1)
#define SLEEPER PRODUCERS
#include "memory.pml"

bit sleeping;
bit readable; /* the eventfd; with EDGE: an edge that epoll has not reported yet */

#ifdef BREAK_FENCE
/* notify looks at `sleeping` with a load: it may get any value written since the
 * last one this thread knows of. */
#define WRITES 24
bit written[WRITES];
byte writes; /* written[writes] is the value now */
byte known[THREADS];
#endif

inline exchange(me, value, old)
{
    d_step {
        old = sleeping;
        sleeping = value;
#ifdef BREAK_FENCE
        writes++;
        assert(writes < WRITES);
        written[writes] = value;
        known[me] = writes;
#endif
#ifdef BREAK_ACQUIRE
        if
        :: me != SLEEPER -> acquire(me, 0, k)
        :: else
        fi;
#else
        acquire(me, 0, k);
#endif
#ifdef BREAK_RELEASE
        if
        :: me == SLEEPER -> release(me, 0, k)
        :: else
        fi
#else
        release(me, 0, k)
#endif
    }
}

/* fa_wakeup_notify */
inline notify(me)
{
#ifdef BREAK_FENCE
    atomic {
        do
        :: known[me] < writes -> known[me]++
        :: break
        od;
        old = written[known[me]]
    }
    if
    :: old -> exchange(me, 0, old)
    :: else
    fi;
#else
    exchange(me, 0, old);
#endif
    if
    :: old -> readable = 1
    :: else
    fi
}

active [PRODUCERS] proctype producer()
{
    byte k, i;
    bit old;
    for (i : 1 .. ITEMS) {
        publish(_pid, _pid);
        notify(_pid)
    }
}

byte taken[PRODUCERS];
byte all_taken;

/* Take all that can be seen; found: was there anything? */
inline take()
{
    found = 0;
    for (p : 0 .. PRODUCERS - 1) {
        look(SLEEPER, p, value);
        d_step {
            if
            :: value > taken[p] ->
                found = 1;
                all_taken = all_taken + value - taken[p];
                taken[p] = value
            :: else
            fi;
            value = 0
        }
    }
}

active proctype sleeper()
{
    byte k, p, value;
    bit old, found;
    do
    :: all_taken == PRODUCERS * ITEMS -> break
    :: else ->
#ifdef EDGE
        /* wait_for_events in csrc/server/reactor.c */
        exchange(SLEEPER, 1, old);
#ifdef BREAK_RECHECK
        found = 0;
#else
        take();
#endif
        if
        :: found -> readable = 0                   /* epoll_wait with timeout 0 */
        :: else -> atomic { readable; readable = 0 } /* epoll_wait */
        fi;
        exchange(SLEEPER, 0, old);
        take()
#else
        /* run_batch and fa_executor_loop_sleep */
        take();
        if
        :: found -> goto again
        :: else
        fi;
#ifndef BREAK_CLEAR
        readable = 0;
        exchange(SLEEPER, 0, old);
#endif
        exchange(SLEEPER, 1, old);
#ifndef BREAK_RECHECK
        take();
        if
        :: found -> exchange(SLEEPER, 0, old); goto again
        :: else
        fi;
#endif
#ifdef BREAK_CLEAR
        readable = 0; /* after the announcement: takes a wake-up away */
#endif
        readable; /* the selector of the event loop */
again:  skip
#endif
    od
}
