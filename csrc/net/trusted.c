/* trusted.c - whose word about a request's origin counts. */
#include "net/trusted.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/alloc.h"

void fa_trusted_init(struct fa_trusted *trusted)
{
    *trusted = (struct fa_trusted){.everyone = false};
}

void fa_trusted_deinit(struct fa_trusted *trusted)
{
    fa_free(trusted->nets);
    fa_trusted_init(trusted);
}

/* ---- addresses as text ---- */

static unsigned width(uint8_t family)
{
    return family == FA_SOCKET_IPV4 ? 32 : 128;
}

/* An address alone: all of its bits count. */
static bool parse_address(fa_span text, struct fa_trusted_net *out)
{
    char copy[FA_SOCKET_HOST_MAX];
    if (text.len == 0 || text.len >= sizeof copy) return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    *out = (struct fa_trusted_net){.family = FA_SOCKET_NONE};
    if (strlen(copy) != text.len) return false;
    if (inet_pton(AF_INET, copy, out->ip) == 1)
        out->family = FA_SOCKET_IPV4;
    else if (inet_pton(AF_INET6, copy, out->ip) == 1)
        out->family = FA_SOCKET_IPV6;
    out->bits = (uint8_t)width(out->family);
    return out->family != FA_SOCKET_NONE;
}

static bool parse_bits(fa_span text, unsigned most, uint8_t *out)
{
    unsigned bits = 0;
    if (text.len == 0 || text.len > 3) return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') return false;
        bits = bits * 10 + (unsigned)(text.ptr[i] - '0');
    }
    *out = (uint8_t)bits;
    return bits <= most;
}

/* Are all bits behind the network's own zero? A slip of the pen otherwise. */
static bool has_no_host_bits(const struct fa_trusted_net *net)
{
    for (unsigned bit = net->bits; bit < width(net->family); bit++) {
        if ((net->ip[bit / 8] & 0x80u >> bit % 8) != 0) return false;
    }
    return true;
}

static bool parse_net(fa_span item, struct fa_trusted_net *out)
{
    const char *slash = memchr(item.ptr, '/', item.len);
    if (slash == NULL) return parse_address(item, out);
    size_t len = (size_t)(slash - item.ptr);
    return parse_address((fa_span){item.ptr, len}, out) &&
           parse_bits((fa_span){slash + 1, item.len - len - 1}, width(out->family), &out->bits) &&
           has_no_host_bits(out);
}

/* ---- the list ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool add_item(struct fa_trusted *trusted, fa_span item)
{
    if (item.len == 0) return true;
    if (fa_span_eq(item, FA_SPAN("*"))) return trusted->everyone = true;
    if (fa_span_eq(item, FA_SPAN("unix"))) return trusted->unix_peers = true;
    if (!parse_net(item, &trusted->nets[trusted->count])) return false;
    trusted->count++;
    return true;
}

fa_status fa_trusted_parse(struct fa_trusted *trusted, fa_span text, fa_span *bad)
{
    size_t items = 1;
    for (size_t i = 0; i < text.len; i++)
        items += text.ptr[i] == ',';
    struct fa_trusted made = {.nets = fa_alloc(items * sizeof *made.nets)};
    if (made.nets == NULL) return FA_ERR_NOMEM;
    while (text.len > 0) {
        fa_span item = fa_span_trimmed(fa_span_cut(&text, ','), is_blank);
        if (!add_item(&made, item)) {
            fa_free(made.nets);
            *bad = item;
            return FA_ERR_INVALID;
        }
    }
    fa_trusted_deinit(trusted);
    *trusted = made;
    return FA_OK;
}

/* ---- asking it ---- */

static bool is_inside(const struct fa_trusted_net *net, uint8_t family, const uint8_t *ip)
{
    if (net->family != family) return false;
    size_t whole = net->bits / 8;
    if (memcmp(net->ip, ip, whole) != 0) return false;
    unsigned rest = net->bits % 8;
    return rest == 0 || (net->ip[whole] ^ ip[whole]) >> (8 - rest) == 0;
}

static bool has_ip(const struct fa_trusted *trusted, uint8_t family, const uint8_t *ip)
{
    for (size_t i = 0; i < trusted->count; i++) {
        if (is_inside(&trusted->nets[i], family, ip)) return true;
    }
    return false;
}

bool fa_trusted_has_peer(const struct fa_trusted *trusted, const struct fa_socket_address *peer)
{
    if (trusted->everyone) return true;
    if (peer->family == FA_SOCKET_UNIX) return trusted->unix_peers;
    return has_ip(trusted, peer->family, peer->ip);
}

bool fa_trusted_has_text(const struct fa_trusted *trusted, fa_span host)
{
    struct fa_trusted_net one;
    if (trusted->everyone) return true;
    return parse_address(host, &one) && has_ip(trusted, one.family, one.ip);
}
