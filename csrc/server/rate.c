/* rate.c - how fast something grows, over a sliding window. */
#include "server/rate.h"

#define NS_PER_S 1e9

void fa_rate_start(struct fa_rate *rate, uint64_t now_ns, uint64_t total)
{
    rate->at_ns[0] = now_ns;
    rate->at_ns[1] = now_ns;
    rate->total[0] = total;
    rate->total[1] = total;
}

void fa_rate_note(struct fa_rate *rate, uint64_t now_ns, uint64_t total, uint64_t window_ns)
{
    if (now_ns - rate->at_ns[1] < window_ns) {
        return;
    }
    rate->at_ns[0] = rate->at_ns[1];
    rate->total[0] = rate->total[1];
    rate->at_ns[1] = now_ns;
    rate->total[1] = total;
}

bool fa_rate_is_below(const struct fa_rate *rate, uint64_t now_ns, uint64_t total,
    uint64_t per_second, uint64_t window_ns)
{
    uint64_t passed_ns = now_ns - rate->at_ns[0];
    if (passed_ns < window_ns) {
        return false;
    }
    /* Doubles: the product of a rate and of nanoseconds does not fit 64 bits. */
    double least = (double)per_second * ((double)passed_ns / NS_PER_S);
    return (double)(total - rate->total[0]) < least;
}
