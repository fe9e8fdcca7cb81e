"""The bridge against a scripted stream: no core, no sockets."""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path
from typing import Any

import pytest
from scripted_stream import ScriptedStream
from starlette.requests import ClientDisconnect

from fasterapi.asgi import Bridge


class FakeStream(ScriptedStream):
    """A Stream whose input is a script and whose output is a list of calls."""

    path = "/a b"
    raw_path = b"/a%20b"
    query_string = b"x=1"
    eof = open_body = False
    sent = b""

    def read(self) -> bytes | None:
        chunk = super().read()
        self.eof = not self.chunks and not self.open_body
        return chunk

    def want_body(self) -> None:
        self.calls.append(("want_body",))

    def start(self, status: int, headers: Any) -> None:
        rows = list(headers)
        for name, value in rows:
            if not isinstance(name, bytes) or not isinstance(value, bytes):
                raise TypeError("header names and values must be bytes")
            if b"\n" in name + value:
                raise RuntimeError("Invalid HTTP header")
        super().start(status, [tuple(row) for row in rows])

    def write(self, data: bytes, more: bool) -> None:
        super().write(data, more)
        self.sent += data

    def write_file(self, fd: int, offset: int, count: int) -> None:
        self.calls.append(("write_file", os.pread(fd, count, offset)))
        os.close(fd)

    def close(self) -> None:
        self.calls.append(("close",))


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def finish(bridge: Bridge) -> None:
    tasks = [item.task for item in bridge.active if item.task is not None]
    await asyncio.wait_for(asyncio.gather(*tasks), 10)


def serve_one(app: Any, stream: FakeStream, **options: Any) -> FakeStream:
    async def main() -> None:
        bridge = Bridge(app, loop=asyncio.get_running_loop(), **options)
        bridge(stream)
        await finish(bridge)
        assert not bridge.active

    asyncio.run(main())
    return stream


