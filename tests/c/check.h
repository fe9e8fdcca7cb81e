/*
 * check.h - the whole C test framework.
 *
 *     TEST(name) { CHECK(1 + 1 == 2); }
 *     int main(void) { RUN(name); return CHECK_END(); }
 *
 * A check that fails prints where and what, and the program goes on; CHECK_END
 * prints `ok <file> N checks`, or what failed, and gives the exit code. Checks may
 * run on several threads.
 */
#ifndef FA_TESTS_CHECK_H
#define FA_TESTS_CHECK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/span.h"

static atomic_long check_count;
static atomic_long check_failures;
static const char *check_test = "";

static inline bool check_note(bool ok, const char *file, int line)
{
    atomic_fetch_add(&check_count, 1);
    if (ok) return true;
    atomic_fetch_add(&check_failures, 1);
    fprintf(stderr, "%s:%d: in %s: ", file, line, check_test);
    return false;
}

static inline void check_eq_int(
    long long a, long long b, const char *text, const char *file, int line)
{
    if (!check_note(a == b, file, line)) fprintf(stderr, "%s: %lld is not %lld\n", text, a, b);
}

static inline void check_eq_str(
    const char *a, const char *b, const char *text, const char *file, int line)
{
    bool same = a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
    if (!check_note(same, file, line)) {
        fprintf(stderr, "%s: \"%s\" is not \"%s\"\n", text, a == NULL ? "(null)" : a,
            b == NULL ? "(null)" : b);
    }
}

static inline void check_eq_span(fa_span a, fa_span b, const char *text, const char *file, int line)
{
    if (!check_note(fa_span_eq(a, b), file, line)) {
        fprintf(
            stderr, "%s: \"%.*s\" is not \"%.*s\"\n", text, (int)a.len, a.ptr, (int)b.len, b.ptr);
    }
}

#define CHECK(condition)                                                                       \
    do {                                                                                       \
        if (!check_note((condition), __FILE__, __LINE__)) fprintf(stderr, "%s\n", #condition); \
    } while (0)
#define CHECK_EQ_INT(a, b) \
    check_eq_int((long long)(a), (long long)(b), #a " == " #b, __FILE__, __LINE__)
#define CHECK_EQ_STR(a, b) check_eq_str((a), (b), #a " == " #b, __FILE__, __LINE__)
#define CHECK_EQ_SPAN(span, literal) \
    check_eq_span((span), FA_SPAN(literal), #span " == " #literal, __FILE__, __LINE__)

#define TEST(name) static void test_##name(void)
#define RUN(name)           \
    do {                    \
        check_test = #name; \
        test_##name();      \
    } while (0)

static inline int check_end(const char *file)
{
    long failures = atomic_load(&check_failures), count = atomic_load(&check_count);
    if (failures > 0 || count == 0) {
        fprintf(stderr, "FAILED %s: %ld of %ld checks\n", file, failures, count);
        return 1;
    }
    printf("ok %s %ld checks\n", file, count);
    return 0;
}

#define CHECK_END() check_end(__FILE__)

/* Operations of a thread test: FA_TEST_OPS, or what the test thinks is enough. */
static inline long check_ops(long usual)
{
    const char *text = getenv("FA_TEST_OPS");
    long ops = text == NULL ? 0 : strtol(text, NULL, 10);
    return ops > 0 ? ops : usual;
}

#endif
