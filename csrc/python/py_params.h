/* py_params.h - from the request's bytes to the handler's arguments. */
#ifndef FA_PYTHON_PY_PARAMS_H
#define FA_PYTHON_PY_PARAMS_H

#include "python/py_plan.h"
#include "server/task.h"

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
    const struct fa_py_plan *plan, const struct fa_task *task, PyObject **slots);

#endif
