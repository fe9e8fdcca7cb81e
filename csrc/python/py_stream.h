/* py_stream.h - the Stream type: one handed-over request as the ASGI bridge sees it. */
#ifndef FA_PYTHON_PY_STREAM_H
#define FA_PYTHON_PY_STREAM_H

#include "python/py_outcome.h"
#include "python/py_server.h"
#include "server/task.h"

struct fa_py_stream {
    PyObject_HEAD struct fa_py_server *owner;
    struct fa_task *task;         /* NULL once the answer is ended: it may be recycled */
    struct fa_py_outcome outcome; /* of the handler that ran, if one did: see `kind` */
    PyObject *on_event;           /* callable or NULL */
    char *lines;                  /* the app's header lines, formatted */
    size_t lines_len;
    uint64_t length_left; /* has_length: body bytes the app still owes */
    enum fa_py_kind kind;
    int status;
    bool started;   /* start() was called */
    bool head_sent; /* the head is queued */
    bool has_length;
    bool chunked;
    bool close_after;
    bool upgraded;
    bool eof;
    bool disconnected;
};

extern PyType_Spec fa_py_stream_spec;
extern PyMethodDef fa_py_stream_methods[]; /* in py_stream_send.c */

/*
 * fa_py_stream_open - make the Stream of a handed-over task and give it to hooks.asgi.
 *
 * Refs:      the Stream holds the server; whoever keeps the Stream keeps the
 *            request. A Stream dropped unanswered cuts its connection.
 * GIL:       attached thread state required; the event-loop thread only.
 * Calls out: yes.
 * Errors:    none: an exception of the bridge is reported and the request cut.
 */
void fa_py_stream_open(struct fa_py_server *owner, struct fa_task *task);

/*
 * fa_py_stream_event - the reactor has news for the Stream of `task`: calls on_event.
 *
 * GIL, Calls out, Errors: as fa_py_stream_open.
 */
void fa_py_stream_event(struct fa_task *task);

/*
 * fa_py_stream_abort - cut the connection unless the answer is complete.
 *
 * GIL:       attached thread state required.
 * Calls out: no.
 */
void fa_py_stream_abort(struct fa_py_stream *self);

#endif
