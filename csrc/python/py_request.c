/* py_request.c - parse_request, the ParsedRequest it returns and the error it raises. */
#include "python/py_request.h"

#include "http/http_parser.h"
#include "http/url.h"
#include "python/module_state.h"
#include "server/config.h"

enum { FIELD_COUNT = 10 };

PyDoc_STRVAR(request_doc, "The head of an HTTP/1.x request, as parse_request() read it.");

PyDoc_STRVAR(error_doc,
    "A request that is malformed or beyond the limits; status is the HTTP status that answers it.");

int fa_py_request_add_types(PyObject *module, PyTypeObject **type, PyObject **error)
{
    PyStructSequence_Field fields[FIELD_COUNT + 1] = {
        {"method", "str, as sent"},
        {"target", "bytes, the request target as sent"},
        {"path", "str, percent-decoded: what Router.match takes"},
        {"query", "bytes, what follows the '?', raw"},
        {"version", "str, '1.0' or '1.1'"},
        {"headers", "tuple of (name, value) pairs of bytes, names as sent"},
        {"keep_alive", "bool, the connection may stay open afterwards"},
        {"content_length", "int, or None without that header"},
        {"chunked", "bool, the body comes in chunks"},
        {"consumed", "int, bytes of the head; the body begins there"},
        {NULL, NULL},
    };
    PyStructSequence_Desc desc = {.name = "fasterapi._fasterapi_core.ParsedRequest",
        .doc = request_doc,
        .fields = fields,
        .n_in_sequence = FIELD_COUNT};
    *type = PyStructSequence_NewType(&desc);
    if (*type == NULL || PyModule_AddType(module, *type) < 0) return -1;
    PyObject *dict = Py_BuildValue("{s:i}", "status", 400);
    if (dict == NULL) return -1;
    *error = PyErr_NewExceptionWithDoc(
        "fasterapi._fasterapi_core.HTTPParseError", error_doc, PyExc_ValueError, dict);
    Py_DECREF(dict);
    if (*error == NULL) return -1;
    return PyModule_AddObjectRef(module, "HTTPParseError", *error);
}

static PyObject *bytes_of(fa_span span)
{
    return PyBytes_FromStringAndSize(span.ptr, (Py_ssize_t)span.len);
}

/* Percent-decoded; what is not UTF-8 becomes U+FFFD, as in the scope of an ASGI server. */
static PyObject *path_of(fa_span raw)
{
    if (!fa_url_needs_decode(raw, false))
        return PyUnicode_DecodeUTF8(raw.ptr, (Py_ssize_t)raw.len, "replace");
    size_t len = 0;
    bool invalid = false;
    char *text = PyMem_Malloc(raw.len);
    if (text == NULL) return PyErr_NoMemory();
    fa_url_decode(raw, text, &len, false, &invalid);
    PyObject *path = PyUnicode_DecodeUTF8(text, (Py_ssize_t)len, "replace");
    PyMem_Free(text);
    return path;
}

static PyObject *headers_of(const struct fa_http_request *req)
{
    PyObject *headers = PyTuple_New(req->header_count);
    for (uint32_t i = 0; headers != NULL && i < req->header_count; i++) {
        PyObject *pair = PyTuple_New(2);
        PyObject *name = bytes_of(req->headers[i].name), *value = bytes_of(req->headers[i].value);
        if (pair == NULL || name == NULL || value == NULL) {
            Py_XDECREF(pair);
            Py_XDECREF(name);
            Py_XDECREF(value);
            Py_CLEAR(headers);
            break;
        }
        PyTuple_SET_ITEM(pair, 0, name);
        PyTuple_SET_ITEM(pair, 1, value);
        PyTuple_SET_ITEM(headers, i, pair);
    }
    return headers;
}

static PyObject *request_of(PyTypeObject *type, const struct fa_http_request *req, size_t consumed)
{
    PyObject *result = PyStructSequence_New(type);
    if (result == NULL) return NULL;
    PyObject *fields[FIELD_COUNT] = {
        PyUnicode_DecodeLatin1(req->method_text.ptr, (Py_ssize_t)req->method_text.len, NULL),
        bytes_of(req->target),
        path_of(req->path),
        bytes_of(req->query),
        PyUnicode_FromString(req->minor == 0 ? "1.0" : "1.1"),
        headers_of(req),
        PyBool_FromLong(req->keep_alive),
        req->has_content_length ? PyLong_FromUnsignedLongLong(req->content_length)
                                : Py_NewRef(Py_None),
        PyBool_FromLong(req->chunked),
        PyLong_FromSize_t(consumed),
    };
    bool complete = true;
    for (Py_ssize_t i = 0; i < FIELD_COUNT; i++) {
        complete = complete && fields[i] != NULL;
        PyStructSequence_SetItem(result, i, fields[i]);
    }
    if (!complete) Py_CLEAR(result);
    return result;
}

static PyObject *parse_failed(PyObject *type, fa_status status)
{
    PyObject *error = PyObject_CallFunction(type, "s", fa_status_text(status));
    PyObject *code = error == NULL ? NULL : PyLong_FromLong(fa_status_http(status));
    if (code != NULL && PyObject_SetAttrString(error, "status", code) == 0) {
        PyErr_SetObject(type, error);
    }
    Py_XDECREF(code);
    Py_XDECREF(error);
    return NULL;
}

/* The limits are the defaults of the server's options. */
static void parser_init(struct fa_http_parser *parser)
{
    struct fa_config config;
    fa_config_defaults(&config);
    parser->scan = fa_http_scan_select(config.simd);
    parser->limits.request_line = (uint32_t)config.max_request_line;
    parser->limits.header_block = (uint32_t)config.max_header_bytes;
    parser->limits.header_count = (uint32_t)config.max_header_count;
}

const char fa_py_request_parse_doc[] = PyDoc_STR(
    "parse_request(data, /)\n--\n\n"
    "The head of an HTTP/1.x request at the start of a bytes-like object, as a ParsedRequest;\n"
    "None while it is incomplete. As strict as the server, with its default limits: what is\n"
    "malformed raises HTTPParseError, a ValueError, whose status is the HTTP status of the "
    "answer.");

PyObject *fa_py_request_parse(PyObject *module, PyObject *data)
{
    struct fa_module_state *state = PyModule_GetState(module);
    struct fa_http_parser parser;
    struct fa_http_request req;
    size_t consumed = 0;
    PyObject *result;
    Py_buffer view;
    if (!PyObject_CheckBuffer(data)) {
        return PyErr_Format(PyExc_TypeError,
            "parse_request: expected a bytes-like object, not %.100s", Py_TYPE(data)->tp_name);
    }
    if (state->request_type == NULL || state->parse_error == NULL) { /* the interpreter is ending */
        PyErr_SetString(PyExc_RuntimeError, "parse_request: the module is gone");
        return NULL;
    }
    if (PyObject_GetBuffer(data, &view, PyBUF_SIMPLE) < 0) return NULL;
    parser_init(&parser);
    fa_status status = fa_http_parser_head(&parser, view.buf, (size_t)view.len, 0, &req, &consumed);
    if (status == FA_OK) {
        result = request_of(state->request_type, &req, consumed);
    } else if (status == FA_AGAIN) {
        result = Py_NewRef(Py_None);
    } else {
        result = parse_failed(state->parse_error, status);
    }
    PyBuffer_Release(&view);
    return result;
}
