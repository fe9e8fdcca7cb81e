/* py_peer.h - the Peer type: a client of a driven server, in this process. */
#ifndef FA_PYTHON_PY_PEER_H
#define FA_PYTHON_PY_PEER_H

#include "python/py_server.h"

extern PyType_Spec fa_py_peer_spec;

/*
 * fa_py_peer_open - Server.open_peer(): connect a new Peer.
 * fa_py_peer_turn - Server.turn(): take answers, read, route, queue and write,
 *                   until there is nothing left to do but wait for wake_fileno().
 *
 * GIL:    attached thread state required; the event-loop thread only, which is the
 *         driven server's reactor thread then.
 * Errors: NULL with RuntimeError (not driven, stopped) or MemoryError set.
 */
PyObject *fa_py_peer_open(struct fa_py_server *server, PyObject *unused);
PyObject *fa_py_peer_turn(struct fa_py_server *server, PyObject *unused);

#endif
