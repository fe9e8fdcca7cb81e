/*
 * bench.h - the whole C benchmark framework.
 *
 *     static void add(void *arg, uint64_t ops) { ... does `ops` operations ... }
 *     struct bench_case cases[] = {{.name = "add", .run = add, .arg = &x, .ops = 1000000}};
 *     bench_all(cases, sizeof cases / sizeof cases[0]);
 *
 * A case runs BENCH_ROUNDS times after a short warm-up. The rounds of all cases are
 * interleaved (A B C, A B C, ...), so that a slow moment of the machine hits all of
 * them. Printed: the least and the median time of one operation. The least says
 * what the code costs; a median far above it says that the machine was busy.
 */
#ifndef FA_BENCHMARKS_BENCH_H
#define FA_BENCHMARKS_BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/status.h"

enum { BENCH_ROUNDS = 9 };

typedef void bench_fn(void *arg, uint64_t ops);

struct bench_case {
    const char *name;
    bench_fn *run;
    void *arg;
    uint64_t ops;
    double bytes; /* of one operation; 0: they do not matter */
    double least; /* ns per operation, filled in */
    double median;
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

static inline void bench_all(struct bench_case *cases, size_t n)
{
    double(*taken)[BENCH_ROUNDS] = calloc(n, sizeof *taken);
    if (taken == NULL) bench_must(FA_ERR_NOMEM);
    for (size_t i = 0; i < n; i++)
        cases[i].run(cases[i].arg, cases[i].ops / 10 + 1);
    for (size_t round = 0; round < BENCH_ROUNDS; round++) {
        for (size_t i = 0; i < n; i++) {
            uint64_t start = fa_clock_now_ns();
            cases[i].run(cases[i].arg, cases[i].ops);
            taken[i][round] = (double)(fa_clock_now_ns() - start) / (double)cases[i].ops;
        }
    }
    for (size_t i = 0; i < n; i++) {
        qsort(taken[i], BENCH_ROUNDS, sizeof taken[i][0], bench_order);
        cases[i].least = taken[i][0];
        cases[i].median = taken[i][BENCH_ROUNDS / 2];
        printf("%-44s %8.2f ns/op  (median %.2f)", cases[i].name, cases[i].least, cases[i].median);
        if (cases[i].bytes > 0) printf("  %.0f MB/s", cases[i].bytes * 1000 / cases[i].least);
        printf("\n");
    }
    free(taken);
}

#endif
