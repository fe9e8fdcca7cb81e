/*
 * rate.h - how fast something grows, over a sliding window.
 *
 * The window slides from mark to mark: it is at least as long as asked for and, while
 * something comes, at most twice that. What came before it does not count, so a fast
 * beginning buys nobody a slow rest.
 */
#ifndef FA_SERVER_RATE_H
#define FA_SERVER_RATE_H

#include <stdbool.h>
#include <stdint.h>

/* owner: one thread. */
struct fa_rate {
    uint64_t at_ns[2]; /* where the window begins, and where the next one will */
    uint64_t total[2]; /* what there was then */
};

/*
 * fa_rate_start - the window begins now, with so much there.
 */
void fa_rate_start(struct fa_rate *rate, uint64_t now_ns, uint64_t total);

/*
 * fa_rate_note - there is this much now. `window_ns` is the same each time.
 */
void fa_rate_note(struct fa_rate *rate, uint64_t now_ns, uint64_t total, uint64_t window_ns);

/*
 * fa_rate_is_below - did less come in the last window than `per_second` [units/s]?
 * False until a whole window has passed.
 */
bool fa_rate_is_below(const struct fa_rate *rate, uint64_t now_ns, uint64_t total,
    uint64_t per_second, uint64_t window_ns);

#endif
