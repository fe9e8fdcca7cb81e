/* py_pairs.h - whole parts of a request as lists of (name, value). */
#ifndef FA_PYTHON_PY_PAIRS_H
#define FA_PYTHON_PY_PAIRS_H

#include "base/span.h"
#include "http/http_parser.h"
#include "python/compat.h"

/*
 * fa_py_pairs_has_high_bytes - is anything above ASCII in it?
 */
bool fa_py_pairs_has_high_bytes(fa_span text);

/*
 * fa_py_pairs_text - a name or a value of a query or a form, decoded as urllib's
 * unquote_plus does it.
 *
 * Refs:      new reference.
 * GIL:       attached thread state required, here and below.
 * Calls out: no, here and below.
 * Errors:    NULL without exception: not certain (raw bytes above ASCII, which
 *            Starlette reads as latin-1); NULL with MemoryError.
 */
PyObject *fa_py_pairs_text(fa_span raw);

/*
 * fa_py_pairs_of - all pairs of a query, or of an urlencoded form, as a list of
 * tuples of two str: what parse_qsl(raw, keep_blank_values=True) gives.
 *
 * Refs:   new reference.
 * Errors: as fa_py_pairs_text.
 */
PyObject *fa_py_pairs_of(fa_span raw);

/*
 * fa_py_pairs_headers - headers as ASGI has them: a list of tuples of two bytes, the
 * names in lower case.
 *
 * `pool` (a TuplePool, or NULL) gives the tuples.
 *
 * Refs:   new reference; borrows pool.
 * Errors: NULL with MemoryError.
 */
PyObject *fa_py_pairs_headers(const struct fa_http_header *headers, uint32_t count, PyObject *pool);

#endif
