/* JSON: strings by length and content, integers, doubles, and a small object. */
#include <stdint.h>
#include <string.h>

#include "bench.h"
#include "json/json_builder.h"
#include "json/json_number.h"
#include "json/json_writer.h"

enum { OPS = 1000000, NUMBERS = 1024, MOST_CASES = 20 };

static struct fa_writer writer;
static size_t written; /* by all operations of the last call: uses the results, and gives MB/s */

static void rewind_writer(void)
{
    writer.cur = writer.buf->data;
}

static void write_utf8(void *arg, uint64_t ops)
{
    const fa_span *text = arg;
    for (uint64_t i = 0; i < ops; i++) {
        rewind_writer();
        bench_must(fa_json_writer_string_utf8(&writer, *text));
    }
    written = ops * fa_writer_len(&writer);
}

static void write_latin1(void *arg, uint64_t ops)
{
    const fa_span *text = arg;
    for (uint64_t i = 0; i < ops; i++) {
        rewind_writer();
        bench_must(fa_json_writer_string_latin1(&writer, text->ptr, text->len));
    }
    written = ops * fa_writer_len(&writer);
}

static void write_ucs2(void *arg, uint64_t ops)
{
    const uint16_t *text = arg;
    for (uint64_t i = 0; i < ops; i++) {
        rewind_writer();
        bench_must(fa_json_writer_string_ucs2(&writer, text, 100));
    }
    written = ops * fa_writer_len(&writer);
}

static void write_integers(void *arg, uint64_t ops)
{
    const int64_t *numbers = arg;
    char out[FA_JSON_NUMBER_SIZE];
    size_t bytes = 0;
    for (uint64_t i = 0; i < ops; i++)
        bytes += fa_json_number_int64(numbers[i % NUMBERS], out);
    written = bytes;
}

static void write_doubles(void *arg, uint64_t ops)
{
    const double *numbers = arg;
    char out[FA_JSON_NUMBER_SIZE];
    size_t bytes = 0;
    for (uint64_t i = 0; i < ops; i++)
        bytes += fa_json_number_double(numbers[i % NUMBERS], out);
    written = bytes;
}

static void write_object(void *arg, uint64_t ops)
{
    (void)arg;
    for (uint64_t i = 0; i < ops; i++) {
        struct fa_json_builder b;
        rewind_writer();
        fa_json_builder_init(&b, &writer);
        fa_json_builder_begin_object(&b);
        fa_json_builder_key(&b, FA_SPAN("id"));
        fa_json_builder_int64(&b, (int64_t)(uint32_t)i);
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
        bench_must(fa_json_builder_finish(&b));
    }
    written = ops * fa_writer_len(&writer);
}

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static struct bench_case cases[MOST_CASES];
static size_t case_count;

static void add(const char *name, bench_fn *run, const void *arg, uint64_t ops)
{
    if (case_count == MOST_CASES) bench_must(FA_ERR_FULL);
    struct bench_case *c = &cases[case_count++];
    *c = (struct bench_case){.name = name, .run = run, .arg = (void *)(uintptr_t)arg, .ops = ops};
    run(c->arg, NUMBERS);
    c->bytes = (double)written / NUMBERS;
}

/* `len` times x, and `other` at each 20th place. */
static const fa_span *text_of(size_t len, char other)
{
    static char texts[MOST_CASES][4000];
    static fa_span spans[MOST_CASES];
    char *text = texts[case_count];
    memset(text, 'x', len);
    for (size_t i = 0; i < len; i += 20)
        text[i] = other;
    spans[case_count] = (fa_span){text, len};
    return &spans[case_count];
}

static void add_strings(void)
{
    static uint16_t wide[100];
    for (size_t i = 0; i < 100; i++)
        wide[i] = (uint16_t)(0x4e00 + i);
    add("string ascii 3", write_utf8, text_of(3, 'x'), OPS);
    add("string ascii 8", write_utf8, text_of(8, 'x'), OPS);
    add("string ascii 15", write_utf8, text_of(15, 'x'), OPS);
    add("string ascii 16", write_utf8, text_of(16, 'x'), OPS);
    add("string ascii 40", write_utf8, text_of(40, 'x'), OPS);
    add("string ascii 200", write_utf8, text_of(200, 'x'), OPS);
    add("string ascii 4000", write_utf8, text_of(4000, 'x'), OPS / 10);
    add("string ascii 200, 10 quotes", write_utf8, text_of(200, '"'), OPS / 10);
    add("string latin-1 200, 10 accents", write_latin1, text_of(200, '\xe9'), OPS / 10);
    add("string ucs-2 100, CJK", write_ucs2, wide, OPS / 10);
}

static void add_numbers(void)
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
    add("int, 1 to 3 digits", write_integers, small, OPS);
    add("int, 64 random bits", write_integers, large, OPS);
    add("double, prices", write_doubles, prices, OPS);
    add("double, random in 0..1", write_doubles, fractions, OPS / 5);
    add("double, random bits", write_doubles, any, OPS / 50);
}

int main(void)
{
    bench_must(fa_writer_init(&writer, NULL, 65536));
    add_strings();
    add_numbers();
    add("object of 4 members (builder)", write_object, NULL, OPS);
    bench_all(cases, case_count);
    fa_buffer_release(fa_writer_detach(&writer));
    return 0;
}
