/* Spans: equality with and without ASCII case, and parts of one. */
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

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

TEST(trimmed)
{
    CHECK_EQ_SPAN(fa_span_trimmed(FA_SPAN("a b"), is_blank), "a b");
    CHECK_EQ_SPAN(fa_span_trimmed(FA_SPAN(" \ta b\t "), is_blank), "a b");
    CHECK_EQ_SPAN(fa_span_trimmed(FA_SPAN("\na"), is_blank), "\na");
    CHECK_EQ_SPAN(fa_span_trimmed(FA_SPAN(" \t "), is_blank), "");
    CHECK_EQ_SPAN(fa_span_trimmed((fa_span){NULL, 0}, is_blank), "");
}

TEST(cut)
{
    fa_span rest = FA_SPAN("a,,b");
    CHECK_EQ_SPAN(fa_span_cut(&rest, ','), "a");
    CHECK_EQ_SPAN(rest, ",b");
    CHECK_EQ_SPAN(fa_span_cut(&rest, ','), "");
    CHECK_EQ_SPAN(fa_span_cut(&rest, ','), "b");
    CHECK_EQ_SPAN(rest, "");
    CHECK_EQ_SPAN(fa_span_cut(&rest, ','), "");
    rest = FA_SPAN("a,");
    CHECK_EQ_SPAN(fa_span_cut(&rest, ','), "a");
    CHECK_EQ_SPAN(rest, "");
    rest = (fa_span){NULL, 0};
    CHECK_EQ_SPAN(fa_span_cut(&rest, ','), "");
}

int main(void)
{
    RUN(equality);
    RUN(case_of_ascii_letters_only);
    RUN(trimmed);
    RUN(cut);
    return CHECK_END();
}
