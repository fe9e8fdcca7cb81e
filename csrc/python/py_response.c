#include "python/py_response.h"

#include <string.h>

#include "base/writer.h"
#include "http/http_response.h"
#include "python/py_decorate.h"
#include "python/py_json.h"

/* Typed bodies up to this size are copied behind their head: one buffer, one
 * iovec; above it the bytes object itself is sent. */
enum { COPY_BODY_MAX = 4096 };

static void head_init(struct fa_http_head *head, const struct fa_py_server *owner,
    struct fa_clock_date *date, struct fa_task *task, int status)
{
    memset(head, 0, sizeof *head);
    head->status = status;
    if (owner->config.date_header) head->date = fa_clock_date_refresh(date);
    head->fixed = owner->fixed;
    task->close_after = fa_task_should_close(task);
    head->close = task->close_after;
    head->keep_alive_10 = !task->close_after && fa_task_is_keep_alive_10(task);
    task->status = status;
}

/* --- JSON answers --------------------------------------------------------------- */

static enum fa_py_reply no_memory(void)
{
    PyErr_NoMemory();
    return FA_PY_REPLY_RAISED;
}

/* Start a body in the task's own buffer, behind the head's room. */
static void body_begin(struct fa_writer *w, const struct fa_py_server *owner, struct fa_task *task)
{
    fa_writer_attach(w, task->out, owner->head_room);
    task->out = NULL;
}

static void body_restart(struct fa_writer *w, size_t room)
{
    w->cur = w->buf->data + room;
}

/* Give the buffer back and put the head in front of what was written. `room`: bytes
 * before the body. */
static enum fa_py_reply body_send(struct fa_writer *w, struct fa_task *task,
    const struct fa_http_head *head, size_t room, PyObject *tail)
{
    size_t body_len = fa_writer_len(w) - room;
    task->out = fa_writer_detach(w);
    char *body = task->out->data + room, *start = NULL;
    if (fa_http_head_write_before(head, body, task->out->data, &start) != FA_OK) return no_memory();
    task->out_start = (uint32_t)(start - task->out->data);
    task->out_end = (uint32_t)(room + (task->head_only ? 0 : body_len));
    if (tail != NULL && !task->head_only) {
        task->tail.ptr = PyBytes_AS_STRING(tail);
        task->tail.len = (size_t)PyBytes_GET_SIZE(tail);
        task->tail.owner = Py_NewRef(tail);
    }
    return FA_PY_REPLY_DONE;
}

static enum fa_py_reply body_failed(struct fa_writer *w, struct fa_task *task)
{
    task->out = fa_writer_detach(w);
    if (!PyErr_Occurred()) PyErr_NoMemory();
    return FA_PY_REPLY_RAISED;
}

/* A head with more lines than the room is for: move the body behind it. */
static bool body_make_room(struct fa_writer *w, size_t had, size_t room)
{
    size_t more = room - had, len = fa_writer_len(w) - had;
    if (!fa_writer_reserve(w, more)) return false;
    memmove(w->buf->data + room, w->buf->data + had, len);
    w->cur += more;
    return true;
}

/* The answer as the app's middleware changes it; *result becomes a Response if that
 * must do it itself. */
static enum fa_py_reply body_decorate(struct fa_writer *w, size_t had, struct fa_task *task,
    struct fa_http_head *head, PyObject *tail, PyObject **result)
{
    fa_span body = tail != NULL ? (fa_span){PyBytes_AS_STRING(tail), (size_t)PyBytes_GET_SIZE(tail)}
                                : (fa_span){w->buf->data + had, fa_writer_len(w) - had};
    PyObject *other = NULL;
    enum fa_py_reply reply = fa_py_decorate(task, head, body, &other);
    if (reply == FA_PY_REPLY_DEFER) {
        PyObject *response = fa_py_decorate_later(task, head, body);
        if (response == NULL) return body_failed(w, task);
        Py_SETREF(*result, response);
    }
    if (reply != FA_PY_REPLY_DONE) {
        task->out = fa_writer_detach(w);
        return reply;
    }
    bool fits = true;
    if (other != NULL) {
        body_restart(w, had);
        fits = fa_writer_put(w, PyBytes_AS_STRING(other), (size_t)PyBytes_GET_SIZE(other));
        Py_DECREF(other);
        tail = NULL;
    }
    size_t size = fa_http_head_size(head);
    size_t room = size > had ? size : had;
    if (!fits || !body_make_room(w, had, room)) return body_failed(w, task);
    return body_send(w, task, head, room, tail);
}

