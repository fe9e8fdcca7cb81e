"""The same request to FastAPI on Uvicorn and to us: same status, headers in order, same bytes.

What is not compared, and why:
* the values of `date` and `server` (but both must be there, in the same place);
* the reason phrase's wording is compared only for codes that have one registered;
* `connection` and `keep-alive`: they belong to the hop, and each server decides when to close.
"""

import contextlib
import http

import pytest
from live_server import LiveServer
from request_table import CASES, Case
from wire import Connection, Response, exchange

HOP_BY_HOP = {b"connection", b"keep-alive"}
NAMES = [case.name for case in CASES]


def comparable(response: Response) -> tuple[object, ...]:
    headers = []
    for name, value in response.headers:
        if name.lower() in HOP_BY_HOP:
            continue
        headers.append((name, b"*" if name in (b"date", b"server") else value))
    known = response.status in set(http.HTTPStatus)
    return response.status, response.reason if known else b"", tuple(headers), response.body


@pytest.fixture(scope="session")
def expected(reference: LiveServer):
    """Answers of FastAPI on Uvicorn, asked for once per case."""
    answers: dict[str, tuple[object, ...]] = {}

    def ask(case: Case) -> tuple[object, ...]:
        if case.name not in answers:
            answers[case.name] = comparable(exchange(reference.address, case.raw))
        return answers[case.name]

    return ask


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_same_answer(case: Case, expected, ours: LiveServer):
    assert comparable(exchange(ours.address, case.raw)) == expected(case)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_same_answer_of_a_plain_fastapi_app(case: Case, expected, ours_plain: LiveServer):
    assert comparable(exchange(ours_plain.address, case.raw)) == expected(case)


@pytest.mark.parametrize("case", CASES[::7], ids=NAMES[::7])
def test_same_answer_without_the_core(case: Case, expected, ours_without_core: LiveServer):
    assert comparable(exchange(ours_without_core.address, case.raw)) == expected(case)


def test_same_answers_on_one_connection(expected, ours: LiveServer):
    """All requests one after the other on kept-alive connections: nothing leaks from one to the next."""
    with contextlib.ExitStack() as stack:
        connection = stack.enter_context(Connection(ours.address))
        for case in CASES:
            connection.send(case.raw)
            response = connection.read_response(case.method)
            assert comparable(response) == expected(case), case.name
            if response.header(b"connection") == b"close":
                assert connection.closed_by_peer(), case.name
                connection = stack.enter_context(Connection(ours.address))


@pytest.mark.parametrize("size", [2, 16])
def test_same_answers_pipelined(size: int, expected, ours: LiveServer):
    """The same in groups sent at once: the answers come in order, each as if it had come alone."""
    cases = [case for case in CASES if len(case.raw) < 4096]
    for start in range(0, len(cases), size):
        group = cases[start : start + size]
        with Connection(ours.address) as connection:
            connection.send(b"".join(case.raw for case in group))
            for case in group:
                response = connection.read_response(case.method)
                assert comparable(response) == expected(case), case.name
                if response.header(b"connection") == b"close":
                    break
