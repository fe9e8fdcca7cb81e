/* Patterns of the access log: Uvicorn's line, JSON, escaping, what is cut. */
#include "server/access_format.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"

static struct fa_access_line line(const char *target)
{
    return (struct fa_access_line){.client = FA_SPAN("127.0.0.1:50312"),
        .method = FA_SPAN("GET"),
        .target = {target, strlen(target)},
        .minor = 1,
        .status = 200,
        .bytes = 130,
        .duration_ns = 1234567,
        .unix_ms = UINT64_C(1796055121007)};
}

static void check_line(const char *pattern, const struct fa_access_line *l, const char *want)
{
    struct fa_access_format format;
    fa_span bad;
    char text[FA_ACCESS_LINE_MAX + 1];
    check_eq_int(fa_access_format_parse(&format, (fa_span){pattern, strlen(pattern)}, &bad), FA_OK,
        pattern, __FILE__, __LINE__);
    text[fa_access_format_write(&format, l, text)] = '\0';
    CHECK_EQ_STR(text, want);
}

static void formats(const char *pattern, const char *target, const char *want)
{
    struct fa_access_line l = line(target);
    check_line(pattern, &l, want);
}

TEST(uvicorns_line)
{
    formats("text", "/x", "INFO:     127.0.0.1:50312 - \"GET /x HTTP/1.1\" 200 OK\n");
    formats("text", "/%1b[31m?q=%0d",
        "INFO:     127.0.0.1:50312 - \"GET /%1b[31m?q=%0d HTTP/1.1\" 200 OK\n");
    formats("text", "/\x1b\n\"\\\xff",
        "INFO:     127.0.0.1:50312 - \"GET /\\x1b\\x0a\\x22\\x5c\\xff HTTP/1.1\" 200 OK\n");
    formats("colours", "/x",
        "\x1b[32mINFO\x1b[0m:     127.0.0.1:50312 - \"\x1b[1mGET /x HTTP/1.1\x1b[0m\" "
        "\x1b[32m200 OK\x1b[0m\n");
}

TEST(json)
{
    struct fa_access_line l = line("/a\"b?c=\x01");
    l.user_agent = FA_SPAN("a\\b\xe9");
    l.host = FA_SPAN("shop");
    check_line("json", &l,
        "{\"time\":\"2026-11-30T16:12:01.007Z\",\"client_addr\":\"127.0.0.1:50312\","
        "\"method\":\"GET\",\"path\":\"/a\\u0022b\",\"query\":\"c=\\u0001\","
        "\"http_version\":\"1.1\",\"status\":200,\"bytes\":130,\"duration_ms\":1.234,"
        "\"host\":\"shop\",\"referer\":\"\",\"user_agent\":\"a\\u005cb\\u00e9\"}\n");
}

TEST(every_field)
{
    formats("%(client_addr)s %(method)s %(target)s %(path)s %(query)s %(http_version)s", "/a?b",
        "127.0.0.1:50312 GET /a?b /a b 1.1\n");
    formats("%(status)d %(status_code)s %(bytes)d %(duration_ms)s %(time)s", "/",
        "200 200 OK 130 1.234 2026-11-30T16:12:01.007Z\n");
    formats("%(host)s|%(referer)s|%(user_agent)s", "/", "-|-|-\n");
    formats("100 %% of %(path)s", "/a", "100 % of /a\n");
    struct fa_access_line l = line("/");
    l.status = 599;
    l.minor = 0;
    check_line("%(coloured_status)s %(http_version)s", &l, "\x1b[91m599 \x1b[0m 1.0\n");
    l.status = 42;
    check_line("%(coloured_status)s", &l, "42 \n");
}

TEST(what_is_needed_is_known)
{
    struct fa_access_format format;
    fa_span bad;
    CHECK_EQ_INT(fa_access_format_parse(&format, FA_SPAN("text"), &bad), FA_OK);
    CHECK(!format.has_time && !format.has_headers);
    CHECK_EQ_INT(fa_access_format_parse(&format, FA_SPAN("%(time)s %(host)s"), &bad), FA_OK);
    CHECK(format.has_time && format.has_headers);
}

TEST(refused_patterns)
{
    static char many[33 * 12 + 1], lengthy[FA_ACCESS_FORMAT_MAX + 2];
    for (int i = 0; i < 33; i++)
        memcpy(many + 11 * i, "%(status)s,", 12);
    memset(lengthy, 'x', sizeof lengthy - 1);
    const char *cases[][2] = {
        {"", ""},
        {"a\nb", "a\nb"},
        {"%(status)s %(nope)s", "%(nope)s"},
        {"50 % of", "%"},
        {"%", "%"},
        {"%(status)", "%"},
        {"%(status)x", "%"},
        {"%()s", "%()s"},
        {many, many},
        {lengthy, lengthy},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fa_access_format format;
        fa_span bad = {NULL, 0}, pattern = {cases[i][0], strlen(cases[i][0])};
        CHECK_EQ_INT(fa_access_format_parse(&format, pattern, &bad), FA_ERR_INVALID);
        check_eq_span(
            bad, (fa_span){cases[i][1], strlen(cases[i][1])}, cases[i][0], __FILE__, __LINE__);
    }
}

/* Whatever a client sends: the line fits, ends, and what follows the long field is there. */
TEST(long_fields_are_cut)
{
    char *huge = malloc(100000);
    memset(huge, '\x01', 99999);
    huge[99999] = '\0';
    struct fa_access_line l = line(huge);
    l.method = l.client = l.host = l.referer = l.user_agent = l.target;
    const char *patterns[] = {"text", "colours", "json",
        "%(target)s%(target)s%(target)s%(target)s%(request_line)s%(user_agent)s <%(status)s>"};
    const char *ends[] = {"HTTP/1.1\" 200 OK\n", "200 OK\x1b[0m\n", "\"}\n", " <200>\n"};
    for (size_t i = 0; i < 4; i++) {
        struct fa_access_format format;
        fa_span bad;
        char text[FA_ACCESS_LINE_MAX + 1];
        fa_span pattern = {patterns[i], strlen(patterns[i])};
        CHECK_EQ_INT(fa_access_format_parse(&format, pattern, &bad), FA_OK);
        size_t n = fa_access_format_write(&format, &l, text);
        CHECK(n <= FA_ACCESS_LINE_MAX);
        text[n] = '\0';
        CHECK(n > strlen(ends[i]));
        CHECK_EQ_STR(text + n - strlen(ends[i]), ends[i]);
    }
    free(huge);
}

int main(void)
{
    RUN(uvicorns_line);
    RUN(json);
    RUN(every_field);
    RUN(what_is_needed_is_known);
    RUN(refused_patterns);
    RUN(long_fields_are_cut);
    return CHECK_END();
}
