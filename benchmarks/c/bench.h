/*
 * bench.h - the whole C benchmark framework.
 *
 *     static void add(void *arg, uint64_t ops) { ... does `ops` operations ... }
 *     struct bench_case cases[] = {{.name = "add", .run = add, .arg = &x, .ops = 1000000}};
 *     bench_all(cases, sizeof cases / sizeof cases[0]);
 *
 * A case runs BENCH_ROUNDS times, each time after a short warm-up. The rounds of all cases are
 * interleaved (A B C, A B C, ...), so that a slow moment of the machine hits all of
 * them. Printed: the least and the median time of one operation. The least says
 * what the code costs; a median far above it says that the machine was busy.
 *
 * bench_ratio compares two cases: the median of the ratios, round by round.
 *
 * With FA_BENCH_JSON=FILE each case is also appended to FILE as a line of JSON, with the
 * time of a fixed loop measured in the same rounds: what the machine's speed was.
 */
#ifndef FA_BENCHMARKS_BENCH_H
#define FA_BENCHMARKS_BENCH_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/status.h"

/* Where a round may be short, many of them find the quiet moments of a busy machine:
 * such a benchmark defines more before it includes this. */
#ifndef BENCH_ROUNDS
#define BENCH_ROUNDS 9
#endif

typedef void bench_fn(void *arg, uint64_t ops);

struct bench_case {
    const char *name;
    bench_fn *run;
    void *arg;
    uint64_t ops;
    double bytes; /* of one operation; 0: they do not matter */
    double least; /* ns per operation, filled in */
    double median;
    double rounds[BENCH_ROUNDS]; /* in the order they ran */
};

/* The value is used and memory may have changed: nothing is optimised away. */
static inline void bench_keep(const void *ptr)
{
    __asm__ volatile("" : : "r"(ptr) : "memory");
}

/* A benchmark that cannot be set up says so and ends. */
static inline void bench_must(fa_status status)
{
    if (status == FA_OK) return;
    fprintf(stderr, "benchmark: %s\n", fa_status_text(status));
    exit(1);
}

static inline int bench_order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* How long case a takes, b being 1: the median of the rounds' ratios. */
static inline double bench_ratio(const struct bench_case *a, const struct bench_case *b)
{
    double ratios[BENCH_ROUNDS];
    for (size_t i = 0; i < BENCH_ROUNDS; i++)
        ratios[i] = a->rounds[i] / b->rounds[i];
    qsort(ratios, BENCH_ROUNDS, sizeof ratios[0], bench_order);
    return ratios[BENCH_ROUNDS / 2];
}

/* The machine's speed: a chain of shifts, each waiting for the one before. */
static inline double bench_calibrate(void)
{
    uint64_t x = 88172645463325252u, start = fa_clock_now_ns();
    for (unsigned i = 0; i < 200000; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    bench_keep(&x);
    return (double)(fa_clock_now_ns() - start) / 200000;
}

static inline void bench_write_json(const struct bench_case *cases, size_t n, double calibration)
{
    const char *path = getenv("FA_BENCH_JSON");
    FILE *file = path == NULL || *path == 0 ? NULL : fopen(path, "a");
    if (file == NULL) {
        if (path != NULL && *path != 0) bench_must(FA_ERR_IO);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        /* Names are our own: no quote and no backslash in them. */
        fprintf(file,
            "{\"name\": \"%s: %s\", \"ns\": %.3f, \"median_ns\": %.3f, "
            "\"calibration_ns\": %.4f}\n",
            program_invocation_short_name, cases[i].name, cases[i].least, cases[i].median,
            calibration);
    }
    if (fclose(file) != 0) bench_must(FA_ERR_IO);
}

static inline void bench_all(struct bench_case *cases, size_t n)
{
    double calibration = bench_calibrate();
    for (size_t round = 0; round < BENCH_ROUNDS; round++) {
        for (size_t i = 0; i < n; i++) {
            cases[i].run(cases[i].arg, cases[i].ops / 10 + 1);
            uint64_t start = fa_clock_now_ns();
            cases[i].run(cases[i].arg, cases[i].ops);
            uint64_t taken = fa_clock_now_ns() - start;
            cases[i].rounds[round] = (double)taken / (double)cases[i].ops;
        }
        double now = bench_calibrate();
        calibration = now < calibration ? now : calibration;
    }
    for (size_t i = 0; i < n; i++) {
        double sorted[BENCH_ROUNDS];
        memcpy(sorted, cases[i].rounds, sizeof sorted);
        qsort(sorted, BENCH_ROUNDS, sizeof sorted[0], bench_order);
        cases[i].least = sorted[0];
        cases[i].median = sorted[BENCH_ROUNDS / 2];
        printf("%-44s %8.2f ns/op  (median %.2f)", cases[i].name, cases[i].least, cases[i].median);
        if (cases[i].bytes > 0) printf("  %.0f MB/s", cases[i].bytes * 1000 / cases[i].least);
        printf("\n");
    }
    bench_write_json(cases, n, calibration);
}

#endif
