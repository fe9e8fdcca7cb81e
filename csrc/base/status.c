#include "base/status.h"

int fa_status_http(fa_status status)
{
    switch (status) {
#define FA_STATUS_HTTP(name, value, http, text) \
    case name: return http;
        FA_STATUS_MAP(FA_STATUS_HTTP)
#undef FA_STATUS_HTTP
    }
    return 500;
}

const char *fa_status_text(fa_status status)
{
    switch (status) {
#define FA_STATUS_TEXT(name, value, http, text) \
    case name: return text;
        FA_STATUS_MAP(FA_STATUS_TEXT)
#undef FA_STATUS_TEXT
    }
    return "unknown status";
}