static enum fa_py_reply body_finish(const struct fa_py_server *owner, struct fa_writer *w,
    struct fa_task *task, struct fa_http_head *head, PyObject *tail, PyObject **result)
{
    size_t room = owner->head_room;
    head->has_content_length = true;
    head->content_length =
        tail == NULL ? fa_writer_len(w) - room : (uint64_t)PyBytes_GET_SIZE(tail);
    head->content_type = FA_SPAN("application/json");
    if (FA_UNLIKELY(task->table->gate != NULL))
        return body_decorate(w, room, task, head, tail, result);
    return body_send(w, task, head, room, tail);
}

static enum fa_py_reply write_bytes_body(const struct fa_py_server *owner,
    struct fa_clock_date *date, struct fa_writer *w, struct fa_task *task, int status,
    PyObject *bytes, PyObject **result)
{
    struct fa_http_head head;
    if (!PyBytes_Check(bytes)) {
        PyErr_Format(
            PyExc_TypeError, "serialiser gave %.100s instead of bytes", Py_TYPE(bytes)->tp_name);
        return body_failed(w, task);
    }
    size_t len = (size_t)PyBytes_GET_SIZE(bytes);
    bool in_place = owner->config.zero_copy && len > COPY_BODY_MAX;
    if (!in_place && !fa_writer_put(w, PyBytes_AS_STRING(bytes), len)) return body_failed(w, task);
    head_init(&head, owner, date, task, status);
    return body_finish(owner, w, task, &head, in_place ? bytes : NULL, result);
}

PyObject *fa_py_response_dump(const struct fa_py_plan *plan, PyObject *result)
{
    const struct fa_py_answer *answer = &plan->answer;
    PyObject *value = fa_py_plan_validate(plan, answer->validate, result);
    if (value == NULL) {
        /* FastAPI's own code raises its ResponseValidationError; an exception that
         * is not a plain Exception (KeyboardInterrupt) is left as it is. */
        if (!PyErr_ExceptionMatches(PyExc_Exception)) return NULL;
        PyErr_Clear();
        return PyObject_CallOneArg(answer->slow, result);
    }
    PyObject *args[FA_PY_PLAN_MAX_ARGS];
    Py_ssize_t count = PyTuple_GET_SIZE(answer->dump_values);
    args[0] = value;
    for (Py_ssize_t i = 0; i < count; i++)
        args[i + 1] = PyTuple_GET_ITEM(answer->dump_values, i);
    PyObject *bytes = PyObject_Vectorcall(answer->dump, args, 1, answer->dump_kwnames);
    Py_DECREF(value);
    return bytes;
}

