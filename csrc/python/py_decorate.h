/* py_decorate.h - what Starlette's own middleware does to an answer: CORS headers, compression. */
#ifndef FA_PYTHON_PY_DECORATE_H
#define FA_PYTHON_PY_DECORATE_H

#include "http/http_response.h"
#include "python/compat.h"
#include "python/py_response.h"
#include "server/task.h"

/*
 * fa_py_decorate - let the middleware of the task's gate change an answer, from the
 * innermost to the outermost: `head` gets other header lines (allocated from the
 * task's arena), and *new_body (NULL before) the body that takes the place of `body`,
 * if one does. Not for tasks without a gate.
 *
 * Refs:      *new_body is a new reference to bytes.
 * GIL:       attached thread state required.
 * Calls out: yes (a regular expression, == of what stands among the allowed origins, zlib).
 * Errors:    FA_PY_REPLY_RAISED with the exception set; FA_PY_REPLY_DEFER when the
 *            middleware itself must do it. Nothing has changed then.
 */
enum fa_py_reply fa_py_decorate(
    struct fa_task *task, struct fa_http_head *head, fa_span body, PyObject **new_body);

/*
 * fa_py_decorate_later - a Response for the middleware itself: the status, headers and
 * body of an answer for which fa_py_decorate gave FA_PY_REPLY_DEFER.
 *
 * Refs:      new reference.
 * GIL:       attached thread state required.
 * Calls out: yes.
 * Errors:    NULL with the exception set.
 */
PyObject *fa_py_decorate_later(struct fa_task *task, const struct fa_http_head *head, fa_span body);

#endif
