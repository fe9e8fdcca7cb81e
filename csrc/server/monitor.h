/*
 * monitor.h - the reactor's look at the whole server, some times a second while
 * there is something to see: it feeds the tuner and carries out its decisions.
 *
 * An idle server is left asleep: the monitor ticks while requests come or run,
 * and afterwards until the pools have shrunk.
 *
 * owner: reactor thread; any thread may read the counters.
 */
#ifndef FA_SERVER_MONITOR_H
#define FA_SERVER_MONITOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/stats.h"
#include "server/tuner.h"

struct fa_server;

#define FA_MONITOR_INTERVAL_NS UINT64_C(250000000)
#define FA_MONITOR_NEVER       UINT64_MAX

/* Sums as they were at the last tick. */
struct fa_monitor_before {
    uint64_t misses[FA_TUNER_POOLS], dropped[FA_TUNER_POOLS];
    uint64_t tasks, run_ns, spins, spin_hits, wakeups;
};

struct fa_monitor {
    uint64_t due_ns; /* the next tick, FA_MONITOR_NEVER while nothing happens */
    bool on;         /* somebody wants the ticks */
    bool active;     /* something happened since the last one */
    bool adaptive;   /* the tuner decides; else sizes stay as configured */
    struct fa_tuner_bounds bounds;
    struct fa_tuner_sizes sizes;
    struct fa_monitor_before before;
    fa_counter ticks;
    fa_counter changes; /* ticks that changed a size */
};

/*
 * fa_monitor_init - ready, when pools and queues are; nothing is due yet.
 */
void fa_monitor_init(struct fa_monitor *m, struct fa_server *s);

/*
 * fa_monitor_tick - look, decide, change sizes; then be due again or not.
 */
void fa_monitor_tick(struct fa_monitor *m, struct fa_server *s, uint64_t now_ns);

/*
 * fa_monitor_note - something happened: a tick is due in at most an interval.
 */
static inline void fa_monitor_note(struct fa_monitor *m, uint64_t now_ns)
{
    m->active = true;
    if (m->due_ns == FA_MONITOR_NEVER && m->on) m->due_ns = now_ns + FA_MONITOR_INTERVAL_NS;
}

#endif
