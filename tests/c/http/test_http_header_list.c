/* Header lines while they are being changed: order, repeats, joining, what is no line. */
#include "http/http_header_list.h"

#include "check.h"

static struct fa_http_header_list headers;

static void fill(const char *lines)
{
    headers.count = 0;
    CHECK_EQ_INT(fa_http_header_list_add_lines(&headers, (fa_span){lines, strlen(lines)}), FA_OK);
}

static void check_lines(const char *expected)
{
    char text[512];
    size_t size = fa_http_header_list_size(&headers);
    CHECK_EQ_INT(size, strlen(expected));
    fa_http_header_list_write(&headers, text);
    check_eq_span(
        (fa_span){text, size}, (fa_span){expected, strlen(expected)}, "lines", __FILE__, __LINE__);
}

TEST(lines_come_back_as_they_were)
{
    const char *lines = "a: 1\r\ncontent-type: text/plain; charset=utf-8\r\nempty: \r\nb: x:y \r\n";
    fill(lines);
    CHECK_EQ_INT(headers.count, 4);
    check_lines(lines);
    CHECK_EQ_SPAN(fa_http_header_list_find(&headers, FA_SPAN("b"))->value, "x:y ");
    CHECK_EQ_INT(fa_http_header_list_find(&headers, FA_SPAN("empty"))->value.len, 0);
    CHECK(fa_http_header_list_find(&headers, FA_SPAN("A")) == NULL);
    fill("");
    check_lines("");
}

TEST(what_is_no_line_is_refused)
{
    static const char *const texts[] = {
        "a: 1", "a: 1\n", "a: 1\r", "a: 1\rb", "a:1\r\n", "a\r\n", ": 1\r\n", "a:\r\n", "\r\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        headers.count = 0;
        fa_span text = {texts[i], strlen(texts[i])};
        CHECK_EQ_INT(fa_http_header_list_add_lines(&headers, text), FA_ERR_INVALID);
    }
}

TEST(set_keeps_the_place_of_the_first)
{
    fill("a: 1\r\nvary: x\r\nb: 2\r\nvary: y\r\nVary: z\r\n");
    CHECK_EQ_INT(fa_http_header_list_set(&headers, FA_SPAN("vary"), FA_SPAN("new")), FA_OK);
    check_lines("a: 1\r\nvary: new\r\nb: 2\r\nVary: z\r\n");
    CHECK_EQ_INT(fa_http_header_list_set(&headers, FA_SPAN("c"), FA_SPAN("3")), FA_OK);
    check_lines("a: 1\r\nvary: new\r\nb: 2\r\nVary: z\r\nc: 3\r\n");
}

TEST(joined_values)
{
    char text[64];
    fill("vary: x\r\nb: 2\r\nvary: y, z\r\n");
    size_t size = fa_http_header_list_joined_size(&headers, FA_SPAN("vary"), FA_SPAN("Origin"));
    fa_http_header_list_joined(&headers, FA_SPAN("vary"), FA_SPAN("Origin"), text);
    CHECK_EQ_SPAN(((fa_span){text, size}), "x, y, z, Origin");
    size = fa_http_header_list_joined_size(&headers, FA_SPAN("none"), FA_SPAN("Origin"));
    fa_http_header_list_joined(&headers, FA_SPAN("none"), FA_SPAN("Origin"), text);
    CHECK_EQ_SPAN(((fa_span){text, size}), "Origin");
}

TEST(a_full_list_says_so)
{
    headers.count = 0;
    for (int i = 0; i < FA_HTTP_HEADER_LIST_MAX; i++)
        CHECK_EQ_INT(fa_http_header_list_add(&headers, FA_SPAN("a"), FA_SPAN("1")), FA_OK);
    CHECK_EQ_INT(
        fa_http_header_list_add(&headers, FA_SPAN("a"), FA_SPAN("1")), FA_ERR_HEADERS_TOO_LARGE);
    CHECK_EQ_INT(
        fa_http_header_list_add_lines(&headers, FA_SPAN("a: 1\r\n")), FA_ERR_HEADERS_TOO_LARGE);
    CHECK_EQ_INT(
        fa_http_header_list_set(&headers, FA_SPAN("b"), FA_SPAN("1")), FA_ERR_HEADERS_TOO_LARGE);
    CHECK_EQ_INT(headers.count, FA_HTTP_HEADER_LIST_MAX);
    CHECK_EQ_INT(fa_http_header_list_set(&headers, FA_SPAN("a"), FA_SPAN("2")), FA_OK);
    check_lines("a: 2\r\n");
}

int main(void)
{
    RUN(lines_come_back_as_they_were);
    RUN(what_is_no_line_is_refused);
    RUN(set_keeps_the_place_of_the_first);
    RUN(joined_values);
    RUN(a_full_list_says_so);
    return CHECK_END();
}
