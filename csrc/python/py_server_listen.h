/* py_server_listen.h - a Server's listeners: which there are, and who accepts from them. */
#ifndef FA_PYTHON_PY_SERVER_LISTEN_H
#define FA_PYTHON_PY_SERVER_LISTEN_H

#include "python/py_server.h"

/*
 * fa_py_server_listen_tcp         - Server.listen_tcp(host, port, reuse_port).
 * fa_py_server_listen_uds         - Server.listen_uds(path).
 * fa_py_server_listen_fd          - Server.listen_fd(fd).
 * fa_py_server_listen_kept        - Server.listen_kept(fd, ours).
 * fa_py_server_listen_accept_from - Server.accept_from(listeners).
 * fa_py_server_listen_take_over   - Server.take_over().
 *
 * Refs:      borrow their arguments; a new reference.
 * GIL:       attached thread state required.
 * Calls out: no.
 * Errors:    NULL with OSError, ValueError for a port that is none, TypeError, MemoryError.
 */
PyObject *fa_py_server_listen_tcp(struct fa_py_server *self, PyObject *args);
PyObject *fa_py_server_listen_uds(struct fa_py_server *self, PyObject *args);
PyObject *fa_py_server_listen_fd(struct fa_py_server *self, PyObject *args);
PyObject *fa_py_server_listen_kept(struct fa_py_server *self, PyObject *args);
PyObject *fa_py_server_listen_accept_from(struct fa_py_server *self, PyObject *listeners);
PyObject *fa_py_server_listen_take_over(struct fa_py_server *self, PyObject *unused);

/* Their docstrings. */
extern const char fa_py_server_listen_tcp_doc[];
extern const char fa_py_server_listen_uds_doc[];
extern const char fa_py_server_listen_fd_doc[];
extern const char fa_py_server_listen_kept_doc[];
extern const char fa_py_server_listen_accept_from_doc[];
extern const char fa_py_server_listen_take_over_doc[];

#endif
