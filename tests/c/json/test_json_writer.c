/* JSON values: what Python's json.dumps would give, or a refusal. */
#include <math.h>

#include "base/alloc.h"
#include "base/writer.h"
#include "check.h"
#include "json/json_writer.h"

static fa_span written(const struct fa_writer *w)
{
    return (fa_span){w->buf->data, fa_writer_len(w)};
}

static void done(struct fa_writer *w)
{
    fa_buffer_release(fa_writer_detach(w));
}

static void check_utf8(fa_span text, const char *want)
{
    struct fa_writer w;
    CHECK_EQ_INT(fa_writer_init(&w, NULL, 1), FA_OK);
    CHECK_EQ_INT(fa_json_writer_string_utf8(&w, text), FA_OK);
    CHECK(fa_span_eq(written(&w), (fa_span){want, strlen(want)}));
    done(&w);
}

TEST(utf8_strings)
{
    check_utf8((fa_span){NULL, 0}, "\"\"");
    check_utf8(FA_SPAN("a"), "\"a\"");
    check_utf8(FA_SPAN("hello, world/\x7f"), "\"hello, world/\x7f\"");
    check_utf8(FA_SPAN("\""), "\"\\\"\"");
    check_utf8(FA_SPAN("\\\"\\"), "\"\\\\\\\"\\\\\"");
    check_utf8(FA_SPAN("a\nb\tc\rd\be\ff"), "\"a\\nb\\tc\\rd\\be\\ff\"");
    check_utf8(FA_SPAN("nul\0byte"), "\"nul\\u0000byte\"");
    check_utf8(FA_SPAN("\x1f\x1b"), "\"\\u001f\\u001b\"");
    check_utf8(FA_SPAN("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"),
        "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
    check_utf8(FA_SPAN("a text of more than sixteen bytes, then \" and a long clean rest"),
        "\"a text of more than sixteen bytes, then \\\" and a long clean rest\"");
}

TEST(latin1_strings)
{
    char all[256];
    for (int i = 0; i < 256; i++)
        all[i] = (char)i;
    struct fa_writer w;
    CHECK_EQ_INT(fa_writer_init(&w, NULL, 1), FA_OK);
    CHECK_EQ_INT(fa_json_writer_string_latin1(&w, all + 0x70, 0x90), FA_OK);
    fa_span out = written(&w);
    CHECK_EQ_INT(out.len, 2 + 0x10 + 2 * 0x80);
    CHECK(memcmp(out.ptr, "\"pqrstuvwxyz{|}~\x7f\xc2\x80\xc2\x81", 21) == 0);
    CHECK(memcmp(out.ptr + out.len - 5, "\xc3\xbe\xc3\xbf\"", 5) == 0);
    done(&w);
    CHECK_EQ_INT(fa_writer_init(&w, NULL, 1), FA_OK);
    CHECK_EQ_INT(
        fa_json_writer_string_latin1(&w, "\xe9t\xe9\n\"a long clean run of text\xff", 30), FA_OK);
    CHECK_EQ_SPAN(written(&w), "\"\xc3\xa9t\xc3\xa9\\n\\\"a long clean run of text\xc3\xbf\"");
    done(&w);
    CHECK_EQ_INT(fa_writer_init(&w, NULL, 1), FA_OK);
    CHECK_EQ_INT(fa_json_writer_string_latin1(&w, NULL, 0), FA_OK);
    CHECK_EQ_SPAN(written(&w), "\"\"");
    done(&w);
}

TEST(wide_strings)
{
    static const uint16_t text16[] = {
        'a', 0, '"', 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff};
    static const uint32_t text32[] = {'\\', 0xe9, 0xffff, 0x10000, 0x1f600, 0x10ffff};
    struct fa_writer w;
    CHECK_EQ_INT(fa_writer_init(&w, NULL, 1), FA_OK);
    CHECK_EQ_INT(fa_json_writer_string_ucs2(&w, text16, 10), FA_OK);
    CHECK_EQ_SPAN(written(&w), "\"a\\u0000\\\"\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf"
                               "\xee\x80\x80\xef\xbf\xbf\"");
    done(&w);
    CHECK_EQ_INT(fa_writer_init(&w, NULL, 1), FA_OK);
    CHECK_EQ_INT(fa_json_writer_string_ucs4(&w, text32, 6), FA_OK);
    CHECK_EQ_SPAN(written(&w), "\"\\\\\xc3\xa9\xef\xbf\xbf\xf0\x90\x80\x80\xf0\x9f\x98\x80"
                               "\xf4\x8f\xbf\xbf\"");
    done(&w);
    CHECK_EQ_INT(fa_writer_init(&w, NULL, 1), FA_OK);
    CHECK_EQ_INT(fa_json_writer_string_ucs2(&w, NULL, 0), FA_OK);
    CHECK_EQ_INT(fa_json_writer_string_ucs4(&w, NULL, 0), FA_OK);
    CHECK_EQ_SPAN(written(&w), "\"\"\"\"");
    done(&w);
}

/* All widths agree on text they can all hold, at every length around the piece size. */
TEST(widths_agree)
{
    char text8[300];
    uint16_t text16[300];
    uint32_t text32[300];
    for (size_t i = 0; i < 300; i++) {
        text8[i] = (char)(i * 7 % 256);
        text16[i] = (unsigned char)text8[i];
        text32[i] = (unsigned char)text8[i];
    }
    for (size_t len = 0; len <= 300; len++) {
        struct fa_writer w[3];
        for (int i = 0; i < 3; i++)
            CHECK_EQ_INT(fa_writer_init(&w[i], NULL, 1), FA_OK);
        CHECK_EQ_INT(fa_json_writer_string_latin1(&w[0], text8, len), FA_OK);
        CHECK_EQ_INT(fa_json_writer_string_ucs2(&w[1], text16, len), FA_OK);
        CHECK_EQ_INT(fa_json_writer_string_ucs4(&w[2], text32, len), FA_OK);
        CHECK(fa_span_eq(written(&w[0]), written(&w[1])));
        CHECK(fa_span_eq(written(&w[0]), written(&w[2])));
        for (int i = 0; i < 3; i++)
            done(&w[i]);
    }
}

/* Python's strict encoder refuses each surrogate, paired or not. */
TEST(surrogates_are_refused)
{
    static const uint16_t bad16[][2] = {{0xd800, 'x'}, {'x', 0xdfff}, {0xd83d, 0xde00}};
    static const uint32_t bad32[][2] = {
        {0xd800, 'x'}, {'x', 0xdfff}, {0xd83d, 0xde00}, {0x110000, 'x'}, {'x', 0xffffffff}};
    struct fa_writer w;
    CHECK_EQ_INT(fa_writer_init(&w, NULL, 1), FA_OK);
    CHECK_EQ_INT(fa_json_writer_null(&w), FA_OK);
    for (size_t i = 0; i < 3; i++) {
        CHECK_EQ_INT(fa_json_writer_string_ucs2(&w, bad16[i], 2), FA_ERR_ENCODING);
        CHECK_EQ_SPAN(written(&w), "null");
    }
    for (size_t i = 0; i < 5; i++) {
        CHECK_EQ_INT(fa_json_writer_string_ucs4(&w, bad32[i], 2), FA_ERR_ENCODING);
        CHECK_EQ_SPAN(written(&w), "null");
    }
    uint16_t late[500];
    for (size_t i = 0; i < 500; i++)
        late[i] = 'x';
    late[499] = 0xdc00;
    CHECK_EQ_INT(fa_json_writer_string_ucs2(&w, late, 500), FA_ERR_ENCODING);
    CHECK_EQ_SPAN(written(&w), "null");
    done(&w);
}

TEST(single_values)
{
    struct fa_writer w;
    CHECK_EQ_INT(fa_writer_init(&w, NULL, 1), FA_OK);
    CHECK_EQ_INT(fa_json_writer_null(&w), FA_OK);
    CHECK_EQ_INT(fa_json_writer_bool(&w, true), FA_OK);
    CHECK_EQ_INT(fa_json_writer_bool(&w, false), FA_OK);
    CHECK_EQ_INT(fa_json_writer_int64(&w, INT64_MIN), FA_OK);
    CHECK_EQ_INT(fa_json_writer_uint64(&w, UINT64_MAX), FA_OK);
    CHECK_EQ_INT(fa_json_writer_double(&w, -0.1), FA_OK);
    CHECK_EQ_INT(fa_json_writer_double(&w, INFINITY), FA_ERR_INVALID);
    CHECK_EQ_INT(fa_json_writer_double(&w, NAN), FA_ERR_INVALID);
    CHECK_EQ_INT(fa_json_writer_raw(&w, FA_SPAN("{}")), FA_OK);
    CHECK_EQ_SPAN(written(&w), "nulltruefalse-922337203685477580818446744073709551615-0.1{}");
    done(&w);
}

static fa_status write_much(struct fa_writer *w)
{
    static const uint16_t wide[] = {0x20ac, '"', 'x'};
    static const uint32_t wider[] = {0x1f600};
    fa_status status = FA_OK;
    for (int i = 0; i < 100 && status == FA_OK; i++) {
        status = fa_json_writer_string_utf8(w, FA_SPAN("some \"text\" with \\ and more"));
        if (status == FA_OK) status = fa_json_writer_string_ucs2(w, wide, 3);
        if (status == FA_OK) status = fa_json_writer_string_ucs4(w, wider, 1);
        if (status == FA_OK) status = fa_json_writer_string_latin1(w, "\xe9\"", 2);
        if (status == FA_OK) status = fa_json_writer_int64(w, -i);
        if (status == FA_OK) status = fa_json_writer_double(w, 0.25);
        if (status == FA_OK) status = fa_json_writer_null(w);
    }
    return status;
}

TEST(out_of_memory_at_every_allocation)
{
    uint64_t live = fa_alloc_live();
    fa_status status = FA_ERR_NOMEM;
    for (uint64_t n = 1; status != FA_OK && n < 100; n++) {
        fa_alloc_fail_at(n);
        struct fa_writer w;
        status = fa_writer_init(&w, NULL, 1);
        if (status == FA_OK) {
            status = write_much(&w);
            CHECK(status == FA_OK || status == FA_ERR_NOMEM);
            CHECK_EQ_INT(w.error, status);
            done(&w);
        }
        fa_alloc_fail_at(0);
        CHECK_EQ_INT(fa_alloc_live(), live);
    }
    CHECK_EQ_INT(status, FA_OK);
}

int main(void)
{
    RUN(utf8_strings);
    RUN(latin1_strings);
    RUN(wide_strings);
    RUN(widths_agree);
    RUN(surrogates_are_refused);
    RUN(single_values);
    RUN(out_of_memory_at_every_allocation);
    return CHECK_END();
}
