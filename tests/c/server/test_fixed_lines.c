/* The lines of every answer: what is one, what is not, and how many there may be. */
#include "server/fixed_lines.h"

#include <string.h>

#include "base/alloc.h"
#include "check.h"

static fa_status set(struct fa_fixed_lines *lines, const char *text, fa_span *bad)
{
    return fa_fixed_lines_set(lines, (fa_span){text, strlen(text)}, 64, bad);
}

TEST(the_servers_name_or_nothing)
{
    struct fa_fixed_lines lines;
    fa_fixed_lines_init(&lines, true);
    CHECK_EQ_SPAN(lines.text, "server: fasterapi\r\n");
    fa_fixed_lines_deinit(&lines);
    fa_fixed_lines_init(&lines, false);
    CHECK(fa_span_is_empty(lines.text));
    fa_fixed_lines_deinit(&lines);
}

TEST(lines_replace_lines)
{
    struct fa_fixed_lines lines;
    fa_span bad = {NULL, 0};
    fa_fixed_lines_init(&lines, true);
    CHECK_EQ_INT(set(&lines, "x-a: 1\r\nx-b: \xe9:2\r\nx-empty: \r\n", &bad), FA_OK);
    CHECK_EQ_SPAN(lines.text, "x-a: 1\r\nx-b: \xe9:2\r\nx-empty: \r\n");
    CHECK_EQ_INT(set(&lines, "server: mine\r\n", &bad), FA_OK);
    CHECK_EQ_SPAN(lines.text, "server: mine\r\n");
    CHECK_EQ_INT(set(&lines, "", &bad), FA_OK);
    CHECK(fa_span_is_empty(lines.text));
    fa_fixed_lines_deinit(&lines);
}

TEST(what_is_no_line_is_named)
{
    static const struct {
        const char *text, *bad;
    } cases[] = {
        {"x-a: 1\r\nno line\r\n", "no line\r\n"},
        {"x-a: 1\r\nx-b: 2", "x-b: 2"},
        {"x-a: 1\n", "x-a: 1\n"},
        {"x-a:1\r\n", "x-a:1\r\n"},
        {"x a: 1\r\n", "x a: 1\r\n"},
        {": 1\r\n", ": 1\r\n"},
        {"x-a: 1\r2\r\n", "x-a: 1\r2\r\n"},
        {"\n", "\n"},
        {"Content-Length: 3\r\n", "Content-Length: 3\r\n"},
        {"transfer-encoding: chunked\r\n", "transfer-encoding: chunked\r\n"},
        {"connection: close\r\n", "connection: close\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fa_fixed_lines lines;
        fa_span bad = {NULL, 0};
        fa_fixed_lines_init(&lines, true);
        CHECK_EQ_INT(set(&lines, cases[i].text, &bad), FA_ERR_INVALID);
        check_eq_span(
            bad, (fa_span){cases[i].bad, strlen(cases[i].bad)}, "bad", __FILE__, __LINE__);
        CHECK_EQ_SPAN(lines.text, "server: fasterapi\r\n");
        fa_fixed_lines_deinit(&lines);
    }
}

TEST(more_than_the_room)
{
    struct fa_fixed_lines lines;
    fa_span bad = {NULL, 0};
    fa_fixed_lines_init(&lines, true);
    fa_span text = FA_SPAN("x-a: 1\r\n");
    CHECK_EQ_INT(fa_fixed_lines_set(&lines, text, text.len - 1, &bad), FA_ERR_FULL);
    CHECK_EQ_SPAN(lines.text, "server: fasterapi\r\n");
    CHECK_EQ_INT(fa_fixed_lines_set(&lines, text, text.len, &bad), FA_OK);
    fa_fixed_lines_deinit(&lines);
}

TEST(out_of_memory)
{
    struct fa_fixed_lines lines;
    fa_span bad = {NULL, 0};
    fa_fixed_lines_init(&lines, true);
    fa_alloc_fail_at(1);
    CHECK_EQ_INT(set(&lines, "x-a: 1\r\n", &bad), FA_ERR_NOMEM);
    fa_alloc_fail_at(0);
    CHECK_EQ_SPAN(lines.text, "server: fasterapi\r\n");
    fa_fixed_lines_deinit(&lines);
}

int main(void)
{
    RUN(the_servers_name_or_nothing);
    RUN(lines_replace_lines);
    RUN(what_is_no_line_is_named);
    RUN(more_than_the_room);
    RUN(out_of_memory);
    return CHECK_END();
}
