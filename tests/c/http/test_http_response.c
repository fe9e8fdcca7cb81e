/* Response heads: order, size, room; header values that would split a response. */
#include "http/http_response.h"

#include "check.h"

static void check_head(const struct fa_http_head *head, const char *expected)
{
    char out[1024];
    size_t size = fa_http_head_size(head);
    CHECK_EQ_INT(size, strlen(expected));
    CHECK_EQ_INT(fa_http_head_write(head, out), size);
    check_eq_span(
        (fa_span){out, size}, (fa_span){expected, strlen(expected)}, "head", __FILE__, __LINE__);
}

TEST(order_of_lines)
{
    struct fa_http_head head = {
        .status = 201,
        .date = FA_SPAN("Mon, 23 Nov 2026 14:48:00 GMT"),
        .fixed = FA_SPAN("server: fasterapi\r\n"),
        .before = FA_SPAN("x-first: 1\r\n"),
        .content_type = FA_SPAN("application/json"),
        .extra = FA_SPAN("x-last: 2\r\n"),
        .has_content_length = true,
        .content_length = 18446744073709551615u,
        .close = true,
        .keep_alive_10 = true, /* close wins */
    };
    check_head(&head,
        "HTTP/1.1 201 Created\r\ndate: Mon, 23 Nov 2026 14:48:00 GMT\r\nserver: fasterapi\r\n"
        "x-first: 1\r\ncontent-length: 18446744073709551615\r\ncontent-type: application/json\r\n"
        "x-last: 2\r\nconnection: close\r\n\r\n");
    head = (struct fa_http_head){.status = 200, .chunked = true, .keep_alive_10 = true};
    check_head(
        &head, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: keep-alive\r\n\r\n");
    head = (struct fa_http_head){.status = 204};
    check_head(&head, "HTTP/1.1 204 No Content\r\n\r\n");
    head = (struct fa_http_head){.status = 299, .has_content_length = true};
    check_head(&head, "HTTP/1.1 299 \r\ncontent-length: 0\r\n\r\n");
}

TEST(written_before_the_body)
{
    char buffer[FA_HTTP_HEAD_ROOM + 4];
    char *body = buffer + FA_HTTP_HEAD_ROOM, *start = NULL;
    memcpy(body, "BODY", 4);
    struct fa_http_head head = {.status = 200, .has_content_length = true, .content_length = 4};
    CHECK_EQ_INT(fa_http_head_write_before(&head, body, buffer, &start), FA_OK);
    CHECK_EQ_SPAN(((fa_span){start, (size_t)(buffer + sizeof buffer - start)}),
        "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nBODY");
    char *unchanged = start;
    CHECK_EQ_INT(fa_http_head_write_before(&head, body, body - 10, &start), FA_AGAIN);
    CHECK(start == unchanged);
    /* The room holds any head without extra lines. */
    head = (struct fa_http_head){.status = 431,
        .date = FA_SPAN("Mon, 23 Nov 2026 14:48:00 GMT"),
        .fixed = FA_SPAN("server: fasterapi\r\n"),
        .content_type = FA_SPAN("text/plain; charset=utf-8"),
        .has_content_length = true,
        .content_length = UINT64_MAX,
        .close = true};
    CHECK(fa_http_head_size(&head) <= FA_HTTP_HEAD_ROOM);
}

TEST(headers_of_the_application)
{
    CHECK(fa_http_header_valid_name(FA_SPAN("x-token")));
    CHECK(!fa_http_header_valid_name(FA_SPAN("")));
    CHECK(!fa_http_header_valid_name(FA_SPAN("x token")));
    CHECK(!fa_http_header_valid_name(FA_SPAN("x:token")));
    CHECK(!fa_http_header_valid_name(FA_SPAN("x\r\ny")));
    CHECK(fa_http_header_valid_value(FA_SPAN("any \xe9 value\t")));
    CHECK(!fa_http_header_valid_value(FA_SPAN("a\rb")));
    CHECK(!fa_http_header_valid_value(FA_SPAN("a\nb")));
    CHECK(!fa_http_header_valid_value(FA_SPAN("a\0b")));
}

int main(void)
{
    RUN(order_of_lines);
    RUN(written_before_the_body);
    RUN(headers_of_the_application);
    return CHECK_END();
}
