/* The status table: every row has an HTTP status and a text. */
#include "base/status.h"

#include "check.h"

TEST(every_row)
{
#define ROW(name, value, http, text)          \
    CHECK_EQ_INT(name, value);                \
    CHECK_EQ_INT(fa_status_http(name), http); \
    CHECK_EQ_STR(fa_status_text(name), text);
    FA_STATUS_MAP(ROW)
#undef ROW
}

TEST(a_value_that_is_no_row)
{
    CHECK_EQ_INT(fa_status_http((fa_status)-999), 500);
    CHECK_EQ_STR(fa_status_text((fa_status)-999), "unknown status");
}

int main(void)
{
    RUN(every_row);
    RUN(a_value_that_is_no_row);
    return CHECK_END();
}
