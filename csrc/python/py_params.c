#include "python/py_params.h"

#include <string.h>

#include "http/http_char.h"
#include "http/url.h"
#include "python/py_pairs.h"

/* Where one parameter's text was found; query values may be percent-encoded. */
struct found {
    fa_span value;
    PyObject *list; /* is_list: the texts so far */
    bool present;
};

/* Names up to this size can be decoded, numbers up to that are plain. */
enum { SMALL_TEXT = 256, MAX_NUMBER = 32 };

/* --- text ------------------------------------------------------------------ */

static PyObject *text_of(enum fa_py_source source, fa_span raw)
{
    switch (source) {
    case FA_PY_PATH: return PyUnicode_DecodeUTF8(raw.ptr, (Py_ssize_t)raw.len, NULL);
    case FA_PY_QUERY: return fa_py_pairs_text(raw);
    default: return PyUnicode_DecodeLatin1(raw.ptr, (Py_ssize_t)raw.len, NULL);
    }
}

/* --- numbers and bools in C, only in their plain spellings -------------------- */

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* [+-]?[0-9]{1,18}: fits 64 bits and means the same to Pydantic. In a query a '+'
 * is a space, so there only '-' counts as a sign. */
static PyObject *plain_int(fa_span raw, bool plus_is_sign)
{
    size_t at = 0;
    bool negative = false;
    if (raw.len > 0 && (raw.ptr[0] == '-' || (plus_is_sign && raw.ptr[0] == '+'))) {
        negative = raw.ptr[0] == '-';
        at = 1;
    }
    if (raw.len == at || raw.len - at > 18) return NULL;
    long long value = 0;
    for (; at < raw.len; at++) {
        if (!is_digit(raw.ptr[at])) return NULL;
        value = value * 10 + (raw.ptr[at] - '0');
    }
    return PyLong_FromLongLong(negative ? -value : value);
}

/* -?[0-9]+(\.[0-9]+)?: the rest of Pydantic's float grammar goes to Pydantic. */
static PyObject *plain_float(fa_span raw)
{
    if (raw.len == 0 || raw.len >= MAX_NUMBER) return NULL;
    size_t at = raw.ptr[0] == '-' ? 1 : 0, digits = 0;
    while (at < raw.len && is_digit(raw.ptr[at]))
        at++, digits++;
    if (digits == 0) return NULL;
    if (at < raw.len) {
        if (raw.ptr[at++] != '.' || at == raw.len) return NULL;
        while (at < raw.len && is_digit(raw.ptr[at]))
            at++;
        if (at < raw.len) return NULL;
    }
    char text[MAX_NUMBER];
    memcpy(text, raw.ptr, raw.len);
    text[raw.len] = '\0';
    double value = PyOS_string_to_double(text, NULL, NULL);
    if (value == -1.0 && PyErr_Occurred()) return NULL;
    return PyFloat_FromDouble(value);
}

static PyObject *plain_bool(fa_span raw)
{
    static const struct {
        fa_span text;
        bool value;
    } words[] = {
        {{"true", 4}, true},
        {{"false", 5}, false},
        {{"1", 1}, true},
        {{"0", 1}, false},
        {{"yes", 3}, true},
        {{"no", 2}, false},
        {{"on", 2}, true},
        {{"off", 3}, false},
        {{"t", 1}, true},
        {{"f", 1}, false},
        {{"y", 1}, true},
        {{"n", 1}, false},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (fa_span_eq_nocase(raw, words[i].text)) return PyBool_FromLong(words[i].value);
    }
    return NULL;
}

/* --- validators --------------------------------------------------------------- */

/* Steals `value`; NULL in, NULL out. */
static PyObject *validated(const struct fa_py_plan *plan, PyObject *validate, PyObject *value)
{
    if (value == NULL) return NULL;
    PyObject *result = fa_py_plan_validate(plan, validate, value);
    Py_DECREF(value);
    return result;
}

static PyObject *converted(
    const struct fa_py_plan *plan, const struct fa_py_param *param, fa_span raw)
{
    PyObject *value = NULL;
    switch (param->conv) {
    case FA_PY_INT: value = plain_int(raw, param->source != FA_PY_QUERY); break;
    case FA_PY_FLOAT: value = plain_float(raw); break;
    case FA_PY_BOOL: value = plain_bool(raw); break;
    case FA_PY_STR: return text_of(param->source, raw);
    case FA_PY_VALIDATOR: break;
    }
    if (value != NULL || PyErr_Occurred() || param->validate == NULL) return value;
    return validated(plan, param->validate, text_of(param->source, raw));
}

/* --- where the values are ----------------------------------------------------- */

static bool list_append(struct found *found, enum fa_py_source source, fa_span raw)
{
    if (found->list == NULL) found->list = PyList_New(0);
    PyObject *text = found->list == NULL ? NULL : text_of(source, raw);
    if (text == NULL) return false;
    int failed = PyList_Append(found->list, text);
    Py_DECREF(text);
    return failed == 0;
}