def start(status: int = 200, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def body(data: bytes = b"", more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


ERROR_500 = [
    (
        "start",
        500,
        [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", b"21"),
            (b"connection", b"close"),
        ],
    ),
    ("write", b"Internal Server Error", False),
]


def test_scope_has_every_field_of_the_spec():
    seen = {}

    async def app(scope, receive, send):
        seen.update(scope)
        await send(start())
        await send(body(b"hi"))

    state = {"db": object()}
    serve_one(app, FakeStream(headers=[(b"host", b"x")]), state=state)
    assert seen == {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 50000),
        "scheme": "http",
        "method": "GET",
        "root_path": "",
        "path": "/a b",
        "raw_path": b"/a%20b",
        "query_string": b"x=1",
        "headers": [(b"host", b"x")],
        "state": state,
    }
    assert seen["state"] is not state


def test_root_path_is_put_before_both_paths():
    seen = {}

    async def app(scope, receive, send):
        seen.update(scope)
        await send(start(204))
        await send(body())

    serve_one(app, FakeStream(), root_path="/api")
    assert (seen["root_path"], seen["path"], seen["raw_path"]) == (
        "/api",
        "/api/a b",
        b"/api/a%20b",
    )


def test_start_and_one_body_is_one_write():
    async def app(scope, receive, send):
        await send(start(200, (b"a", b"b")))
        await send(body(b"hello"))

    stream = serve_one(app, FakeStream())
    assert stream.calls == [("start", 200, [(b"a", b"b")]), ("write", b"hello", False)]


def test_head_leaves_alone_when_no_body_follows_in_the_same_step():
    gate = asyncio.Event()

    async def app(scope, receive, send):
        await send(start())
        await gate.wait()
        await send(body(b"late"))

    async def main():
        stream = FakeStream()
        bridge = Bridge(app, loop=asyncio.get_running_loop())
        bridge(stream)
        await turns()
        assert stream.calls[1:] == [("write", b"", True)]
        gate.set()
        await finish(bridge)
        assert stream.calls[2:] == [("write", b"late", False)]

    asyncio.run(main())


def test_header_lists_and_bytearrays_are_accepted():
    async def app(scope, receive, send):
        message = start()
        message["headers"] = [[bytearray(b"a"), b"b"]]
        await send(message)
        await send({"type": "http.response.body", "body": memoryview(b"xyz")})

    stream = serve_one(app, FakeStream())
    assert stream.calls == [("start", 200, [(b"a", b"b")]), ("write", b"xyz", False)]


def test_bad_header_raises_in_the_app_and_gives_500(caplog):
    async def app(scope, receive, send):
        await send(start(200, (b"a", b"b\nc")))

    stream = serve_one(app, FakeStream())
    assert stream.calls == ERROR_500
    assert "Exception in ASGI application" in caplog.text


def test_an_answer_that_fails_after_its_start_is_cut_off_behind_the_head():
    async def app(scope, receive, send):
        await send(start(200, (b"a", b"b")))
        raise ValueError("before the first piece")

    stream = serve_one(app, FakeStream())
    assert stream.calls == [
        ("start", 200, [(b"a", b"b")]),
        ("write", b"", True),
        ("close",),
    ]


@pytest.mark.parametrize("wrong", ["text", 5, None])
def test_body_must_be_bytes(wrong, caplog):
    async def app(scope, receive, send):
        await send(start())
        await send({"type": "http.response.body", "body": wrong})

    stream = serve_one(app, FakeStream())
    assert stream.calls[-1] == ("close",)
    assert "must be bytes" in caplog.text


# -- the request body ----------------------------------------------------------------------------


async def read_all(receive: Any) -> list[tuple[bytes, bool]]:
    parts = []
    while True:
        message = await receive()
        assert message["type"] == "http.request"
        parts.append((message["body"], message["more_body"]))
        if not message["more_body"]:
            return parts


def echo_app(parts: list[Any]) -> Any:
    async def app(scope, receive, send):
        parts.extend(await read_all(receive))
        await send(start())
        await send(body())

    return app


def test_no_body_is_one_empty_final_part():
    parts: list[Any] = []
    stream = serve_one(echo_app(parts), FakeStream())
    assert parts == [(b"", False)]
    assert ("want_body",) not in stream.calls


def test_body_in_chunks():
    parts: list[Any] = []
    serve_one(echo_app(parts), FakeStream(b"a", b"b", b"c", method="POST"))
    assert parts == [(b"a", True), (b"b", True), (b"c", False)]


def test_body_that_comes_later_is_asked_for_once():
    parts: list[Any] = []

    async def main():
        stream = FakeStream(method="POST", open_body=True)
        bridge = Bridge(echo_app(parts), loop=asyncio.get_running_loop())
        bridge(stream)
        await turns()
        assert stream.calls == [("want_body",)]
        stream.event(b"one")
        await turns()
        stream.event()
        await turns()
        stream.event(b"two", open_body=False)
        await finish(bridge)
        assert stream.calls.count(("want_body",)) == 1
        assert stream.on_event is None

    asyncio.run(main())
    assert parts == [(b"one", True), (b"two", False)]


def test_disconnect_in_the_body():
    seen = []

    async def app(scope, receive, send):
        seen.append(await receive())
        seen.append(await receive())

    async def main():
        stream = FakeStream(b"half", method="POST", open_body=True)
        bridge = Bridge(app, loop=asyncio.get_running_loop())
        bridge(stream)
        await turns()
        stream.event(disconnected=True)
        await finish(bridge)
        assert stream.calls == [("want_body",), ("close",)]

    asyncio.run(main())
    assert seen == [
        {"type": "http.request", "body": b"half", "more_body": True},
        {"type": "http.disconnect"},
    ]


@pytest.mark.parametrize("how", ["disconnected", "peer_closed"])
def test_receive_after_the_body_waits_for_the_disconnect(how):
    seen = []

    async def app(scope, receive, send):
        await receive()
        seen.append(await receive())

    async def main():
        stream = FakeStream()
        bridge = Bridge(app, loop=asyncio.get_running_loop())
        bridge(stream)
        await turns()
        assert seen == []
        stream.event(**{how: True})
        await finish(bridge)

    asyncio.run(main())
    assert seen == [{"type": "http.disconnect"}]


def test_half_closed_client_still_gets_its_answer():
    async def app(scope, receive, send):
        await receive()
        assert (await receive())["type"] == "http.disconnect"
        await send(start())
        await send(body(b"answer"))

    stream = serve_one(app, FakeStream(peer_closed=True))
    assert stream.calls[-1] == ("write", b"answer", False)


def test_receive_after_the_response_is_a_disconnect_even_if_it_waits_already():
    seen = []

    async def app(scope, receive, send):
        await receive()
        waiting = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        await send(start())
        await send(body())
        seen.append(await waiting)
        seen.append(await receive())

    serve_one(app, FakeStream())
    assert seen == [{"type": "http.disconnect"}] * 2


def test_a_cancelled_receive_loses_nothing():
    parts = []

    async def app(scope, receive, send):
        waiting = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.sleep(0)
        parts.extend(await read_all(receive))
        await send(start())
        await send(body())

    async def main():
        stream = FakeStream(method="POST", open_body=True)
        bridge = Bridge(app, loop=asyncio.get_running_loop())
        bridge(stream)
        await turns()
        stream.event(b"data", open_body=False)
        await finish(bridge)

    asyncio.run(main())
    assert parts == [(b"data", False)]


# -- streaming the answer --------------------------------------------------------------------------


async def without_room(app: Any) -> tuple[Bridge, FakeStream]:
    """An app that has come to where its answer must wait for the client."""
    stream = FakeStream(pending=100_000)
    bridge = Bridge(app, loop=asyncio.get_running_loop())
    bridge(stream)
    await turns()
    return bridge, stream


def test_streamed_answer_waits_for_room():
    steps = []

    async def app(scope, receive, send):
        await send(start())
        for number in range(3):
            await send(body(b"x", True))
            steps.append(number)
        await send(body())

    async def main():
        bridge, stream = await without_room(app)
        assert steps == []
        stream.event(pending=70_000)
        await turns()
        assert steps == []
        stream.event(pending=0)
        await finish(bridge)
        assert steps == [0, 1, 2]
        assert stream.calls[-1] == ("write", b"", False)

    asyncio.run(main())


def test_endless_stream_lets_other_callbacks_run():
    async def app(scope, receive, send):
        await send(start())
        while True:
            await send(body(b"x" * 10_000, True))

    async def main():
        stream = FakeStream()
        loop = asyncio.get_running_loop()
        bridge = Bridge(app, loop=loop)
        bridge(stream)
        (task,) = (item.task for item in bridge.active)
        loop.call_soon(loop.call_soon, stream.__dict__.update, {"disconnected": True})
        await turns()
        sent = len(stream.calls)
        await turns(20)
        assert len(stream.calls) == sent  # it goes on, for nobody
        task.cancel()
        await asyncio.wait([task], timeout=10)
        assert stream.calls[-1] == ("close",)

    asyncio.run(main())


def test_send_after_disconnect_returns_and_nothing_is_logged(caplog):
    events = [start(), body(b"x", True), body(), {"type": "http.response.pathsend", "path": "/no"}]

    async def app(scope, receive, send):
        for message in events:
            await send(message)

    stream = serve_one(app, FakeStream(disconnected=True))
    assert stream.calls == [("close",)]
    assert caplog.records == []


def test_send_that_waits_for_room_returns_when_the_client_leaves():
    steps = []

    async def app(scope, receive, send):
        await send(start())
        await send(body(b"x", True))
        steps.append("returned")
        await send(body())

    async def main():
        bridge, stream = await without_room(app)
        assert steps == []
        stream.event(disconnected=True)
        await finish(bridge)
        assert steps == ["returned"]
        assert stream.calls[-1] == ("close",)

    asyncio.run(main())


def test_an_answer_of_unknown_length_is_cut_for_a_half_closed_client_whose_app_was_told():
    async def app(scope, receive, send):
        await send(start())
        await send(body(b"one", True))
        await receive()
        assert (await receive())["type"] == "http.disconnect"
        await send(body(b"two", True))
        await send(body())

    stream = serve_one(app, FakeStream(peer_closed=True))
    assert stream.calls[1:] == [("write", b"one", True), ("close",)]


def test_an_answer_of_known_length_is_whole_for_a_half_closed_client():
    async def app(scope, receive, send):
        await send(start(200, (b"Content-Length", b"6")))
        await send(body(b"one", True))
        await receive()
        assert (await receive())["type"] == "http.disconnect"
        await send(body(b"two", True))
        await send(body())

    stream = serve_one(app, FakeStream(peer_closed=True))
    assert [call[1] for call in stream.calls[1:]] == [b"one", b"two", b""]


def test_an_app_that_gives_up_when_its_client_leaves_is_not_logged(caplog):
    async def app(scope, receive, send):
        while (await receive())["type"] != "http.disconnect":
            pass

    stream = serve_one(app, FakeStream(peer_closed=True))
    assert stream.calls == [("close",)]
    assert caplog.records == []


def test_wrapped_disconnect_is_not_logged(caplog):
    async def app(scope, receive, send):
        try:
            raise ClientDisconnect()
        except ClientDisconnect as exc:
            raise ValueError("framework's own") from exc

    serve_one(app, FakeStream(disconnected=True))
    assert caplog.records == []


def test_other_error_after_disconnect_is_logged(caplog):
    async def app(scope, receive, send):
        raise ValueError("a bug")

    stream = serve_one(app, FakeStream(disconnected=True))
    assert "a bug" in caplog.text
    assert stream.calls == [("close",)]


# -- files ---------------------------------------------------------------------------------------


def pathsend_app(path: Path, *headers: tuple[bytes, bytes]) -> Any:
    async def app(scope, receive, send):
        await send(start(200, *headers))
        await send({"type": "http.response.pathsend", "path": str(path)})

    return app


def test_pathsend(tmp_path):
    file = tmp_path / "data.bin"
    file.write_bytes(b"0123456789")
    stream = serve_one(pathsend_app(file, (b"content-length", b"10")), FakeStream())
    assert stream.calls[1:] == [("write_file", b"0123456789"), ("write", b"", False)]


def test_pathsend_of_a_file_that_has_grown_keeps_to_content_length(tmp_path):
    file = tmp_path / "log.txt"
    file.write_bytes(b"0123456789")
    stream = serve_one(pathsend_app(file, (b"Content-Length", b"4")), FakeStream())
    assert stream.calls[1] == ("write_file", b"0123")


def test_pathsend_for_head_sends_no_file(tmp_path):
    file = tmp_path / "data.bin"
    file.write_bytes(b"0123456789")
    stream = serve_one(pathsend_app(file), FakeStream(method="HEAD"))
    assert stream.calls[1:] == [("write", b"", False)]


def test_pathsend_refuses_what_is_no_file(tmp_path, caplog):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path in (fifo, tmp_path, tmp_path / "missing"):
        stream = serve_one(pathsend_app(path), FakeStream())
        assert stream.calls[-1] == ("close",)
    assert "is not a file" in caplog.text
    assert "No such file" in caplog.text


# -- how an app can end --------------------------------------------------------------------------


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(2), KeyboardInterrupt()])
def test_app_raises_before_start(error, caplog):
    async def app(scope, receive, send):
        raise error

    stream = serve_one(app, FakeStream())
    assert stream.calls == ERROR_500
    assert caplog.records[0].name == "uvicorn.error"
    assert caplog.records[0].getMessage() == "Exception in ASGI application\n"
    assert caplog.records[0].exc_info is not None


