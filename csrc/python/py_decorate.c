#include "python/py_decorate.h"

#include <string.h>

#include "http/http_char.h"
#include "http/http_header_list.h"
#include "python/py_gate.h"

static fa_span bytes_span(PyObject *bytes)
{
    return (fa_span){PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes)};
}

/* --- an answer while it is being changed -------------------------------------------- */

struct answer {
    struct fa_task *task;
    const struct fa_http_head *head;
    struct fa_http_header_list list;
    fa_span body;
    PyObject *new_body; /* owned; NULL: body is as it was */
};

static enum fa_py_reply no_memory(void)
{
    PyErr_NoMemory();
    return FA_PY_REPLY_RAISED;
}

/* A number as text in the request's arena; empty when out of memory. */
static fa_span digits_of(struct fa_task *task, uint64_t value)
{
    char *text = fa_arena_alloc(&task->arena, 24);
    if (text == NULL) return (fa_span){NULL, 0};
    int len = PyOS_snprintf(text, 24, "%llu", (unsigned long long)value);
    return (fa_span){text, (size_t)len};
}

/* In the order in which they would be sent. */
static enum fa_py_reply answer_init(
    struct answer *a, struct fa_task *task, const struct fa_http_head *head, fa_span body)
{
    a->task = task;
    a->head = head;
    a->list.count = 0;
    a->body = body;
    a->new_body = NULL;
    fa_status status = fa_http_header_list_add_lines(&a->list, head->before);
    if (status == FA_OK && head->has_content_length) {
        fa_span digits = digits_of(task, head->content_length);
        if (digits.len == 0) return no_memory();
        status = fa_http_header_list_add(&a->list, FA_SPAN("content-length"), digits);
    }
    if (status == FA_OK && head->content_type.len > 0)
        status = fa_http_header_list_add(&a->list, FA_SPAN("content-type"), head->content_type);
    if (status == FA_OK) status = fa_http_header_list_add_lines(&a->list, head->extra);
    return status == FA_OK ? FA_PY_REPLY_DONE : FA_PY_REPLY_DEFER;
}

static enum fa_py_reply answer_set(struct answer *a, fa_span name, fa_span value)
{
    fa_status status = fa_http_header_list_set(&a->list, name, value);
    return status == FA_OK ? FA_PY_REPLY_DONE : FA_PY_REPLY_DEFER;
}

static enum fa_py_reply answer_vary(struct answer *a, fa_span more)
{
    size_t size = fa_http_header_list_joined_size(&a->list, FA_SPAN("vary"), more);
    char *text = fa_arena_alloc(&a->task->arena, size);
    if (text == NULL) return no_memory();
    fa_http_header_list_joined(&a->list, FA_SPAN("vary"), more, text);
    return answer_set(a, FA_SPAN("vary"), (fa_span){text, size});
}

/* --- CORSMiddleware ------------------------------------------------------------------ */

/* Starlette's is_allowed_origin, with its own objects: 1, 0, or -1 with an exception. */
static int is_allowed(const struct fa_py_gate_cors *cors, fa_span origin)
{
    PyObject *text = PyUnicode_DecodeLatin1(origin.ptr, (Py_ssize_t)origin.len, NULL);
    if (text == NULL) return -1;
    int allowed = 0;
    if (cors->fullmatch != NULL) {
        PyObject *match = PyObject_CallOneArg(cors->fullmatch, text);
        allowed = match == NULL ? -1 : match != Py_None;
        Py_XDECREF(match);
    }
    if (allowed == 0) allowed = PySequence_Contains(cors->origins, text);
    Py_DECREF(text);
    return allowed;
}

static enum fa_py_reply add_cors(const struct fa_py_gate_cors *cors, struct answer *a)
{
    const struct fa_http_header *origin = fa_gate_origin(&a->task->req);
    int mirrored = 0;
    enum fa_py_reply reply = FA_PY_REPLY_DONE;
    if (origin != NULL) {
        for (size_t i = 0; i < cors->simple_count && reply == FA_PY_REPLY_DONE; i++)
            reply = answer_set(a, cors->simple[i].name, cors->simple[i].value);
        if (reply != FA_PY_REPLY_DONE) return reply;
        mirrored = cors->everyone ? cors->credentials : is_allowed(cors, origin->value);
    }
    if (mirrored < 0) return FA_PY_REPLY_RAISED;
    if (mirrored > 0) reply = answer_set(a, FA_SPAN("access-control-allow-origin"), origin->value);
    return reply == FA_PY_REPLY_DONE ? answer_vary(a, FA_SPAN("Origin")) : reply;
}

