/* py_gate.h - the Gate type: Starlette's own middleware, as the core does its work.
 *
 * What it does to requests is struct fa_gate's part; what it does to answers stands
 * here as layers, and py_decorate.c does it. Read-only once made, so any thread with
 * the GIL may use it without a lock.
 */
#ifndef FA_PYTHON_PY_GATE_H
#define FA_PYTHON_PY_GATE_H

#include "http/http_parser.h"
#include "python/compat.h"
#include "server/gate.h"

enum fa_py_gate_kind { FA_PY_GATE_CORS = 0, FA_PY_GATE_GZIP = 1 };

/* Spans and borrowed references point into what fa_py_gate.given keeps. */
struct fa_py_gate_cors {
    struct fa_http_header *simple; /* for every answer to a request with an origin */
    size_t simple_count;
    PyObject *origins;   /* borrowed: list, tuple, set or frozenset */
    PyObject *fullmatch; /* borrowed, or NULL */
    bool everyone;
    bool credentials;
};

struct fa_py_gate_gzip {
    PyObject *arguments; /* for zlib.compressobj; owned */
    fa_span *excluded;   /* media types that are left alone */
    size_t excluded_count;
    size_t minimum_size;
    size_t thread_minimum_size;
};

struct fa_py_gate_layer {
    enum fa_py_gate_kind kind;
    union {
        struct fa_py_gate_cors cors;
        struct fa_py_gate_gzip gzip;
    };
};

struct fa_py_gate {
    PyObject_HEAD struct fa_gate gate;
    struct fa_gate_hosts *hosts;
    size_t host_list_count;
    struct fa_py_gate_layer *layers; /* innermost first */
    size_t layer_count;
    PyObject *given;       /* tuple of the arguments */
    PyObject *replay;      /* callable(status, header lines, body) -> Response */
    PyObject *compressobj; /* zlib's */
};

extern PyType_Spec fa_py_gate_spec;

#endif
