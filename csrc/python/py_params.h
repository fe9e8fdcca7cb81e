/* py_params.h - from the request's bytes to the handler's arguments. */
#ifndef FA_PYTHON_PY_PARAMS_H
#define FA_PYTHON_PY_PARAMS_H

#include "http/http_parser.h"
#include "python/py_plan.h"

/*
 * What a plan takes its arguments from: a task of our own server, or the scope and
 * the body of any ASGI server. Everything is borrowed for the length of one call.
 */
struct fa_py_input {
    const fa_span *path_params; /* percent-decoded UTF-8, in pattern order */
    uint32_t path_param_count;
    uint32_t header_count;
    const struct fa_http_header *headers; /* names in any case */
    fa_span query;                        /* raw, after '?' */
    fa_span body;                         /* complete; not for fa_py_params_begin */
};

/*
 * fa_py_params_extract - fill one value per handler argument.
 *
 * The rule of the whole project sits here: be certain, or hand over. A value is
 * accepted only where the conversion is exactly Pydantic's (done in C for the plain
 * spellings, by the field's own validator for the rest). Whatever is missing,
 * refused or odd makes the answer `false`, and FastAPI itself takes the request
 * before anything of the user's has run.
 *
 * Refs:      slots[0..plan->arg_count) hold new references on true; none on false.
 * GIL:       attached thread state required.
 * Calls out: yes (validators, json.loads, default factories).
 * Errors:    none: exceptions raised on the way are dropped, FastAPI raises its own.
 */
bool fa_py_params_extract(
    const struct fa_py_plan *plan, const struct fa_py_input *input, PyObject **slots);

/*
 * fa_py_params_begin, fa_py_params_take_body - the same in two steps, for a body that
 * has to be waited for.
 *
 * The first does all but the body; it says `false` too when the headers show that the
 * body would not be taken. The second adds the body (`body_bytes` is an exact bytes
 * object); only for a plan that has one. It says `false` for a form.
 *
 * Refs:      after the first, slots[0..plan->arg_count) hold new references or NULL; none
 *            on false, of either.
 * GIL, Calls out, Errors: as above.
 */
bool fa_py_params_begin(
    const struct fa_py_plan *plan, const struct fa_py_input *input, PyObject **slots);
bool fa_py_params_take_body(const struct fa_py_plan *plan, PyObject *body_bytes, PyObject **slots);

#endif
