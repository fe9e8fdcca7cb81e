/* http_char.h - what a byte of a request head may be part of. */
#ifndef FA_HTTP_HTTP_CHAR_H
#define FA_HTTP_HTTP_CHAR_H

#include <stdbool.h>

/* tchar of RFC 9110, 5.6.2; reg-name of RFC 3986, 3.2.2, without the comma: two
 * hosts in one field are read differently by different servers. */
enum fa_http_char_class { FA_HTTP_CHAR_TOKEN = 1, FA_HTTP_CHAR_HOST = 2 };

static const unsigned char fa_http_char_classes[256] = {
    ['0' ... '9'] = FA_HTTP_CHAR_TOKEN | FA_HTTP_CHAR_HOST,
    ['A' ... 'Z'] = FA_HTTP_CHAR_TOKEN | FA_HTTP_CHAR_HOST,
    ['a' ... 'z'] = FA_HTTP_CHAR_TOKEN | FA_HTTP_CHAR_HOST,
    ['!'] = FA_HTTP_CHAR_TOKEN | FA_HTTP_CHAR_HOST,
    ['$'] = FA_HTTP_CHAR_TOKEN | FA_HTTP_CHAR_HOST,
    ['%'] = FA_HTTP_CHAR_TOKEN | FA_HTTP_CHAR_HOST,
    ['&'] = FA_HTTP_CHAR_TOKEN | FA_HTTP_CHAR_HOST,
    ['\''] = FA_HTTP_CHAR_TOKEN | FA_HTTP_CHAR_HOST,
    ['*'] = FA_HTTP_CHAR_TOKEN | FA_HTTP_CHAR_HOST,
    ['+'] = FA_HTTP_CHAR_TOKEN | FA_HTTP_CHAR_HOST,
    ['-'] = FA_HTTP_CHAR_TOKEN | FA_HTTP_CHAR_HOST,
    ['.'] = FA_HTTP_CHAR_TOKEN | FA_HTTP_CHAR_HOST,
    ['_'] = FA_HTTP_CHAR_TOKEN | FA_HTTP_CHAR_HOST,
    ['~'] = FA_HTTP_CHAR_TOKEN | FA_HTTP_CHAR_HOST,
    ['#'] = FA_HTTP_CHAR_TOKEN,
    ['^'] = FA_HTTP_CHAR_TOKEN,
    ['`'] = FA_HTTP_CHAR_TOKEN,
    ['|'] = FA_HTTP_CHAR_TOKEN,
    ['('] = FA_HTTP_CHAR_HOST,
    [')'] = FA_HTTP_CHAR_HOST,
    [';'] = FA_HTTP_CHAR_HOST,
    ['='] = FA_HTTP_CHAR_HOST,
};

/*
 * fa_http_char_is_token - may it stand in a method or a field name?
 */
static inline bool fa_http_char_is_token(char c)
{
    return (fa_http_char_classes[(unsigned char)c] & FA_HTTP_CHAR_TOKEN) != 0;
}

/*
 * fa_http_char_is_host - may it stand in the name of a host?
 */
static inline bool fa_http_char_is_host(char c)
{
    return (fa_http_char_classes[(unsigned char)c] & FA_HTTP_CHAR_HOST) != 0;
}

/*
 * fa_http_char_is_digit - 0 to 9?
 */
static inline bool fa_http_char_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/*
 * fa_http_char_is_hex - 0 to 9, a to f or A to F?
 */
static inline bool fa_http_char_is_hex(char c)
{
    return fa_http_char_is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/*
 * fa_http_char_is_blank - may it stand around a field value, or an item of a list in one?
 */
static inline bool fa_http_char_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/*
 * fa_http_char_is_text - may it stand in a field value?
 */
static inline bool fa_http_char_is_text(char c)
{
    unsigned char u = (unsigned char)c;
    return (u >= 0x20 && u != 0x7f) || u == '\t';
}

#endif