static bool found_value(const struct fa_py_param *param, struct found *found, fa_span raw)
{
    found->present = true;
    found->value = raw;
    return !param->is_list || list_append(found, param->source, raw);
}

/* One pass over the query string: the last repeat of a name wins, lists take all. */
static bool scan_query(const struct fa_py_plan *plan, fa_span query, struct found *found)
{
    struct fa_url_query_iter pairs;
    fa_url_query_iter_init(&pairs, query);
    fa_span name, value;
    while (fa_url_query_next(&pairs, &name, &value)) {
        char small[SMALL_TEXT];
        if (fa_url_needs_decode(name, true)) {
            if (name.len > sizeof small) return false;
            size_t len = 0;
            bool invalid = false;
            fa_url_decode(name, small, &len, true, &invalid);
            if (invalid) return false;
            name = (fa_span){small, len};
        } else if (fa_py_pairs_has_high_bytes(name)) {
            return false;
        }
        for (int i = 0; i < plan->param_count; i++) {
            const struct fa_py_param *param = &plan->params[i];
            if (param->source != FA_PY_QUERY || !fa_span_eq(name, param->wire)) continue;
            if (!found_value(param, &found[i], value)) return false;
        }
    }
    return true;
}

/* Headers: the first repeat wins, lists take all. */
static bool scan_headers(
    const struct fa_py_param *param, const struct fa_py_input *input, struct found *found)
{
    for (uint32_t h = 0; h < input->header_count; h++) {
        if (!fa_span_eq_nocase(input->headers[h].name, param->wire)) continue;
        if (!found_value(param, found, input->headers[h].value)) return false;
        if (!param->is_list) return true;
    }
    return true;
}

static fa_span trimmed(fa_span text)
{
    return fa_span_trimmed(text, fa_http_char_is_blank);
}

/* starlette.requests.cookie_parser over each Cookie header: the last one wins. A
 * quoted value needs http.cookies' unquoting, so it is not certain here. */
static bool scan_cookies(
    const struct fa_py_param *param, const struct fa_py_input *input, struct found *found)
{
    for (uint32_t h = 0; h < input->header_count; h++) {
        if (!fa_span_eq_nocase(input->headers[h].name, FA_SPAN("cookie"))) continue;
        fa_span rest = input->headers[h].value;
        if (fa_py_pairs_has_high_bytes(rest)) return false;
        while (rest.len > 0) {
            fa_span chunk = fa_span_cut(&rest, ';');
            const char *equals = memchr(chunk.ptr, '=', chunk.len);
            fa_span name = {chunk.ptr, 0}, value = chunk;
            if (equals != NULL) {
                name.len = (size_t)(equals - chunk.ptr);
                value = (fa_span){equals + 1, chunk.len - name.len - 1};
            }
            name = trimmed(name);
            value = trimmed(value);
            if ((name.len == 0 && value.len == 0) || !fa_span_eq(name, param->wire)) continue;
            if (value.len > 0 && value.ptr[0] == '"') return false;
            if (!found_value(param, found, value)) return false;
        }
    }
    return true;
}

/* --- the body ------------------------------------------------------------------- */

/* The first Content-Type, or an empty span. */
static fa_span content_type(const struct fa_py_input *input)
{
    for (uint32_t h = 0; h < input->header_count; h++) {
        if (fa_span_eq_nocase(input->headers[h].name, FA_SPAN("content-type")))
            return input->headers[h].value;
    }
    return (fa_span){NULL, 0};
}

static bool is_type(fa_span value, fa_span wanted)
{
    return fa_span_eq_nocase(trimmed(fa_span_cut(&value, ';')), wanted);
}

static bool is_urlencoded(fa_span type)
{
    return is_type(type, FA_SPAN("application/x-www-form-urlencoded"));
}

/* Is the body, by its type, one that the plan takes? */
static bool is_wanted(const struct fa_py_plan *plan, const struct fa_py_input *input)
{
    fa_span type = content_type(input);
    if (plan->body.form_from_bytes == NULL) return is_type(type, FA_SPAN("application/json"));
    return is_urlencoded(type) || is_type(type, FA_SPAN("multipart/form-data"));
}

static PyObject *form_value(const struct fa_py_plan *plan, const struct fa_py_input *input)
{
    const struct fa_py_body *body = &plan->body;
    fa_span type = content_type(input);
    if (body->form_from_pairs != NULL && is_urlencoded(type)) {
        PyObject *pairs = fa_py_pairs_of(input->body);
        PyObject *value = pairs == NULL ? NULL : PyObject_CallOneArg(body->form_from_pairs, pairs);
        Py_XDECREF(pairs);
        return value;
    }
    PyObject *text = PyUnicode_DecodeLatin1(type.ptr, (Py_ssize_t)type.len, NULL);
    PyObject *bytes = PyBytes_FromStringAndSize(input->body.ptr, (Py_ssize_t)input->body.len);
    PyObject *value = NULL;
    if (text != NULL && bytes != NULL) {
        PyObject *args[] = {text, bytes};
        value = PyObject_Vectorcall(body->form_from_bytes, args, 2, NULL);
    }
    Py_XDECREF(text);
    Py_XDECREF(bytes);
    return value;
}

