/*
 * acceptor.h - who is let in: the listeners of a reactor, from start to drain.
 *
 * Everything here runs on the reactor thread.
 */
#ifndef FA_SERVER_ACCEPTOR_H
#define FA_SERVER_ACCEPTOR_H

#include "server/reactor.h"

/*
 * fa_acceptor_open_spare - a descriptor to give up when there is no other; -1 without one.
 */
int fa_acceptor_open_spare(void);

/*
 * fa_acceptor_set - accept from the listeners that are to be accepted from, or from none.
 */
void fa_acceptor_set(struct fa_reactor *r, bool on);

/*
 * fa_acceptor_has_news - would fa_acceptor_set or _resume change what is polled? For those
 * who are about to sleep.
 *
 * Memory: pairs with the release store of fa_server_accept_from.
 */
bool fa_acceptor_has_news(const struct fa_reactor *r);

/*
 * fa_acceptor_resume - once a round: accept again when there is room, and when a pause is
 * over; follow fa_server_accept_from.
 */
void fa_acceptor_resume(struct fa_reactor *r);

/*
 * fa_acceptor_on_readable - somebody waits in a listener.
 */
void fa_acceptor_on_readable(struct fa_reactor *r, struct fa_listener *l);

/*
 * fa_acceptor_drain - a step towards closing the listeners without losing a client; there are
 * none left when it is done. False: handshakes are under way, come again.
 */
bool fa_acceptor_drain(struct fa_reactor *r);

#endif