def test_app_raises_after_start(caplog):
    async def app(scope, receive, send):
        await send(start())
        await send(body(b"part", True))
        raise ValueError("late")

    stream = serve_one(app, FakeStream())
    assert stream.calls[1:] == [("write", b"part", True), ("close",)]
    assert "late" in caplog.text


def test_app_raises_after_a_complete_answer_is_only_logged(caplog):
    async def app(scope, receive, send):
        await send(start())
        await send(body(b"all"))
        raise ValueError("background")

    stream = serve_one(app, FakeStream())
    assert stream.calls[1:] == [("write", b"all", False)]
    assert "background" in caplog.text


def test_app_returns_without_starting(caplog):
    async def app(scope, receive, send):
        pass

    stream = serve_one(app, FakeStream())
    assert stream.calls == ERROR_500
    assert caplog.messages == ["ASGI callable returned without starting response."]


def test_app_returns_without_completing(caplog):
    async def app(scope, receive, send):
        await send(start())

    stream = serve_one(app, FakeStream())
    assert stream.calls[-1] == ("close",)
    assert caplog.messages == ["ASGI callable returned without completing response."]


def test_app_returns_something(caplog):
    async def app(scope, receive, send):
        await send(start())
        await send(body())
        return 5

    serve_one(app, FakeStream())
    assert caplog.messages == ["ASGI callable should return None, but returned '5'."]


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([body()], "Expected ASGI message 'http.response.start', but got 'http.response.body'."),
        ([start(), start()], "Expected ASGI message 'http.response.body', but got"),
        ([start(), {"type": "http.response.trailers"}], "got 'http.response.trailers'"),
        ([start(), body(), body()], "sent, after response already completed."),
    ],
)
def test_events_out_of_order(messages, words, caplog):
    async def app(scope, receive, send):
        for message in messages:
            await send(message)

    serve_one(app, FakeStream())
    assert words in caplog.text


