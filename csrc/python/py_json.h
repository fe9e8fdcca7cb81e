/* py_json.h - Python values to JSON text, straight into the output buffer. */
#ifndef FA_PYTHON_PY_JSON_H
#define FA_PYTHON_PY_JSON_H

#include "base/status.h"
#include "base/writer.h"
#include "python/compat.h"

enum fa_py_json_result {
    FA_PY_JSON_OK = 0,
    FA_PY_JSON_UNSURE = 1, /* not one of the exact types below: ask FastAPI's own encoder */
    FA_PY_JSON_NOMEM = 2,
};

/*
 * A shape says what a response model leaves of a value, one letter for a level:
 *
 *   a  any value            s i f b n  exactly a str, int, float, bool, None
 *   {  dict of str to       [  list of                ?  None or
 *
 * dict[str, Any] is "{a", list[int | None] "[?i". Such a model changes nothing in a
 * value that is exactly of these types, so the text is Pydantic's without asking it.
 * Without a response model it is jsonable_encoder's and json.dumps's: FA_PY_JSON_UNTYPED.
 * They differ in floats: Pydantic's 0.00001 is Python's 1e-05.
 */
#define FA_PY_JSON_UNTYPED "u"
enum { FA_PY_JSON_SHAPE_MAX = 15 };

/*
 * fa_py_json_is_shape - one of a response model? Not of FA_PY_JSON_UNTYPED.
 *
 * GIL: not needed. Calls out: no.
 */
bool fa_py_json_is_shape(const char *text);

/*
 * fa_py_json_write - append what FastAPI answers for `value`, where `shape` says how.
 *
 * Only values whose text is certain are written: exact dict with exact str keys
 * (none starting with "_sa", which jsonable_encoder drops), list, tuple, str, int
 * within 64 bits, finite float (with a model: that has no exponent), bool and None,
 * at most 100 levels deep. On anything else, and for an empty shape, FA_PY_JSON_UNSURE;
 * the caller cuts the writer back and takes FastAPI's code, which also raises what
 * has to be raised.
 *
 * Refs:      borrows `value`; keeps nothing.
 * GIL:       attached thread state required.
 * Calls out: no (exact types only, so no user code can run meanwhile). On free-threaded
 *            builds containers are locked while they are written.
 * Errors:    FA_PY_JSON_NOMEM without an exception set.
 */
enum fa_py_json_result fa_py_json_write(struct fa_writer *w, const char *shape, PyObject *value);

/*
 * fa_py_json_write_str - append a str (or an instance of a subclass) as a JSON string.
 *
 * Refs:      borrows `text`.
 * GIL:       attached thread state required.
 * Calls out: no.
 * Errors:    FA_ERR_ENCODING for a lone surrogate, FA_ERR_NOMEM; no exception is set.
 */
fa_status fa_py_json_write_str(struct fa_writer *w, PyObject *text);

/*
 * fa_py_json_encode_slowly - what fa_py_json_write is unsure about, as FastAPI writes it.
 *
 * Refs:      borrows `value`; returns new bytes, or NULL with an exception.
 * GIL:       attached thread state required.
 * Calls out: yes, jsonable_encoder.
 */
PyObject *fa_py_json_encode_slowly(PyObject *value);

/*
 * fa_py_json_bytes_as - fa_py_json_write's text as bytes.
 *
 * Refs:      borrows `value`; returns new bytes; NULL if *unsure, without an exception,
 *            or with MemoryError.
 * GIL:       attached thread state required.
 * Calls out: no.
 */
PyObject *fa_py_json_bytes_as(const char *shape, PyObject *value, bool *unsure);

/*
 * fa_py_json_bytes - json_bytes(value, shape=None), for modules' method tables.
 *
 * Refs, GIL, Calls out: as fa_py_json_encode_slowly.
 */
extern const char fa_py_json_bytes_doc[];
PyObject *fa_py_json_bytes(PyObject *module, PyObject *const *args, Py_ssize_t count);

#endif