enum fa_py_reply fa_py_response_write(const struct fa_py_server *owner, struct fa_clock_date *date,
    struct fa_task *task, struct fa_py_plan *plan, PyObject **result)
{
    /* FastAPI asks isinstance(result, Response) before anything else. */
    if (PyType_IsSubtype(Py_TYPE(*result), (PyTypeObject *)owner->hooks.response_base)) {
        return fa_py_response_object(owner, date, task, *result);
    }
    struct fa_writer w;
    struct fa_http_head head;
    body_begin(&w, owner, task);
    const char *shape = fa_py_plan_next_shape(plan);
    enum fa_py_json_result written = fa_py_json_write(&w, shape, *result);
    fa_py_plan_note_shape(plan, shape, written == FA_PY_JSON_UNSURE);
    switch (written) {
    case FA_PY_JSON_OK:
        head_init(&head, owner, date, task, plan->answer.status);
        return body_finish(owner, &w, task, &head, NULL, result);
    case FA_PY_JSON_NOMEM: return body_failed(&w, task);
    case FA_PY_JSON_UNSURE: break;
    }
    body_restart(&w, owner->head_room);
    PyObject *bytes = plan->answer.validate != NULL
                          ? fa_py_response_dump(plan, *result)
                          : PyObject_CallOneArg(owner->hooks.encode, *result);
    if (bytes == NULL) return body_failed(&w, task);
    enum fa_py_reply reply =
        write_bytes_body(owner, date, &w, task, plan->answer.status, bytes, result);
    Py_DECREF(bytes);
    return reply;
}

/* --- Response objects -------------------------------------------------------------- */

/* Does the class send itself as starlette.responses.Response does: a status, headers
 * and a body in memory? A subclass may well render its content in another way. */
static bool is_plain_response(const struct fa_py_server *owner, PyObject *response)
{
    PyObject *call = PyObject_GetAttr((PyObject *)Py_TYPE(response), owner->state->call_name);
    bool plain = call == owner->hooks.response_call;
    Py_XDECREF(call);
    PyErr_Clear();
    return plain;
}

static fa_span bytes_span(PyObject *bytes)
{
    return (fa_span){PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes)};
}

/* Headers whose meaning belongs to the server: their answers take the long way. */
static bool is_server_header(fa_span name)
{
    static const fa_span names[] = {
        {"connection", 10}, {"transfer-encoding", 17}, {"date", 4}, {"server", 6}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (fa_span_eq_nocase(name, names[i])) return true;
    }
    return false;
}

/* Is every header fit to be copied as it is, and the length the body's (none where
 * the status has no body)? Adds up the size of the lines. */
static bool check_headers(PyObject *headers, size_t body_len, bool bodiless, size_t *size)
{
    bool has_length = false;
    char digits[24];
    int digit_count = PyOS_snprintf(digits, sizeof digits, "%zu", body_len);
    *size = 0;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(headers); i++) {
        PyObject *pair = PyList_GET_ITEM(headers, i);
        if (!PyTuple_CheckExact(pair) || PyTuple_GET_SIZE(pair) != 2) return false;
        PyObject *name = PyTuple_GET_ITEM(pair, 0), *value = PyTuple_GET_ITEM(pair, 1);
        if (!PyBytes_CheckExact(name) || !PyBytes_CheckExact(value)) return false;
        fa_span name_span = bytes_span(name), value_span = bytes_span(value);
        if (!fa_http_header_valid_name(name_span) || !fa_http_header_valid_value(value_span))
            return false;
        if (is_server_header(name_span)) return false;
        if (fa_span_eq_nocase(name_span, FA_SPAN("content-length"))) {
            if (has_length || !fa_span_eq(value_span, (fa_span){digits, (size_t)digit_count}))
                return false;
            has_length = true;
        }
        *size += name_span.len + value_span.len + 4;
    }
    return has_length != bodiless;
}

static void format_headers(PyObject *headers, char *out)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(headers); i++) {
        PyObject *pair = PyList_GET_ITEM(headers, i);
        fa_span name = bytes_span(PyTuple_GET_ITEM(pair, 0)),
                value = bytes_span(PyTuple_GET_ITEM(pair, 1));
        memcpy(out, name.ptr, name.len);
        memcpy(out + name.len, ": ", 2);
        memcpy(out + name.len + 2, value.ptr, value.len);
        memcpy(out + name.len + 2 + value.len, "\r\n", 2);
        out += name.len + value.len + 4;
    }
}

/* The parts of a plain response; false (no exception) if they are not plain. */
struct parts {
    PyObject *headers, *body, *background;
    long status;
};

