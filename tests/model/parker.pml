/*
 * parker.pml - csrc/base/parker.h: CONSUMERS sleepers on one futex, PRODUCERS wakers.
 *
 * A handler may never return: a consumer that has taken an item may stop there. So an
 * item that waits while somebody sleeps is lost, even if another would come by later.
 * When nothing moves any more, everything is taken or nobody sleeps: the monitor
 * asserts it. BREAK_x takes one thing out of the protocol.
 */
#ifndef PRODUCERS
#define PRODUCERS 1
#endif
#ifndef CONSUMERS
#define CONSUMERS 1
#endif
#ifndef ITEMS
#define ITEMS 2 /* of each producer */
#endif

#define THREADS (PRODUCERS + CONSUMERS)
#define PLACES  2
#define TAIL    0 /* items published, by all */
#define KEY     1 /* fa_parker.key */
#define WORDS   (2 + PRODUCERS * ITEMS)
#define WAITERS 0 /* fa_parker.waiters */
#define KEYS    1 /* what was left with each value of the key: it is read by a load */
#include "memory.pml"

byte waiters;
byte head;              /* items taken; a compare-exchange changes it */
bit asleep[CONSUMERS];  /* in the kernel's queue of the futex */
bit stuck[CONSUMERS];   /* in a handler that never returns */

#ifdef BREAK_FENCE
/* notify looks at `waiters` with a load: any value since the last it knows of. */
#define WRITES 24
byte written[WRITES];
byte writes;
byte known[THREADS];
#endif

inline add_waiters(me, n)
{
    waiters = waiters + n;
#ifdef BREAK_FENCE
    writes++;
    assert(writes < WRITES);
    written[writes] = waiters;
    known[me] = writes;
#endif
    acquire(me, WAITERS, k);
    release(me, WAITERS, k)
}

/* The first look of fa_parker_notify_one. */
inline look_waiters(me)
{
#ifdef BREAK_FENCE
    atomic {
        do
        :: known[me] < writes -> known[me]++
        :: break
        od;
        some = written[known[me]] > 0
    }
#else
    d_step { /* an add of nothing */
        some = waiters > 0;
        acquire(me, WAITERS, k);
        release(me, WAITERS, k)
    }
#endif
}

active [PRODUCERS] proctype producer()
{
    byte k, i;
    bit some;
    for (i : 1 .. ITEMS) {
        publish(_pid, TAIL);
        look_waiters(_pid);
        if
        :: some ->
#ifndef BREAK_KEY
            d_step {
                acquire(_pid, KEYS + newest[KEY], k);
                newest[KEY]++;
                seen[_pid].at[KEY] = newest[KEY];
                release(_pid, KEYS + newest[KEY], k)
            }
#endif
            atomic { /* FUTEX_WAKE: one of those asleep, whoever that is */
                if
                :: asleep[0] -> asleep[0] = 0
#if CONSUMERS == 2
                :: asleep[1] -> asleep[1] = 0
#endif
                :: else
                fi
            }
        :: else
        fi
    }
}

active [CONSUMERS] proctype consumer()
{
    byte k, key, tail;
    byte self = _pid - PRODUCERS;
    bit work;
    do
    :: atomic { /* pop, if anything can be seen */
        look(_pid, TAIL, tail);
        if
        :: tail > head ->
            head++;
            if
            :: stuck[self] = 1
            :: skip
            fi
        :: else -> goto nothing
        fi;
        tail = 0
    }
    if
    :: stuck[self] -> break
    :: else
    fi;
    goto again;
nothing: skip;
    /* fa_parker_prepare */
    d_step { add_waiters(_pid, 1) }
    atomic {
        look(_pid, KEY, key);
#ifndef BREAK_ACQUIRE
        acquire(_pid, KEYS + key, k)
#endif
    }
    /* the second look */
#ifdef BREAK_RECHECK
    work = 0;
#else
    atomic { look(_pid, TAIL, tail); work = tail > head; tail = 0 }
#endif
    /* fa_parker_cancel, or fa_parker_wait */
    atomic {
        if
        :: work
        :: else ->
            asleep[self] = key == newest[KEY]; /* FUTEX_WAIT */
            seen[_pid].at[KEY] = newest[KEY]
        fi;
        key = 0;
        work = 0
    }
end_asleep:
    !asleep[self];
    d_step { add_waiters(_pid, -1) }
again: skip
    od
}

active proctype monitor()
{
end_monitor:
    timeout -> assert(head == PRODUCERS * ITEMS || !(asleep[0]
#if CONSUMERS == 2
        || asleep[1]
#endif
    ))
}
