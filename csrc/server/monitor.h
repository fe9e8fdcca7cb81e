/*
 * monitor.h - the reactor's look at the whole server, some times a second while
 * there is something to see: it feeds the tuner, carries out its decisions, and
 * writes the report for `fasterapi stats`.
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
struct fa_stats_file;

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
    uint64_t freed_bytes;       /* by pools that shrank, since the last trim */
    bool trims_are_slow;        /* one took so long that there are no more */
    fa_counter trims;           /* times the heap was asked to give memory back */
    struct fa_stats_file *file; /* NULL: no report is written */
    fa_counter ticks;
    fa_counter changes; /* ticks that changed a size */
};

/*
 * fa_monitor_init - ready, when pools and queues are; nothing is due yet.
 */
void fa_monitor_init(struct fa_monitor *m, struct fa_server *s);

/*
 * fa_monitor_publish - write a report now, and at every tick from now on.
 *
 * Before the reactor runs. Ownership: the file is the monitor's.
 */
void fa_monitor_publish(struct fa_monitor *m, struct fa_server *s, struct fa_stats_file *file);

/*
 * fa_monitor_deinit - remove the file if there is one. The reactor runs no more.
 */
void fa_monitor_deinit(struct fa_monitor *m);

/*
 * fa_monitor_tick - look, decide, change sizes, write; then be due again or not.
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
