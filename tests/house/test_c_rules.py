"""Names, contracts, tests and calls of the C files."""

import pytest
from c_rules import (
    banned_calls,
    contract_comments,
    every_file_has_its_test,
    paired_macros,
    prefixes,
)
from c_source import declarations
from project import expect_none, project_files, read

SOURCES = (".c", ".h")


def test_parser_of_c():
    text = """
#define MACRO(x) \\
    void not_me(x) {}
struct s { int (*call)(void); };
typedef int (*callback)(int);
static const int table[] = {1, 2};
/* "{" in a comment */
FA_NODISCARD fa_status fa_a_first(struct s *s,
                                  int n);
static inline int fa_a_second(int n) __attribute__((const));
static int third(const char *text)
{
    return text[0] == '{' ? MACRO("}") : 0;
}
extern int fa_a_number;
void fa_a_fourth(void) { if (1) { } }
"""
    found = [(d.name, d.lines, d.static, d.defined) for d in declarations(text)]
    assert found == [
        ("fa_a_first", 2, False, False),
        ("fa_a_second", 1, True, False),
        ("third", 4, True, True),
        ("fa_a_fourth", 1, False, True),
    ]


def test_prefixes():
    expect_none(prefixes(read("csrc/", suffixes=SOURCES)))


@pytest.mark.parametrize(
    ("path", "text", "fine"),
    [
        ("csrc/queue/spsc_queue.h", "int fa_queue_pop(void);", False),
        ("csrc/queue/spsc_queue.c", "int pop(void) { return 0; }", False),
        ("csrc/queue/spsc_queue.h", "static inline int pop(void) { return 0; }", False),
        ("csrc/queue/spsc_queue.c", "static int pop(void) { return 0; }", True),
        ("csrc/queue/spsc_queue.h", "FA_NODISCARD fa_status fa_spsc_queue_try_pop(void);", True),
        ("csrc/python/module.c", "PyMODINIT_FUNC PyInit__fasterapi_core(void) { return 0; }", True),
    ],
)
def test_prefixes_itself(path: str, text: str, fine: bool):
    assert (prefixes({path: text}) == []) is fine


def test_contract_comments():
    expect_none(contract_comments(read("csrc/", suffixes=(".h",))))


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        ("int fa_a_x(void);", False),
        ("/* fa_a_y - something else. */\nint fa_a_x(void);", False),
        ("/* fa_a_x - does x. */\nint fa_a_x(void);\n\nint fa_a_z(void);", False),
        ("/* fa_a_x, fa_a_z - do x and z. */\nint fa_a_x(void);\n\nint fa_a_z(void);", True),
        ("/* fa_a_x - does x. */\nint fa_a_x(void);\nint fa_a_x_too(void);", True),
        ("/*\n * fa_a_x - does x.\n */\nint fa_a_x(void);", True),
        ("/* fa_a_x - does x. */\nFA_NODISCARD static inline int fa_a_x(void) { return 1; }", True),
    ],
)
def test_contract_comments_itself(text: str, fine: bool):
    assert (contract_comments({"csrc/base/a.h": text}) == []) is fine


def test_every_file_has_its_test():
    tests = {name for name in project_files() if name.startswith("tests/c/")}
    expect_none(every_file_has_its_test(read("csrc/", suffixes=SOURCES), tests))


def test_every_file_has_its_test_itself():
    inline = (
        "static inline int fa_b_x(void) { return 1; }\nstatic inline int fa_b_y(void) { return 1; }"
    )
    sources = {
        "csrc/net/a.c": "",
        "csrc/net/a.h": inline,
        "csrc/queue/b.h": inline,
        "csrc/python/p.c": "",
    }
    assert len(every_file_has_its_test(sources, set())) == 2
    tests = {"tests/c/net/test_a.c", "tests/c/queue/test_b.c"}
    assert every_file_has_its_test(sources, tests) == []


def test_banned_calls():
    expect_none(banned_calls(read("csrc/", "tests/c/", "benchmarks/c/", suffixes=SOURCES)))


@pytest.mark.parametrize(
    ("path", "text", "fine"),
    [
        ("csrc/base/a.c", "strcpy(a, b);", False),
        ("csrc/base/a.c", "x = sprintf (a, b);", False),
        ("csrc/base/a.c", "#define COPY(a, b) strcat(a, b)", False),
        ("csrc/base/a.c", "p = malloc(3);", False),
        ("csrc/base/a.c", "free(p);", False),
        ("csrc/base/a.c", "abort();", False),
        ("csrc/base/alloc.c", "p = malloc(3); free(p);", True),
        ("tests/c/base/test_a.c", "p = malloc(3); free(p);", True),
        ("csrc/base/a.c", 'snprintf(a, 3, "sprintf("); fa_free(p); /* gets() */ s->free(p);', True),
    ],
)
def test_banned_calls_itself(path: str, text: str, fine: bool):
    assert (banned_calls({path: text}) == []) is fine


def test_paired_macros():
    expect_none(paired_macros(read("csrc/python/", suffixes=SOURCES)))


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        ("Py_BEGIN_ALLOW_THREADS\nreturn 1;\nPy_END_ALLOW_THREADS", False),
        ("Py_BEGIN_ALLOW_THREADS\nread();", False),
        ("Py_BEGIN_CRITICAL_SECTION(o);\nif (x) goto fail;\nPy_END_CRITICAL_SECTION();", False),
        ('if (Py_EnterRecursiveCall("")) return 0;', False),
        ("Py_BEGIN_ALLOW_THREADS\nread();\nPy_END_ALLOW_THREADS\nreturn 1;", True),
    ],
)
def test_paired_macros_itself(text: str, fine: bool):
    assert (paired_macros({"csrc/python/a.c": text}) == []) is fine
