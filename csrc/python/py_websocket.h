/* py_websocket.h - the frames of nearly all WebSocket messages, as Python functions. */
#ifndef FA_PYTHON_PY_WEBSOCKET_H
#define FA_PYTHON_PY_WEBSOCKET_H

#include "python/compat.h"

extern const char fa_py_websocket_read_doc[];
extern const char fa_py_websocket_message_doc[];

/*
 * fa_py_websocket_read - websocket_read(data, start): the client's frame that begins there.
 *
 * Refs:      new reference.
 * GIL:       attached thread state required.
 * Calls out: no.
 * Errors:    NULL with TypeError, ValueError or MemoryError.
 */
PyObject *fa_py_websocket_read(PyObject *module, PyObject *const *args, Py_ssize_t count);

/*
 * fa_py_websocket_message - websocket_message(data): a server's whole message as one frame.
 *
 * Refs:      new reference.
 * GIL:       attached thread state required.
 * Calls out: no.
 * Errors:    NULL with TypeError, UnicodeEncodeError or MemoryError.
 */
PyObject *fa_py_websocket_message(PyObject *module, PyObject *data);

#endif
