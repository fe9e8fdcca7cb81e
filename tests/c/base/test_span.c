/* Spans: equality with and without ASCII case. */
#include "base/span.h"

#include "check.h"

TEST(equality)
{
    CHECK(fa_span_eq(FA_SPAN("abc"), FA_SPAN("abc")));
    CHECK(!fa_span_eq(FA_SPAN("abc"), FA_SPAN("abd")));
    CHECK(!fa_span_eq(FA_SPAN("abc"), FA_SPAN("ab")));
    CHECK(fa_span_eq((fa_span){NULL, 0}, FA_SPAN("")));
    CHECK(fa_span_is_empty(FA_SPAN("")));
}

TEST(case_of_ascii_letters_only)
{
    CHECK(fa_span_eq_nocase(FA_SPAN("Content-Length"), FA_SPAN("content-lENGTH")));
    /* Pairs that differ in bit 0x20 but are no letters. */
    CHECK(!fa_span_eq_nocase(FA_SPAN("@"), FA_SPAN("`")));
    CHECK(!fa_span_eq_nocase(FA_SPAN("["), FA_SPAN("{")));
    CHECK(!fa_span_eq_nocase(FA_SPAN("\r"), FA_SPAN("-")));
    CHECK(!fa_span_eq_nocase(FA_SPAN("\xc4"), FA_SPAN("\xe4")));
}

int main(void)
{
    RUN(equality);
    RUN(case_of_ascii_letters_only);
    return CHECK_END();
}
