"""`fasterapi.Config` and `Server` in programs that were written for Uvicorn's."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import logging
import socket
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

import fasterapi
from fasterapi import _native, embed
from fasterapi.testclient import TestClient

pytestmark = [
    pytest.mark.usefixtures("logging_as_before"),
    pytest.mark.skipif(_native.core is None, reason="needs the C core"),
    pytest.mark.filterwarnings("ignore:websockets.legacy:DeprecationWarning"),
]
#: What bounds a test that hangs [s].
PATIENCE = 30.0


@pytest.fixture(params=[fasterapi, uvicorn], ids=["fasterapi", "uvicorn"])
def module(request) -> Any:
    """Where `Config` and `Server` are from."""
    return request.param


def small_app(events: list[str] | None = None) -> fasterapi.FasterAPI:
    @contextlib.asynccontextmanager
    async def lifespan(_app: Any) -> Any:
        yield
        if events is not None:
            events.append("ended")

    app = fasterapi.FasterAPI(lifespan=lifespan)

    @app.get("/")
    async def root() -> int:
        return 1

    return app


def get(address: tuple[str, int], path: str = "/") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(*address, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


async def until_started(server: Any) -> tuple[str, int]:
    async with asyncio.timeout(PATIENCE):
        while not server.started:
            await asyncio.sleep(0.005)
    found: tuple[str, int] = server.servers[0].sockets[0].getsockname()
    return found


@contextlib.contextmanager
def in_a_thread(server: Any) -> Iterator[None]:
    """The recipe that goes round: serve in a thread for as long as this lasts."""
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        asyncio.run(until_started(server))
        yield
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_in_a_thread(module):
    events: list[str] = []
    config = module.Config(small_app(events), port=0, log_level="warning")
    server = module.Server(config)
    assert not server.started
    with in_a_thread(server):
        assert server.started
        assert get(server.servers[0].sockets[0].getsockname()) == (200, b"1")
    assert events == ["ended"]


def test_beside_other_work_on_the_loop(module):
    async def main() -> None:
        server = module.Server(module.Config(small_app(), port=0, log_level="warning"))
        task = asyncio.create_task(server.serve())
        address = await until_started(server)
        assert await asyncio.to_thread(get, address) == (200, b"1")
        server.should_exit = True
        await asyncio.wait_for(task, PATIENCE)

    asyncio.run(main())


async def answers_on(server: Any, *held: socket.socket) -> None:
    """Serve on these sockets, see that each is answered, and stop."""
    task = asyncio.create_task(server.serve(sockets=list(held)))
    await until_started(server)
    for one in held:
        assert await asyncio.to_thread(get, one.getsockname()) == (200, b"1")
    server.should_exit = True
    await asyncio.wait_for(task, PATIENCE)


def test_on_sockets_of_the_program(module):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        server = module.Server(module.Config(small_app(), log_level="warning"))
        asyncio.run(answers_on(server, held))


def test_on_several_sockets():
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        server = fasterapi.Server(fasterapi.Config(small_app(), log_level="warning"))
        asyncio.run(answers_on(server, one, other))


def test_on_a_socket_of_the_config(module):
    config = module.Config(small_app(), port=0, log_level="warning")
    with config.bind_socket() as held:
        asyncio.run(answers_on(module.Server(config), held))


@pytest.fixture
def embedded(tmp_path, monkeypatch) -> str:
    """The name of a module with an app and a factory."""
    (tmp_path / "embedded_app.py").write_text(
        "from fasterapi import FasterAPI\napp = FasterAPI()\n"
        "@app.get('/')\nasync def root() -> int: return 1\n"
        "def make(): return app\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "embedded_app", raising=False)
    return "embedded_app"


@pytest.mark.parametrize(("name", "factory"), [("app", False), ("make", True)])
def test_an_app_by_its_name(module, embedded, monkeypatch, tmp_path, name, factory):
    monkeypatch.chdir(tmp_path)
    config = module.Config(f"{embedded}:{name}", port=0, factory=factory, log_level="warning")
    server = module.Server(config)
    with in_a_thread(server):
        assert get(server.servers[0].sockets[0].getsockname()) == (200, b"1")
    assert config.loaded


def test_what_cannot_start_exits_with_3(module, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    config = module.Config("no_such_module_here:app", port=0)
    with pytest.raises(SystemExit) as caught:
        module.Server(config).run()
    assert caught.value.code == 3

    app = fasterapi.FasterAPI(lifespan=failing)
    with pytest.raises(SystemExit) as caught:
        asyncio.run(module.Server(module.Config(app, port=0)).serve())
    assert caught.value.code == 3


@contextlib.asynccontextmanager
async def failing(_app: Any) -> Any:
    raise RuntimeError("on purpose")
    yield


def test_a_wrong_value_is_one_line(capsys):
    for keywords in ({"queue_sise": 1}, {"port": 0, "backlog": 0}, {"ssl_keyfile": "k"}):
        with pytest.raises(SystemExit) as caught:
            fasterapi.Config(small_app(), **keywords)
        assert caught.value.code == 3
        [line] = capsys.readouterr().err.splitlines()
        assert line.startswith("error: ")
        assert next(reversed(keywords)) in line


def test_settings_are_attributes():
    config = fasterapi.Config(small_app(), host="::1", port=81, workers=2, root_path="/x")
    assert (config.host, config.port, config.workers, config.root_path) == ("::1", 81, 2, "/x")
    config.port = 0
    assert config.settings.port == 0
    assert not config.should_reload
    assert not config.is_ssl
    with pytest.raises(AttributeError, match="nothing_such"):
        _ = config.nothing_such


def test_a_subclass_as_they_are_written(module):
    class Threaded(module.Server):  # type: ignore[name-defined, misc]
        def install_signal_handlers(self) -> None: ...

    server = Threaded(module.Config(small_app(), port=0, log_level="warning"))
    with in_a_thread(server):
        assert get(server.servers[0].sockets[0].getsockname())[0] == 200


def test_it_says_no_more_than_its_level(capfd):
    for level, said in (("warning", False), ("info", True)):
        server = fasterapi.Server(fasterapi.Config(small_app(), port=0, log_level=level))
        with in_a_thread(server):
            pass
        assert ("FasterAPI on http://" in capfd.readouterr().out) is said


def test_log_config_none_leaves_the_loggers(module):
    logger = logging.getLogger("uvicorn")
    before, logger.handlers = logger.handlers, []
    try:
        module.Config(small_app(), log_config=None)
        assert logger.handlers == []
        module.Config(small_app())
        assert logger.handlers != []
    finally:
        logger.handlers = before


def test_the_test_client_is_not_concerned():
    with TestClient(small_app()) as client:
        assert client.get("/").json() == 1


def test_it_needs_the_core(monkeypatch, capsys):
    monkeypatch.setattr(embed._native, "core", None)
    monkeypatch.setattr(embed._native, "why_no_core", "for a test")
    with pytest.raises(SystemExit):
        fasterapi.Server(fasterapi.Config(small_app(), port=0)).run()
    assert "needs the C core: for a test" in capsys.readouterr().err
