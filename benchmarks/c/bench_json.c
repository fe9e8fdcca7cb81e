/* JSON: strings by length and content, integers, doubles, and a small object. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "json/json_builder.h"
#include "json/json_number.h"
#include "json/json_writer.h"

enum { ROUNDS = 2000000, NUMBERS = 1024, REPEATS = 5 };

static struct fa_writer writer;

/* What a case does `rounds` times. Returns bytes, so that nothing is optimised away. */
typedef size_t bench_fn(uint32_t rounds, const void *arg);

static void must(fa_status status)
{
    if (status == FA_OK) return;
    fprintf(stderr, "bench_json: %s\n", fa_status_text(status));
    exit(1);
}

static void report(const char *name, bench_fn *run, uint32_t rounds, const void *arg)
{
    uint64_t best = UINT64_MAX;
    size_t bytes = 0;
    for (int i = 0; i < REPEATS; i++) {
        uint64_t start = fa_clock_now_ns();
        bytes = run(rounds, arg);
        uint64_t taken = fa_clock_now_ns() - start;
        if (taken < best) best = taken;
    }
    printf("%-34s %8.1f ns/op %9.0f MB/s\n", name, (double)best / rounds,
        (double)bytes * 1000.0 / (double)best);
}

static void rewind_writer(void)
{
    writer.cur = writer.buf->data;
}

static size_t write_utf8(uint32_t rounds, const void *arg)
{
    const fa_span *text = arg;
    for (uint32_t i = 0; i < rounds; i++) {
        rewind_writer();
        must(fa_json_writer_string_utf8(&writer, *text));
    }
    return rounds * fa_writer_len(&writer);
}

static size_t write_latin1(uint32_t rounds, const void *arg)
{
    const fa_span *text = arg;
    for (uint32_t i = 0; i < rounds; i++) {
        rewind_writer();
        must(fa_json_writer_string_latin1(&writer, text->ptr, text->len));
    }
    return rounds * fa_writer_len(&writer);
}

static size_t write_ucs2(uint32_t rounds, const void *arg)
{
    const uint16_t *text = arg;
    for (uint32_t i = 0; i < rounds; i++) {
        rewind_writer();
        must(fa_json_writer_string_ucs2(&writer, text, 100));
    }
    return rounds * fa_writer_len(&writer);
}

static size_t write_integers(uint32_t rounds, const void *arg)
{
    const int64_t *numbers = arg;
    char out[FA_JSON_NUMBER_SIZE];
    size_t bytes = 0;
    for (uint32_t i = 0; i < rounds; i++)
        bytes += fa_json_number_int64(numbers[i % NUMBERS], out);
    return bytes;
}

static size_t write_doubles(uint32_t rounds, const void *arg)
{
    const double *numbers = arg;
    char out[FA_JSON_NUMBER_SIZE];
    size_t bytes = 0;
    for (uint32_t i = 0; i < rounds; i++)
        bytes += fa_json_number_double(numbers[i % NUMBERS], out);
    return bytes;
}

static size_t write_object(uint32_t rounds, const void *arg)
{
    (void)arg;
    for (uint32_t i = 0; i < rounds; i++) {
        struct fa_json_builder b;
        rewind_writer();
        fa_json_builder_init(&b, &writer);
        fa_json_builder_begin_object(&b);
        fa_json_builder_key(&b, FA_SPAN("id"));
        fa_json_builder_int64(&b, i);
        fa_json_builder_key(&b, FA_SPAN("name"));
        fa_json_builder_string(&b, FA_SPAN("a small item"));
        fa_json_builder_key(&b, FA_SPAN("price"));
        fa_json_builder_double(&b, 19.99);
        fa_json_builder_key(&b, FA_SPAN("tags"));
        fa_json_builder_begin_array(&b);
        fa_json_builder_string(&b, FA_SPAN("new"));
        fa_json_builder_string(&b, FA_SPAN("red"));
        fa_json_builder_end_array(&b);
        fa_json_builder_end_object(&b);
        must(fa_json_builder_finish(&b));
    }
    return rounds * fa_writer_len(&writer);
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void bench_strings(void)
{
    static char text[4096];
    static uint16_t wide[100];
    static const size_t lengths[] = {3, 8, 15, 16, 40, 200, 4000};
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        char name[64];
        fa_span span = {text, lengths[i]};
        snprintf(name, sizeof name, "string ascii %zu", lengths[i]);
        report(name, write_utf8, ROUNDS, &span);
    }
    fa_span span = {text, 200};
    for (size_t i = 0; i < sizeof text; i += 20)
        text[i] = '"';
    report("string ascii 200, 10 quotes", write_utf8, ROUNDS, &span);
    for (size_t i = 0; i < sizeof text; i += 20)
        text[i] = '\xe9';
    report("string latin-1 200, 10 accents", write_latin1, ROUNDS, &span);
    for (size_t i = 0; i < 100; i++)
        wide[i] = (uint16_t)(0x4e00 + i);
    report("string ucs-2 100, CJK", write_ucs2, ROUNDS, wide);
}

static void bench_numbers(void)
{
    static int64_t small[NUMBERS], large[NUMBERS];
    static double prices[NUMBERS], fractions[NUMBERS], any[NUMBERS];
    uint64_t state = 88172645463325252u;
    for (size_t i = 0; i < NUMBERS; i++) {
        small[i] = (int64_t)(next_random(&state) % 1000);
        large[i] = (int64_t)next_random(&state);
        prices[i] = (double)(next_random(&state) % 1000000) / 100;
        fractions[i] = (double)(next_random(&state) >> 11) / 9007199254740992.0;
        uint64_t bits = next_random(&state) & ~(UINT64_C(1) << 62);
        memcpy(&any[i], &bits, sizeof bits);
    }
    report("int, 1 to 3 digits", write_integers, ROUNDS, small);
    report("int, 64 random bits", write_integers, ROUNDS, large);
    report("double, prices", write_doubles, ROUNDS, prices);
    report("double, random in 0..1", write_doubles, ROUNDS, fractions);
    report("double, random bits", write_doubles, ROUNDS / 20, any);
}

int main(void)
{
    must(fa_writer_init(&writer, NULL, 65536));
    bench_strings();
    bench_numbers();
    report("object of 4 members (builder)", write_object, ROUNDS, NULL);
    fa_buffer_release(fa_writer_detach(&writer));
    return 0;
}
