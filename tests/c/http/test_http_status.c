/* The status table: line and reason of every row, and of codes that are no row. */
#include "http/http_status.h"

#include "check.h"

TEST(every_status_has_its_line)
{
#define ROW(code, reason)                                                          \
    CHECK_EQ_SPAN(fa_http_status_line(code), "HTTP/1.1 " #code " " reason "\r\n"); \
    CHECK_EQ_SPAN(fa_http_status_reason(code), reason);
    FA_HTTP_STATUS_MAP(ROW)
#undef ROW
    CHECK_EQ_INT(fa_http_status_line(599).len, 0);
    CHECK_EQ_INT(fa_http_status_reason(0).len, 0);
}

int main(void)
{
    RUN(every_status_has_its_line);
    return CHECK_END();
}
