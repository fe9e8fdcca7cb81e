/* py_request.h - parse_request: the core's HTTP parser as a Python function. */
#ifndef FA_PYTHON_PY_REQUEST_H
#define FA_PYTHON_PY_REQUEST_H

#include "python/compat.h"

extern const char fa_py_request_parse_doc[];

/*
 * fa_py_request_add_types - make ParsedRequest and HTTPParseError and put them into the module.
 *
 * Refs:      the module's state owns what *type and *error are set to.
 * GIL:       attached thread state required.
 * Calls out: no.
 * Errors:    -1 with an exception set.
 */
int fa_py_request_add_types(PyObject *module, PyTypeObject **type, PyObject **error);

/*
 * fa_py_request_parse - the head of an HTTP/1.x request at the start of `data`.
 *
 * Refs:      new reference: a ParsedRequest, or None for an incomplete head.
 * GIL:       attached thread state required.
 * Calls out: yes, data.__buffer__.
 * Errors:    NULL with HTTPParseError, TypeError or MemoryError.
 */
PyObject *fa_py_request_parse(PyObject *module, PyObject *data);

#endif