static bool parts_get(const struct fa_module_state *state, PyObject *response, struct parts *parts)
{
    memset(parts, 0, sizeof *parts);
    parts->headers = PyObject_GetAttr(response, state->names.raw_headers);
    parts->body = parts->headers == NULL ? NULL : PyObject_GetAttr(response, state->names.body);
    parts->background =
        parts->body == NULL ? NULL : PyObject_GetAttr(response, state->names.background);
    PyObject *status =
        parts->background == NULL ? NULL : PyObject_GetAttr(response, state->names.status_code);
    parts->status = status == NULL || !PyLong_Check(status) ? -1 : PyLong_AsLong(status);
    Py_XDECREF(status);
    PyErr_Clear();
    return parts->status >= 200 && parts->status <= 599 && parts->background == Py_None &&
           PyList_CheckExact(parts->headers) && PyBytes_CheckExact(parts->body);
}

static void parts_drop(struct parts *parts)
{
    Py_XDECREF(parts->headers);
    Py_XDECREF(parts->body);
    Py_XDECREF(parts->background);
}

/* The head that was made of the parts, and the body behind it. */
static enum fa_py_reply send_parts(const struct fa_py_server *owner, struct fa_task *task,
    const struct fa_http_head *head, PyObject *body)
{
    struct fa_writer w;
    fa_writer_attach(&w, task->out, 0);
    task->out = NULL;
    size_t head_size = fa_http_head_size(head), body_len = (size_t)PyBytes_GET_SIZE(body);
    bool in_place = owner->config.zero_copy && body_len > COPY_BODY_MAX;
    size_t copied = in_place || task->head_only ? 0 : body_len;
    if (!fa_writer_reserve(&w, head_size + copied)) return body_failed(&w, task);
    w.cur += fa_http_head_write(head, w.cur);
    memcpy(w.cur, PyBytes_AS_STRING(body), copied);
    w.cur += copied;
    task->out_start = 0;
    task->out_end = (uint32_t)fa_writer_len(&w);
    task->out = fa_writer_detach(&w);
    if (in_place && !task->head_only) {
        task->tail.ptr = PyBytes_AS_STRING(body);
        task->tail.len = body_len;
        task->tail.owner = Py_NewRef(body);
    }
    return FA_PY_REPLY_DONE;
}

static enum fa_py_reply write_parts(const struct fa_py_server *owner, struct fa_clock_date *date,
    struct fa_task *task, const struct parts *parts)
{
    size_t lines = 0, body_len = (size_t)PyBytes_GET_SIZE(parts->body);
    bool bodiless = parts->status == 204 || parts->status == 304;
    if (bodiless && body_len > 0) return FA_PY_REPLY_DEFER;
    if (!check_headers(parts->headers, body_len, bodiless, &lines)) return FA_PY_REPLY_DEFER;
    char *text = fa_arena_alloc(&task->arena, lines + 1);
    if (text == NULL) return no_memory();
    format_headers(parts->headers, text);
    struct fa_http_head head;
    head_init(&head, owner, date, task, (int)parts->status);
    head.before = (fa_span){text, lines};
    enum fa_py_reply reply = FA_PY_REPLY_DONE;
    PyObject *other = NULL;
    if (FA_UNLIKELY(task->table->gate != NULL))
        reply = fa_py_decorate(task, &head, bytes_span(parts->body), &other);
    if (reply == FA_PY_REPLY_DONE)
        reply = send_parts(owner, task, &head, other == NULL ? parts->body : other);
    Py_XDECREF(other);
    return reply;
}

enum fa_py_reply fa_py_response_object(const struct fa_py_server *owner, struct fa_clock_date *date,
    struct fa_task *task, PyObject *response)
{
    if (!is_plain_response(owner, response)) return FA_PY_REPLY_DEFER;
    struct parts parts;
    enum fa_py_reply reply = FA_PY_REPLY_DEFER;
    if (parts_get(owner->state, response, &parts)) reply = write_parts(owner, date, task, &parts);
    parts_drop(&parts);
    return reply;
}
