/* histogram.c - how often which value occurred, to an eighth of it. */
#include "base/histogram.h"

uint64_t fa_histogram_bound(uint32_t bucket)
{
    if (bucket < 16) return bucket + 1;
    uint32_t log2 = 4 + (bucket - 16) / 8;
    return (UINT64_C(1) << log2) + (((uint64_t)(bucket - 16) % 8 + 1) << (log2 - 3));
}

void fa_histogram_add(const struct fa_histogram *h, struct fa_histogram_copy *copy)
{
    for (uint32_t i = 0; i < FA_HISTOGRAM_BUCKETS; i++) {
        uint64_t n = fa_stats_read(&h->buckets[i]);
        copy->buckets[i] += n;
        copy->count += n;
    }
    copy->sum += fa_stats_read(&h->sum);
    uint64_t max = fa_stats_read(&h->max);
    if (max > copy->max) copy->max = max;
}

uint64_t fa_histogram_quantile(const struct fa_histogram_copy *copy, uint32_t per_mille)
{
    uint64_t below = 0;
    for (uint32_t i = 0; i < FA_HISTOGRAM_BUCKETS && copy->count > 0; i++) {
        below += copy->buckets[i];
        if (copy->buckets[i] > 0 && below * 1000 >= copy->count * per_mille)
            return fa_histogram_bound(i);
    }
    return 0;
}