# -- tasks -----------------------------------------------------------------------------------------


def test_each_request_has_its_own_task_and_context():
    import contextvars

    var: contextvars.ContextVar[str] = contextvars.ContextVar("var", default="unset")
    seen = []

    async def app(scope, receive, send):
        seen.append((var.get(), asyncio.current_task()))
        var.set("mine")
        async with asyncio.timeout(5):
            await asyncio.sleep(0)
        await send(start())
        await send(body())

    async def main():
        bridge = Bridge(app, loop=asyncio.get_running_loop())
        bridge(FakeStream())
        bridge(FakeStream())
        await finish(bridge)
        assert var.get() == "unset"

    asyncio.run(main())
    assert [value for value, _ in seen] == ["unset", "unset"]
    assert seen[0][1] is not seen[1][1]


def test_a_task_factory_is_honoured():
    made = []

    def factory(loop: Any, coro: Any, **options: Any) -> asyncio.Task[Any]:
        made.append(coro)
        return asyncio.Task(coro, loop=loop, **options)

    async def app(scope, receive, send):
        await send(start())
        await send(body())

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_task_factory(factory)
        bridge = Bridge(app, loop=loop)
        bridge(FakeStream())
        assert len(made) == 1
        await finish(bridge)

    asyncio.run(main())


