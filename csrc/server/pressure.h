/*
 * pressure.h - what a reactor does when room gets scarce: the slowest clients go first.
 *
 * The timeouts of a calm server leave honest clients a lot of time. When connections,
 * descriptors or held bytes are above pressure_percent of their limit the tight ones
 * hold, and whoever is furthest beyond its own is ended, until there is room again.
 *
 * owner: reactor thread.
 */
#ifndef FA_SERVER_PRESSURE_H
#define FA_SERVER_PRESSURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "server/config.h"

struct fa_reactor;

/* How often it looks while there is pressure. */
#define FA_PRESSURE_TICK_NS UINT64_C(100000000)
#define FA_PRESSURE_NEVER   UINT64_MAX

struct fa_pressure {
    size_t most_open; /* from here on there is pressure; read-only, as the next two */
    int most_fd;      /* likewise: the kernel hands out the lowest free descriptor */
    uint64_t most_held;
    bool few_fds;    /* the last one was beyond most_fd */
    uint64_t due_ns; /* when to look at the connections; FA_PRESSURE_NEVER: no pressure */
};

/*
 * fa_pressure_init - `max_open` connections and `max_fds` descriptors are possible.
 */
void fa_pressure_init(
    struct fa_pressure *p, const struct fa_config *config, size_t max_open, uint64_t max_fds);

/*
 * fa_pressure_note_fd - a connection was accepted as this descriptor.
 */
static inline void fa_pressure_note_fd(struct fa_pressure *p, int fd)
{
    p->few_fds = fd >= p->most_fd;
}

/*
 * fa_pressure_is_on - is there pressure now?
 */
bool fa_pressure_is_on(const struct fa_reactor *r);

/*
 * fa_pressure_turn - once a round: begin, end, or look at the connections if that is due.
 */
void fa_pressure_turn(struct fa_reactor *r);

#endif
