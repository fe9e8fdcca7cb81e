/* py_gate.h - the Gate type: Starlette's own middleware as the core runs it.
 *
 * What it does before the app is struct fa_gate's part; here is what it does to an
 * answer: CORS headers, compression.
 */
#ifndef FA_PYTHON_PY_GATE_H
#define FA_PYTHON_PY_GATE_H

#include "http/http_response.h"
#include "python/module_state.h"
#include "python/py_response.h"
#include "server/gate.h"
#include "server/task.h"

extern PyType_Spec fa_py_gate_spec;

/*
 * fa_py_gate_of - the C half of a Gate object.
 *
 * Refs: borrowed; lives as long as `gate`.
 * GIL:  attached thread state required, here and below.
 */
const struct fa_gate *fa_py_gate_of(PyObject *gate);

/*
 * fa_py_gate_decorate - let the middleware change an answer, from the innermost one to
 * the outermost: `head` gets other header lines (allocated from the task's arena), and
 * *new_body (NULL before) the body that takes the place of `body`, if one does.
 *
 * Refs:      *new_body is a new reference to bytes.
 * Calls out: yes (a regular expression, == of what stands among the allowed origins, zlib).
 * Errors:    FA_PY_REPLY_RAISED with the exception set; FA_PY_REPLY_DEFER when the
 *            middleware itself must do it. Nothing has changed then.
 */
enum fa_py_reply fa_py_gate_decorate(
    struct fa_task *task, struct fa_http_head *head, fa_span body, PyObject **new_body);

/*
 * fa_py_gate_response - a Response with the status, headers and body of an answer that
 * fa_py_gate_decorate would not change itself.
 *
 * Refs:      new reference.
 * Calls out: yes.
 * Errors:    NULL with the exception set.
 */
PyObject *fa_py_gate_response(
    const struct fa_task *task, const struct fa_http_head *head, fa_span body);

#endif