def test_cancel_at_the_end_of_the_graceful_time(caplog):
    caplog.set_level(logging.INFO)

    async def app(scope, receive, send):
        await asyncio.Event().wait()

    async def main():
        stream = FakeStream()
        bridge = Bridge(app, loop=asyncio.get_running_loop())
        bridge(stream)
        await turns()
        bridge.shutdown()
        assert await bridge.cancel() == 1
        assert stream.calls == [("close",)]
        assert not bridge.active

    asyncio.run(main())
    assert caplog.records == []


def test_before_request_is_called_for_plain_requests_only():
    calls = []

    async def app(scope, receive, send):
        await send(start())
        await send(body())

    serve_one(app, FakeStream(), before_request=lambda: calls.append(1))
    serve_one(app, FakeStream(kind=2), outcome_app=app, before_request=lambda: calls.append(2))
    assert calls == [1]


def test_outcomes_go_to_the_outcome_app():
    seen = []

    async def app(scope, receive, send):
        raise AssertionError("the app must not be called again")

    async def outcome_app(scope, receive, send):
        seen.append(scope["fasterapi.outcome"])
        await send(start())
        await send(body())

    error = ValueError("raised by the handler")
    serve_one(app, FakeStream(kind=1, value=error), outcome_app=outcome_app)
    serve_one(app, FakeStream(kind=2, value="response"), outcome_app=outcome_app)
    assert seen == [(True, error), (False, "response")]
