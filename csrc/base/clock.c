#include "base/clock.h"

#include <string.h>

static void two_digits(char *out, int value)
{
    out[0] = (char)('0' + value / 10 % 10);
    out[1] = (char)('0' + value % 10);
}

/* Own formatting: strftime would follow the process's locale. */
void fa_clock_date_format(int64_t second, char text[FA_CLOCK_DATE_LEN])
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm;
    time_t when = (time_t)second;
    (void)gmtime_r(&when, &tm);
    memcpy(text, "Www, DD Mmm YYYY HH:MM:SS GMT", FA_CLOCK_DATE_LEN);
    memcpy(text, days + 3 * tm.tm_wday, 3);
    two_digits(text + 5, tm.tm_mday);
    memcpy(text + 8, months + 3 * tm.tm_mon, 3);
    two_digits(text + 12, (tm.tm_year + 1900) / 100);
    two_digits(text + 14, (tm.tm_year + 1900) % 100);
    two_digits(text + 17, tm.tm_hour);
    two_digits(text + 20, tm.tm_min);
    two_digits(text + 23, tm.tm_sec);
}
