"""Clients that leave, where we differ from Uvicorn on purpose."""

import signal

import pytest
from live_server import start_fasterapi
from wire import Connection

HEAD = " HTTP/1.1\r\nHost: h\r\n\r\n"


@pytest.mark.parametrize("path", ["/value", "/told", "/thread", "/bare/"])
def test_a_client_that_has_closed_its_side_gets_a_plain_answer(path: str):
    server = start_fasterapi("left_app.py")
    try:
        with Connection(server.address) as connection:
            connection.send(f"GET {path}{HEAD}".encode())
            connection.finish_sending()
            assert connection.read_response().body == b'"whole"'
            assert connection.closed_by_peer()
    finally:
        server.stop()


@pytest.mark.parametrize("leaves", [True, False])
def test_a_stop_does_not_wait_for_a_generator_in_its_thread(leaves: bool):
    server = start_fasterapi("left_app.py", "--graceful-timeout", "1000")
    with Connection(server.address) as connection:
        connection.send(f"GET /stuck{HEAD}".encode())
        connection.read_head()
        connection._until(b"hello")
        if leaves:
            connection.close()
        server.signal(signal.SIGTERM)
        server.wait()  # far from the graceful timeout
    server.stop()
    assert "Left behind" in server.output
