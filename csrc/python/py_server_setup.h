/* py_server_setup.h - what a Server is told before it starts, besides its options. */
#ifndef FA_PYTHON_PY_SERVER_SETUP_H
#define FA_PYTHON_PY_SERVER_SETUP_H

#include "python/py_server.h"

/*
 * fa_py_server_setup_trust          - Server.trust(proxies): whose X-Forwarded-* counts.
 * fa_py_server_setup_fixed_lines    - Server.set_fixed_lines(lines): of every answer.
 * fa_py_server_setup_access_format  - Server.set_access_format(pattern).
 * fa_py_server_setup_access_records - Server.set_access_records(fd).
 * fa_py_server_setup_limit_news     - Server.set_limit_news(fd).
 *
 * Refs:      borrow their argument; None, a new reference.
 * GIL:       attached thread state required.
 * Calls out: no.
 * Errors:    NULL with TypeError, ValueError that names what is wrong, RuntimeError
 *            after start(), MemoryError.
 */
PyObject *fa_py_server_setup_trust(struct fa_py_server *self, PyObject *proxies);
PyObject *fa_py_server_setup_fixed_lines(struct fa_py_server *self, PyObject *lines);
PyObject *fa_py_server_setup_access_format(struct fa_py_server *self, PyObject *pattern);
PyObject *fa_py_server_setup_access_records(struct fa_py_server *self, PyObject *arg);
PyObject *fa_py_server_setup_limit_news(struct fa_py_server *self, PyObject *arg);

/*
 * fa_py_server_setup_take_lines - let handlers write the lines that the server has.
 *
 * GIL: attached thread state required, before start(). Calls out: no. Errors: none.
 */
void fa_py_server_setup_take_lines(struct fa_py_server *self);

/* Their docstrings. */
extern const char fa_py_server_setup_trust_doc[];
extern const char fa_py_server_setup_fixed_lines_doc[];
extern const char fa_py_server_setup_access_format_doc[];
extern const char fa_py_server_setup_access_records_doc[];
extern const char fa_py_server_setup_limit_news_doc[];

#endif
