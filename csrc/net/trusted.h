/*
 * trusted.h - whose word about a request's origin counts: addresses, networks,
 * Unix sockets, or everybody.
 *
 * The text form is a list, "127.0.0.1, 10.0.0.0/8, ::1, unix": an address, a
 * network without host bits, `unix` for peers that have no address, `*` for all.
 *
 * owner: filled by one thread before the server starts, read-only afterwards.
 */
#ifndef FA_NET_TRUSTED_H
#define FA_NET_TRUSTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "base/span.h"
#include "base/status.h"
#include "net/socket.h"

struct fa_trusted_net {
    uint8_t family; /* enum fa_socket_family */
    uint8_t bits;   /* that must be equal; the rest of ip is 0 */
    uint8_t ip[16];
};

struct fa_trusted {
    bool everyone;
    bool unix_peers;
    struct fa_trusted_net *nets;
    size_t count;
};

/*
 * fa_trusted_init - trust nobody.
 */
void fa_trusted_init(struct fa_trusted *trusted);

/*
 * fa_trusted_deinit - free the list; it trusts nobody then.
 */
void fa_trusted_deinit(struct fa_trusted *trusted);

/*
 * fa_trusted_parse - trust those of this list instead.
 *
 * Ownership: `text` is borrowed; *bad, written on FA_ERR_INVALID only, is the
 *            item in it that is none of the four.
 * Errors:    FA_ERR_INVALID, FA_ERR_NOMEM; the list is as before then.
 */
FA_NODISCARD fa_status fa_trusted_parse(struct fa_trusted *trusted, fa_span text, fa_span *bad);

/*
 * fa_trusted_has_peer - is the other end of a connection trusted?
 *
 * Threads: any; nothing is written.
 */
bool fa_trusted_has_peer(const struct fa_trusted *trusted, const struct fa_socket_address *peer);

/*
 * fa_trusted_has_text - is this the text form of a trusted address? What is no
 * address is trusted only by `*`.
 *
 * Threads: any; nothing is written.
 */
bool fa_trusted_has_text(const struct fa_trusted *trusted, fa_span host);

#endif