static PyObject *json_value(const struct fa_py_plan *plan, PyObject *bytes)
{
    const struct fa_py_body *body = &plan->body;
    if (PyBytes_GET_SIZE(bytes) == 0 || body->form_from_bytes != NULL) return NULL;
    if (body->validate_json != NULL) return PyObject_CallOneArg(body->validate_json, bytes);
    return validated(plan, body->validate_python, PyObject_CallOneArg(body->json_loads, bytes));
}

/* --- all together ----------------------------------------------------------------- */

static PyObject *param_value(const struct fa_py_plan *plan, const struct fa_py_param *param,
    const struct fa_py_input *input, struct found *found)
{
    if (param->source == FA_PY_ALL_QUERY)
        return validated(plan, param->validate, fa_py_pairs_of(input->query));
    if (param->source == FA_PY_ALL_HEADERS)
        return validated(
            plan, param->validate, fa_py_pairs_headers(input->headers, input->header_count, NULL));
    if (found->present) {
        if (!param->is_list) return converted(plan, param, found->value);
        PyObject *list = found->list;
        found->list = NULL;
        return validated(plan, param->validate, list);
    }
    if (param->required) return NULL;
    if (param->default_factory != NULL) return PyObject_CallNoArgs(param->default_factory);
    return Py_NewRef(param->default_value);
}

static bool locate(
    const struct fa_py_plan *plan, const struct fa_py_input *input, struct found *found)
{
    if (plan->has_query && input->query.len > 0 && !scan_query(plan, input->query, found))
        return false;
    for (int i = 0; i < plan->param_count; i++) {
        const struct fa_py_param *param = &plan->params[i];
        switch (param->source) {
        case FA_PY_PATH:
            if (param->path_index >= input->path_param_count) return false;
            found[i].present = true;
            found[i].value = input->path_params[param->path_index];
            break;
        case FA_PY_HEADER:
            if (!scan_headers(param, input, &found[i])) return false;
            break;
        case FA_PY_COOKIE:
            if (!scan_cookies(param, input, &found[i])) return false;
            break;
        default: break;
        }
    }
    return true;
}

/* False, and no reference is left: not certain. */
static bool give_up(const struct fa_py_plan *plan, PyObject **slots)
{
    for (int i = 0; i < plan->arg_count; i++)
        Py_CLEAR(slots[i]);
    PyErr_Clear();
    return false;
}

bool fa_py_params_begin(
    const struct fa_py_plan *plan, const struct fa_py_input *input, PyObject **slots)
{
    struct found found[FA_PY_PLAN_MAX_ARGS];
    if (plan->body.keyword != NULL && !is_wanted(plan, input)) return false;
    memset(found, 0, sizeof found[0] * plan->param_count);
    memset(slots, 0, sizeof slots[0] * plan->arg_count);
    bool certain = locate(plan, input, found);
    for (int i = 0; certain && i < plan->param_count; i++) {
        PyObject *value = param_value(plan, &plan->params[i], input, &found[i]);
        slots[plan->params[i].slot] = value;
        certain = value != NULL;
    }
    for (int i = 0; i < plan->param_count; i++)
        Py_CLEAR(found[i].list);
    return certain || give_up(plan, slots);
}

bool fa_py_params_take_body(const struct fa_py_plan *plan, PyObject *body_bytes, PyObject **slots)
{
    PyObject *value = json_value(plan, body_bytes);
    slots[plan->body.slot] = value;
    return value != NULL || give_up(plan, slots);
}

bool fa_py_params_extract(
    const struct fa_py_plan *plan, const struct fa_py_input *input, PyObject **slots)
{
    bool is_form = plan->body.form_from_bytes != NULL;
    if (plan->body.keyword != NULL && !is_form && input->body.len == 0) return false;
    if (!fa_py_params_begin(plan, input, slots)) return false;
    if (plan->body.keyword == NULL) return true;
    if (is_form) {
        PyObject *value = form_value(plan, input);
        slots[plan->body.slot] = value;
        return value != NULL || give_up(plan, slots);
    }
    PyObject *bytes = PyBytes_FromStringAndSize(input->body.ptr, (Py_ssize_t)input->body.len);
    if (bytes == NULL) return give_up(plan, slots);
    bool certain = fa_py_params_take_body(plan, bytes, slots);
    Py_DECREF(bytes);
    return certain;
}
