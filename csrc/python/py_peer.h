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

/*
 * fa_py_peer_new_context - what a compiled handler runs in: a copy of the context its
 * server was started in, or, if a Peer asks, of the one that Peer was opened in.
 *
 * Refs: new reference.
 * GIL:  attached thread state required; any thread that has the task.
 * Errors: NULL with MemoryError set.
 */
PyObject *fa_py_peer_new_context(struct fa_py_server *server, const struct fa_task *task);

#endif
