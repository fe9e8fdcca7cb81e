/* py_path_params.h - the parameters of a path pattern as Starlette converts them. */
#ifndef FA_PYTHON_PY_PATH_PARAMS_H
#define FA_PYTHON_PY_PATH_PARAMS_H

#include "python/compat.h"
#include "route/router.h"

struct fa_py_path_params {
    PyObject *names; /* tuple of str, in pattern order */
    uint8_t kinds[FA_ROUTER_MAX_PARAMS];
};

/*
 * fa_py_path_params_read - what the parameters of a valid pattern are called, and their kinds.
 *
 * Refs:      params->names is a new reference.
 * GIL:       attached thread state required.
 * Calls out: no.
 * Errors:    false with an exception set; params->names is then NULL.
 */
bool fa_py_path_params_read(struct fa_py_path_params *params, fa_span pattern);

/*
 * fa_py_path_params_put - add the converted parameters of a match to a dict.
 *
 * Refs:      borrows `dict`, which has got some of them when it fails.
 * GIL:       attached thread state required.
 * Calls out: no (str, int and float only).
 * Errors:    false with an exception set, for example for an int of too many digits.
 */
bool fa_py_path_params_put(
    const struct fa_py_path_params *params, const struct fa_route_match *match, PyObject *dict);

#endif
