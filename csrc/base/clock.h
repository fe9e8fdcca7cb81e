/* clock.h - monotonic time for timers, and the text of the Date header. */
#ifndef FA_BASE_CLOCK_H
#define FA_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#include "base/span.h"

#define FA_CLOCK_DATE_LEN 29

/* The date of the current second as text. owner: one thread. Zero it to start. */
struct fa_clock_date {
    int64_t second;
    char text[FA_CLOCK_DATE_LEN];
};

/*
 * fa_clock_now_ns - nanoseconds of the monotonic clock. Threads: any.
 */
static inline uint64_t fa_clock_now_ns(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/*
 * fa_clock_coarse_ns - the same with a resolution of some milliseconds, cheaper.
 */
static inline uint64_t fa_clock_coarse_ns(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/*
 * fa_clock_unix_ms - milliseconds of the wall clock since 1970, for logs. Threads: any.
 */
static inline uint64_t fa_clock_unix_ms(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_REALTIME, &ts);
    return (uint64_t)ts.tv_sec * 1000u + (uint64_t)ts.tv_nsec / 1000000u;
}

/*
 * fa_clock_date_format - IMF-fixdate (RFC 9110, 5.6.7) of a time, always in GMT.
 */
void fa_clock_date_format(int64_t second, char text[FA_CLOCK_DATE_LEN]);

/*
 * fa_clock_date_refresh - the text of now; formatted anew once a second.
 *
 * Ownership: borrowed from `d` until the next refresh.
 */
static inline fa_span fa_clock_date_refresh(struct fa_clock_date *d)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_REALTIME_COARSE, &ts);
    if (__builtin_expect(d->second != ts.tv_sec, 0)) {
        d->second = ts.tv_sec;
        fa_clock_date_format(ts.tv_sec, d->text);
    }
    return (fa_span){d->text, FA_CLOCK_DATE_LEN};
}

#endif
