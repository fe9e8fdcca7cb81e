/*
 * workers.pml - csrc/server/worker.c: who is woken or started when work comes.
 *
 * WORKERS threads at most, one reactor, ITEMS tasks. A handler may never return. When
 * nothing moves any more, all tasks are taken, or no worker is parked and no more may be
 * started: the monitor asserts it. A worker sleeps on its own parker until it is
 * `chosen` (parker.pml shows that this wait is sound). Every step here is a
 * read-modify-write or stands under the pool's lock, so one order of all steps is
 * enough. START_FAILS: a thread may end
 * at once (no memory for its thread state). BREAK_x takes one thing out of the protocol.
 */
#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef ITEMS
#define ITEMS 4
#endif

byte tail;      /* tasks a slot was claimed for: what fa_queue_size counts */
byte published; /* tasks that can be popped */
byte head;      /* tasks popped */
byte total;     /* threads */
byte searching; /* threads on their way to the queue */
bit idle[WORKERS];
bit chosen[WORKERS];

/* fa_worker_pool_wake; one: the worker found. */
inline wake(may_start)
{
    do
    :: atomic {
        if
        :: searching > 0 -> break /* that one will look */
        :: else
        fi
    }
    atomic { /* the compare-exchange */
        if
        :: searching > 0 -> break
        :: else -> searching = 1
        fi
    }
    atomic { /* choose_idle, under the lock */
        if
        :: idle[0] -> one = 0
        :: idle[1] -> one = 1
#if WORKERS == 3
        :: idle[2] -> one = 2
#endif
        :: else -> one = WORKERS
        fi;
        if
        :: one < WORKERS -> idle[one] = 0
        :: else
        fi
    }
    if
    :: one < WORKERS -> chosen[one] = 1; one = 0; break
    :: else
    fi;
    one = 0;
    atomic { /* reserve_thread, start_thread */
        if
        :: may_start && total < WORKERS -> total++; run worker(total - 1); break
        :: else
        fi
    }
    atomic { searching-- }
#ifdef BREAK_AGAIN
    break
#else
    atomic { /* tasks came, and a worker fell asleep trusting this search? */
        if
        :: tail > head && (idle[0] || idle[1]
#if WORKERS == 3
            || idle[2]
#endif
            ) -> skip
        :: else -> break
        fi
    }
#endif
    od
}

proctype worker(byte self)
{
    byte one;
    bit mine = 1; /* counted in `searching` */
#ifdef START_FAILS
    if
    :: self > 0 -> /* the first one has started, or the server has not */
        atomic { searching--; total-- }
#ifndef BREAK_FAILED
        if
        :: tail > head -> wake(0)
        :: else
        fi;
#endif
        goto over
    :: skip
    fi;
#endif
more:
    do
    :: atomic {
        if
        :: head < published -> head++
        :: else -> break
        fi
    }
    atomic { searching = searching - mine; mine = 0 }
#ifndef BREAK_CHAIN
    if
    :: tail > head -> wake(1)
    :: else
    fi;
#endif
    if
    :: goto over /* a handler that never returns */
    :: skip
    fi
    od;
    /* park */
    atomic { searching = searching - mine; mine = 0 }
    atomic { idle[self] = 1 }
#ifndef BREAK_RECHECK
    if
    :: tail > head ->
        atomic {
            if
            :: idle[self] -> idle[self] = 0; goto more
            :: else /* chosen meanwhile */
            fi
        }
    :: else
    fi;
#endif
end_parked:
    atomic { chosen[self] -> chosen[self] = 0; mine = 1 }
    goto more;
over: skip
}

/* fa_reactor_enqueue, wake_executors: one wake-up for some tasks. */
proctype reactor()
{
    byte one, i;
    for (i : 1 .. ITEMS) {
        tail++;
        published++;
        if
        :: i < ITEMS /* one more in this round */
        :: wake(1)
        fi
    }
}

init
{
    atomic { total = 1; searching = 1; run worker(0); run reactor() }
}

active proctype monitor()
{
end_monitor:
    timeout -> assert(head == ITEMS || (!idle[0] && !idle[1]
#if WORKERS == 3
        && !idle[2]
#endif
#ifndef START_FAILS
        && total == WORKERS
#endif
    ))
}