/* --- GZipMiddleware ------------------------------------------------------------------- */

static bool contains(fa_span text, const char *word, size_t len)
{
    for (size_t i = 0; i + len <= text.len; i++) {
        if (memcmp(text.ptr + i, word, len) == 0) return true;
    }
    return false;
}

static bool accepts_gzip(const struct fa_http_request *req)
{
    const struct fa_http_header *header = fa_http_parser_find(req, FA_SPAN("accept-encoding"));
    return header != NULL && contains(header->value, "gzip", 4);
}

enum { MAX_MEDIA_TYPE = 128 };

/* The media type in lower case. False: not plain ASCII, or very long. */
static bool media_type_of(const struct answer *a, char *out, size_t *len)
{
    const struct fa_http_header *header =
        fa_http_header_list_find(&a->list, FA_SPAN("content-type"));
    fa_span rest = header == NULL ? (fa_span){"", 0} : header->value;
    fa_span value = fa_span_trimmed(fa_span_cut(&rest, ';'), fa_http_char_is_blank);
    if (value.len > MAX_MEDIA_TYPE) return false;
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (c < 0x20 || c > 0x7e) return false;
        out[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    *len = value.len;
    return true;
}

static bool is_listed(const struct fa_py_gate_gzip *gzip, fa_span type)
{
    for (size_t i = 0; i < gzip->excluded_count; i++) {
        if (fa_span_eq(gzip->excluded[i], type)) return true;
    }
    return false;
}

static bool is_excluded(const struct fa_py_gate_gzip *gzip, fa_span type)
{
    char every[MAX_MEDIA_TYPE + 2]; /* "type/" and a star */
    size_t len = 0;
    while (len < type.len && type.ptr[len] != '/')
        len++;
    if (len > 0) memcpy(every, type.ptr, len);
    memcpy(every + len, "/*", 2);
    fa_span grpc = FA_SPAN("application/grpc+");
    bool is_grpc = type.len >= grpc.len && memcmp(type.ptr, grpc.ptr, grpc.len) == 0;
    return is_listed(gzip, type) || is_listed(gzip, (fa_span){every, len + 2}) ||
           (is_grpc && is_listed(gzip, FA_SPAN("application/grpc")));
}

/* compressobj(...).compress(body) + .flush(), the very calls that Starlette makes. */
static PyObject *compressed(
    const struct fa_py_gate *gate, const struct fa_py_gate_gzip *gzip, fa_span body)
{
    PyObject *compressor = PyObject_CallObject(gate->compressobj, gzip->arguments);
    PyObject *view = compressor == NULL ? NULL
                                        : PyMemoryView_FromMemory((char *)(uintptr_t)body.ptr,
                                              (Py_ssize_t)body.len, PyBUF_READ);
    PyObject *result = view == NULL ? NULL : PyObject_CallMethod(compressor, "compress", "O", view);
    PyObject *rest = result == NULL ? NULL : PyObject_CallMethod(compressor, "flush", NULL);
    if (rest == NULL) Py_CLEAR(result);
    if (result != NULL) PyBytes_Concat(&result, rest);
    Py_XDECREF(rest);
    Py_XDECREF(view);
    Py_XDECREF(compressor);
    return result;
}

/* The compressed body takes the place of the old one. */
static enum fa_py_reply replace_body(struct answer *a, PyObject *bytes)
{
    fa_span span = bytes_span(bytes);
    if (fa_span_eq(span, a->body)) return FA_PY_REPLY_DONE;
    enum fa_py_reply reply = answer_set(a, FA_SPAN("content-encoding"), FA_SPAN("gzip"));
    if (reply != FA_PY_REPLY_DONE) return reply;
    fa_span digits = digits_of(a->task, span.len);
    if (digits.len == 0) return no_memory();
    Py_XSETREF(a->new_body, Py_NewRef(bytes));
    a->body = span;
    return answer_set(a, FA_SPAN("content-length"), digits);
}

static enum fa_py_reply add_gzip(
    const struct fa_py_gate *gate, const struct fa_py_gate_gzip *gzip, struct answer *a)
{
    char type[MAX_MEDIA_TYPE];
    size_t type_len = 0;
    if (!media_type_of(a, type, &type_len)) return FA_PY_REPLY_DEFER;
    bool encoded = fa_http_header_list_find(&a->list, FA_SPAN("content-encoding")) != NULL;
    if (encoded || a->head->status == 206 || is_excluded(gzip, (fa_span){type, type_len}) ||
        a->body.len < gzip->minimum_size)
        return FA_PY_REPLY_DONE;
    if (a->head->status == 204 || a->head->status == 304) return FA_PY_REPLY_DEFER;
    bool compresses = accepts_gzip(&a->task->req);
    if (compresses && a->body.len >= gzip->thread_minimum_size &&
        a->task->route->lane == FA_LANE_LOOP)
        return FA_PY_REPLY_DEFER; /* Starlette does it in a thread, the loop goes on */
    PyObject *bytes = NULL;
    if (compresses && (bytes = compressed(gate, gzip, a->body)) == NULL) return FA_PY_REPLY_RAISED;
    enum fa_py_reply reply = answer_vary(a, FA_SPAN("Accept-Encoding"));
    if (reply == FA_PY_REPLY_DONE && bytes != NULL) reply = replace_body(a, bytes);
    Py_XDECREF(bytes);
    return reply;
}

/* --- all of them ------------------------------------------------------------------------ */

static enum fa_py_reply answer_finish(
    struct answer *a, struct fa_http_head *head, PyObject **new_body)
{
    size_t size = fa_http_header_list_size(&a->list);
    char *lines = fa_arena_alloc(&a->task->arena, size);
    if (lines == NULL) return no_memory();
    fa_http_header_list_write(&a->list, lines);
    head->before = (fa_span){lines, size};
    head->has_content_length = false;
    head->content_type = head->extra = (fa_span){NULL, 0};
    *new_body = a->new_body;
    a->new_body = NULL;
    return FA_PY_REPLY_DONE;
}

enum fa_py_reply fa_py_decorate(
    struct fa_task *task, struct fa_http_head *head, fa_span body, PyObject **new_body)
{
    const struct fa_py_gate *gate = task->table->gate->user;
    if (gate->layer_count == 0) return FA_PY_REPLY_DONE;
    struct answer a;
    enum fa_py_reply reply = answer_init(&a, task, head, body);
    for (size_t i = 0; i < gate->layer_count && reply == FA_PY_REPLY_DONE; i++) {
        const struct fa_py_gate_layer *layer = &gate->layers[i];
        reply = layer->kind == FA_PY_GATE_CORS ? add_cors(&layer->cors, &a)
                                               : add_gzip(gate, &layer->gzip, &a);
    }
    if (reply == FA_PY_REPLY_DONE) reply = answer_finish(&a, head, new_body);
    Py_XDECREF(a.new_body);
    return reply;
}

PyObject *fa_py_decorate_later(struct fa_task *task, const struct fa_http_head *head, fa_span body)
{
    const struct fa_py_gate *gate = task->table->gate->user;
    struct answer a;
    PyObject *response = NULL;
    if (answer_init(&a, task, head, body) != FA_PY_REPLY_DONE) return PyErr_NoMemory();
    PyObject *lines =
        PyBytes_FromStringAndSize(NULL, (Py_ssize_t)fa_http_header_list_size(&a.list));
    PyObject *bytes = PyBytes_FromStringAndSize(body.ptr, (Py_ssize_t)body.len);
    if (lines != NULL && bytes != NULL) {
        fa_http_header_list_write(&a.list, PyBytes_AS_STRING(lines));
        response = PyObject_CallFunction(gate->replay, "iOO", head->status, lines, bytes);
    }
    Py_XDECREF(lines);
    Py_XDECREF(bytes);
    return response;
}
