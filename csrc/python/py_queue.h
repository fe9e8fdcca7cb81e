/* py_queue.h - the queue types: Python objects through the rings of csrc/queue. */
#ifndef FA_PYTHON_PY_QUEUE_H
#define FA_PYTHON_PY_QUEUE_H

#include "python/compat.h"

/* Slots a queue made in Python may have. More is a mistake, and MPMCQueue writes to each at once. */
#define FA_PY_QUEUE_MAX ((size_t)1 << 24)

extern PyType_Spec fa_py_queue_spsc_spec;
extern PyType_Spec fa_py_queue_mpmc_spec;
extern PyType_Spec fa_py_queue_locked_spec;

#endif
