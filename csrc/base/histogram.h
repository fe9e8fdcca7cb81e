/*
 * histogram.h - how often which value occurred, to an eighth of it.
 *
 * One bucket per value below 16, then eight per power of two. Buckets of
 * several histograms can be added up, percentiles cannot: so the buckets travel.
 */
#ifndef FA_BASE_HISTOGRAM_H
#define FA_BASE_HISTOGRAM_H

#include <stdint.h>

#include "base/stats.h"

#define FA_HISTOGRAM_BUCKETS 256

/* Written by one thread, read by any. */
struct fa_histogram {
    fa_counter sum;
    fa_counter max;
    fa_counter buckets[FA_HISTOGRAM_BUCKETS];
};

/* A copy to compute with. */
struct fa_histogram_copy {
    uint64_t count, sum, max;
    uint64_t buckets[FA_HISTOGRAM_BUCKETS];
};

/*
 * fa_histogram_bucket - where a value is counted; the last one takes all above.
 */
static inline uint32_t fa_histogram_bucket(uint64_t value)
{
    if (value < 16) return (uint32_t)value;
    uint32_t log2 = 63u - (uint32_t)__builtin_clzll(value);
    uint32_t bucket = 16 + (log2 - 4) * 8 + (uint32_t)((value >> (log2 - 3)) & 7);
    return bucket < FA_HISTOGRAM_BUCKETS ? bucket : FA_HISTOGRAM_BUCKETS - 1;
}

/*
 * fa_histogram_bound - every value of a bucket is less than this.
 */
uint64_t fa_histogram_bound(uint32_t bucket);

/*
 * fa_histogram_record - count one value. Threads: the one writer.
 */
static inline void fa_histogram_record(struct fa_histogram *h, uint64_t value)
{
    fa_stats_bump(&h->buckets[fa_histogram_bucket(value)], 1);
    fa_stats_bump(&h->sum, value);
    fa_stats_raise(&h->max, value);
}

/*
 * fa_histogram_add - add what `h` has counted to a copy (zero it to start).
 *
 * Threads: any. `count` is the sum of the buckets as read.
 */
void fa_histogram_add(const struct fa_histogram *h, struct fa_histogram_copy *copy);

/*
 * fa_histogram_quantile - the bound of the bucket in which `per_mille` of all
 * values are reached; 0 when nothing was counted.
 */
uint64_t fa_histogram_quantile(const struct fa_histogram_copy *copy, uint32_t per_mille);

#endif
