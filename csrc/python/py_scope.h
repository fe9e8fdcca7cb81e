/* py_scope.h - a request as ASGI describes it. */
#ifndef FA_PYTHON_PY_SCOPE_H
#define FA_PYTHON_PY_SCOPE_H

#include "python/py_server.h"
#include "server/task.h"

/*
 * fa_py_scope_headers - list of (lower-case name, value) pairs of bytes.
 * fa_py_scope_path    - the percent-decoded path, str.
 * fa_py_scope_method, fa_py_scope_version - "GET", "1.1".
 * fa_py_scope_client, fa_py_scope_server - (host, port), or None on a Unix socket.
 * fa_py_scope_scheme  - "http", or what a trusted proxy says: "https", "ws", "wss".
 *
 * Refs:      new reference.
 * GIL:       attached thread state required.
 * Calls out: no.
 * Errors:    NULL with the exception set.
 */
PyObject *fa_py_scope_headers(const struct fa_py_server *owner, const struct fa_task *task);
PyObject *fa_py_scope_path(const struct fa_task *task);
PyObject *fa_py_scope_method(const struct fa_task *task);
PyObject *fa_py_scope_version(const struct fa_task *task);
PyObject *fa_py_scope_client(const struct fa_task *task);
PyObject *fa_py_scope_server(const struct fa_task *task);
PyObject *fa_py_scope_scheme(const struct fa_task *task);

/*
 * fa_py_scope_new - a new dict with all of these under ASGI's names, raw_path and
 * query_string. What is the same for each request is the caller's to add.
 *
 * Refs, GIL, Calls out, Errors: as above.
 */
PyObject *fa_py_scope_new(const struct fa_py_server *owner, const struct fa_task *task);

#endif
