/* Patterns: taken apart exactly, or refused. */
#include "check.h"
#include "route/route_pattern.h"

/* Write the parts as "s:/items/ int:id s:/x" and compare. */
static void check_parts(const char *pattern, const char *want)
{
    static const char *const names[] = {"s", "str", "int", "float", "path"};
    struct fa_route_pattern p;
    struct fa_route_part part;
    char out[512] = "";
    size_t len = 0;
    CHECK_EQ_INT(fa_route_pattern_init(&p, (fa_span){pattern, strlen(pattern)}), FA_OK);
    while (fa_route_pattern_next(&p, &part)) {
        len += (size_t)snprintf(out + len, sizeof out - len, "%s%s:%.*s", len > 0 ? " " : "",
            names[part.kind], (int)part.text.len, part.text.ptr);
    }
    CHECK(!fa_route_pattern_next(&p, &part));
    CHECK_EQ_STR(out, want);
}

TEST(understood)
{
    check_parts("/", "s:/");
    check_parts("/items", "s:/items");
    check_parts("/items/", "s:/items/");
    check_parts("//a", "s://a");
    check_parts("/{id}", "s:/ str:id");
    check_parts("/{id}/", "s:/ str:id s:/");
    check_parts("/items/{id:int}/x", "s:/items/ int:id s:/x");
    check_parts("/{a}/{b:float}/{_c9:path}", "s:/ str:a s:/ float:b s:/ path:_c9");
    check_parts("/{a:str}", "s:/ str:a");
    check_parts("/caf\xc3\xa9 $.*+/x", "s:/caf\xc3\xa9 $.*+/x");
    check_parts("/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}/{j}/{k}/{l}/{m}/{n}/{o}/{p}",
        "s:/ str:a s:/ str:b s:/ str:c s:/ str:d s:/ str:e s:/ str:f s:/ str:g s:/ str:h "
        "s:/ str:i s:/ str:j s:/ str:k s:/ str:l s:/ str:m s:/ str:n s:/ str:o s:/ str:p");
}

TEST(refused)
{
    static const char *const unsupported[] = {"", "items", "{id}", "/{id:uuid}", "/{id:Int}",
        "/{id:}", "/a{b}", "/{b}a", "/{a}{b}", "/{a}-{b}", "/{p:path}/x", "/{p:path}/",
        "/{p:path}a", "/{}", "/{:int}", "/{1a}", "/{a-b}", "/{a b}", "/{a", "/{", "/}", "/a}",
        "/{a}}", "/{{a}}", "/a\nb", "/\x01", "/\x7f", "/{a:int", "/{a:int:str}", "/{a:int }",
        "/{\xc3\xa9}", "/x/{id:int2}",
        "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}/{j}/{k}/{l}/{m}/{n}/{o}/{p}/{q}"};
    struct fa_route_pattern p;
    for (size_t i = 0; i < sizeof unsupported / sizeof unsupported[0]; i++) {
        fa_span text = {unsupported[i], strlen(unsupported[i])};
        CHECK_EQ_INT(fa_route_pattern_init(&p, text), FA_ERR_UNSUPPORTED);
    }
    CHECK_EQ_INT(fa_route_pattern_init(&p, FA_SPAN("/a\0b")), FA_ERR_UNSUPPORTED);
    CHECK_EQ_INT(fa_route_pattern_init(&p, FA_SPAN("/{a}/{a}")), FA_ERR_INVALID);
    CHECK_EQ_INT(fa_route_pattern_init(&p, FA_SPAN("/{a}/{b}/{a:int}")), FA_ERR_INVALID);
}

TEST(static_prefix)
{
    CHECK_EQ_SPAN(fa_route_pattern_static_prefix(FA_SPAN("/a/{b}/c")), "/a/");
    CHECK_EQ_SPAN(fa_route_pattern_static_prefix(FA_SPAN("/a")), "/a");
    CHECK_EQ_SPAN(fa_route_pattern_static_prefix(FA_SPAN("{a}")), "");
    CHECK_EQ_SPAN(fa_route_pattern_static_prefix(FA_SPAN("/a}b")), "/a");
    CHECK_EQ_SPAN(fa_route_pattern_static_prefix(FA_SPAN("/a\x02")), "/a");
    CHECK_EQ_INT(fa_route_pattern_static_prefix((fa_span){NULL, 0}).len, 0);
}

int main(void)
{
    RUN(understood);
    RUN(refused);
    RUN(static_prefix);
    return CHECK_END();
}
