/* py_plan.h - one route's compiled call plan: what to extract, call and answer.
 *
 * Built once by fasterapi.plan, read-only afterwards but for two counters, so any
 * thread with the GIL may use it without a lock.
 */
#ifndef FA_PYTHON_PY_PLAN_H
#define FA_PYTHON_PY_PLAN_H

#include <stdatomic.h>

#include "base/span.h"
#include "python/compat.h"
#include "python/py_json.h"
#include "python/py_watch.h"

enum { FA_PY_PLAN_MAX_ARGS = 32, FA_PY_PLAN_MAX_SKIPS = 63 };

/* The last two are all pairs at once, see py_pairs.h: `validate` picks what it wants. */
enum fa_py_source {
    FA_PY_PATH = 0,
    FA_PY_QUERY = 1,
    FA_PY_HEADER = 2,
    FA_PY_COOKIE = 3,
    FA_PY_ALL_QUERY = 4,
    FA_PY_ALL_HEADERS = 5
};

enum fa_py_conv {
    FA_PY_STR = 0,
    FA_PY_INT = 1,
    FA_PY_FLOAT = 2,
    FA_PY_BOOL = 3,
    FA_PY_VALIDATOR = 4
};

struct fa_py_param {
    PyObject *keyword;         /* str: the handler's argument name */
    PyObject *wire_name;       /* bytes: the name in the request */
    fa_span wire;              /* view of wire_name */
    PyObject *default_value;   /* used when absent, not required, no factory */
    PyObject *default_factory; /* NULL or a callable that makes a fresh default */
    PyObject *validate;        /* NULL or SchemaValidator.validate_python */
    enum fa_py_source source;
    enum fa_py_conv conv;
    bool is_list;
    bool required;
    uint8_t slot;       /* position in the handler's argument vector */
    uint8_t path_index; /* source == FA_PY_PATH: which parameter of the pattern */
};

struct fa_py_body {
    PyObject *keyword; /* NULL: the handler takes no body */
    PyObject *validate_python;
    PyObject *json_loads;
    PyObject *validate_json;   /* NULL unless provably equal to the two above */
    PyObject *form_from_pairs; /* NULL, or takes an urlencoded form as a list of pairs */
    PyObject *form_from_bytes; /* takes (content type, body) of any form; NULL: JSON */
    uint8_t slot;
};

struct fa_py_answer {
    PyObject *validate;     /* NULL: untyped, jsonable_encoder semantics */
    PyObject *dump;         /* SchemaSerializer.to_json, gives bytes */
    PyObject *dump_kwnames; /* tuple of str */
    PyObject *dump_values;  /* tuple, same length */
    PyObject *slow;         /* callable(value) -> bytes; raises FastAPI's error */
    const char *shape;      /* for fa_py_json_write; "": only the four above can */
    char shape_text[FA_PY_JSON_SHAPE_MAX + 1];
    atomic_uint shape_skips; /* so many answers more go straight to Pydantic; any thread */
    atomic_uint shape_pause; /* how many it was the last time; any thread */
    int status;
};

struct fa_py_plan {
    PyObject_HEAD PyObject *handler;
    PyObject *validate_kwnames; /* ("from_attributes",) */
    PyObject *kwnames;          /* NULL: the slots are the handler's own positions */
    bool is_async;
    bool can_suspend;
    bool may_decline;          /* the handler may return NotImplemented: hand over */
    bool wants_exchange;       /* the handler's first argument is the request's Exchange */
    bool is_inline;            /* a `def` handler that may run on the loop thread */
    struct fa_py_watch *watch; /* the routes it is one of, or NULL; set by its route table */
    Py_ssize_t max_body;       /* a larger request body is handed over; negative: any */
    uint8_t arg_count;
    uint8_t param_count;
    bool has_query;
    struct fa_py_param *params;
    struct fa_py_body body;
    struct fa_py_answer answer;
};

extern PyType_Spec fa_py_plan_spec;

/*
 * fa_py_plan_validate - validate(value, from_attributes=True), as ModelField.validate calls it.
 *
 * Refs:      borrows both; returns a new reference.
 * GIL:       attached thread state required.
 * Calls out: yes.
 * Errors:    NULL with the validator's exception set.
 */
PyObject *fa_py_plan_validate(const struct fa_py_plan *plan, PyObject *validate, PyObject *value);

/*
 * fa_py_plan_next_shape - the shape for the next answer; "" if it is not worth a try.
 *
 * Where the core was not sure of an answer, what it had written is lost. So the next one
 * goes straight to Pydantic, after another try the next three, then seven, up to 63.
 *
 * GIL:       attached thread state required.
 * Calls out: no.
 * Memory:    relaxed: a count that is lost on a free-threaded build does no harm.
 */
static inline const char *fa_py_plan_next_shape(struct fa_py_plan *plan)
{
    unsigned skips = atomic_load_explicit(&plan->answer.shape_skips, memory_order_relaxed);
    if (FA_LIKELY(skips == 0)) return plan->answer.shape;
    atomic_store_explicit(&plan->answer.shape_skips, skips - 1, memory_order_relaxed);
    return "";
}

/*
 * fa_py_plan_note_shape - how the try with that shape ended.
 *
 * GIL, Calls out, Memory: as fa_py_plan_next_shape.
 */
static inline void fa_py_plan_note_shape(struct fa_py_plan *plan, const char *shape, bool unsure)
{
    if (*shape == '\0' || plan->answer.validate == NULL) return; /* no try, or no Pydantic */
    unsigned pause = atomic_load_explicit(&plan->answer.shape_pause, memory_order_relaxed);
    if (FA_LIKELY(!unsure && pause == 0)) return;
    pause = !unsure ? 0 : pause < FA_PY_PLAN_MAX_SKIPS ? 2 * pause + 1 : pause;
    atomic_store_explicit(&plan->answer.shape_pause, pause, memory_order_relaxed);
    atomic_store_explicit(&plan->answer.shape_skips, pause, memory_order_relaxed);
}

/*
 * fa_py_plan_bind_path - look up each path parameter in the route's pattern.
 *
 * GIL:       attached thread state required.
 * Calls out: no.
 * Errors:    -1 with ValueError when a parameter is not in the pattern.
 */
int fa_py_plan_bind_path(struct fa_py_plan *plan, fa_span pattern);

#endif
