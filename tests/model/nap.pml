/*
 * nap.pml - `napping`: workers put off waking the reactor (run_task in
 * csrc/server/worker.c, wait_for_events in csrc/server/reactor.c).
 *
 * Each worker answers one task and then sits in a handler that never returns. The
 * reactor's first sleep is a nap, which ends by itself; if it brought nothing, the
 * next one is a full sleep, which only a wake-up ends. When nothing moves any more,
 * the reactor has taken all answers. That notify and prepare lose no wake-up is
 * shown in wakeup.pml; here the sleeping flag is one atomic step. BREAK_x takes one
 * thing out of the protocol.
 */
#ifndef WORKERS
#define WORKERS 2
#endif

#define THREADS (WORKERS + 1)
#define REACTOR WORKERS
#define PLACES  1 /* answers in the inbox */
#define WORDS   2
#define NAPPING 0
#define WAKEUP  1
#include "memory.pml"

bit napping;
bit sleeping;
bit edge;

inline exchange(me, word, variable, value, old)
{
    d_step {
        old = variable;
        variable = value;
        acquire(me, word, k);
        release(me, word, k)
    }
}

active [WORKERS] proctype worker()
{
    byte k;
    bit old;
    publish(_pid, 0);
    d_step { /* an or of nothing */
        old = napping;
        acquire(_pid, NAPPING, k);
#ifndef BREAK_RELEASE
        release(_pid, NAPPING, k)
#endif
    }
    if
    :: old /* the reactor comes back by itself */
    :: else ->
        exchange(_pid, WAKEUP, sleeping, 0, old);
        if
        :: old -> edge = 1
        :: else
        fi
    fi
}

active proctype reactor()
{
    byte k, value, taken;
    bit old, nap, spent, timeout_ended;
    do
    :: taken == WORKERS -> break
    :: else ->
        nap = !spent;
#ifndef BREAK_ORDER
        exchange(REACTOR, NAPPING, napping, nap, old);
#endif
        exchange(REACTOR, WAKEUP, sleeping, 1, old);
        look(REACTOR, 0, value);
#ifdef BREAK_ORDER
        exchange(REACTOR, NAPPING, napping, nap, old);
#endif
        timeout_ended = 0;
        if
        :: value > taken -> edge = 0 /* epoll_wait with timeout 0 */
        :: else ->
            if
            :: atomic { edge -> edge = 0 }
            :: nap -> timeout_ended = 1
            fi
        fi;
        exchange(REACTOR, WAKEUP, sleeping, 0, old);
        spent = nap && timeout_ended;
        look(REACTOR, 0, value);
        spent = spent && value == taken;
        atomic { taken = value; value = 0; timeout_ended = 0; old = 0; nap = 0 }
    od
}
