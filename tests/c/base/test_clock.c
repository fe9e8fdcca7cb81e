/* Clock: the Date text against strftime in the C locale, monotonic time. */
#include "base/clock.h"

#include "check.h"

TEST(dates)
{
    static const int64_t seconds[] = {0, 1, 951782399, 951782400, 1709164800, 1763909280,
        1799999999, 2147483647, 4102444800, 253402300799};
    for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++) {
        char expected[64], text[FA_CLOCK_DATE_LEN];
        time_t when = (time_t)seconds[i];
        struct tm tm;
        strftime(expected, sizeof expected, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&when, &tm));
        fa_clock_date_format(seconds[i], text);
        check_eq_span((fa_span){text, FA_CLOCK_DATE_LEN}, (fa_span){expected, strlen(expected)},
            "date", __FILE__, __LINE__);
    }
}

TEST(formatted_once_a_second)
{
    struct fa_clock_date date = {0};
    fa_span first = fa_clock_date_refresh(&date);
    CHECK_EQ_INT(first.len, 29);
    CHECK(first.ptr == date.text);
    date.second = 1; /* pretend that time has passed */
    date.text[0] = '?';
    CHECK(fa_clock_date_refresh(&date).ptr[0] != '?');
}

TEST(time_goes_forward)
{
    uint64_t a = fa_clock_now_ns(), b = fa_clock_now_ns();
    CHECK(b >= a && a > 0);
    CHECK(fa_clock_coarse_ns() > 0);
}

int main(void)
{
    RUN(dates);
    RUN(formatted_once_a_second);
    RUN(time_goes_forward);
    return CHECK_END();
}
