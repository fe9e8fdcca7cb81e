"""WebSockets on our server, with the `websockets` library as the client."""

import pytest
from live_server import LiveServer
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from wire import Connection, exchange

HANDSHAKE = {
    "Host": "h",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


def open_socket(server: LiveServer, path: str, **options) -> ClientConnection:
    host, port = server.address
    return connect(f"ws://{host}:{port}{path}", proxy=None, open_timeout=30, **options)


def handshake(path: str = "/ws/echo", **changes: str | None) -> bytes:
    headers = HANDSHAKE | {name.replace("_", "-"): value for name, value in changes.items()}
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return "\r\n".join([f"GET {path} HTTP/1.1", *lines, "", ""]).encode()


@pytest.fixture(params=["ours", "ours_plain"])
def app_server(request: pytest.FixtureRequest) -> LiveServer:
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 300_000])
def test_echo(size: int, app_server: LiveServer):
    with open_socket(app_server, "/ws/echo", max_size=None) as client:
        client.send("é" * (size // 2) + "x" * (size % 2))
        assert len(client.recv(30).encode()) == size
        client.send(b"\x00\xff" * (size // 2))
        assert len(client.recv(30)) == size // 2 * 2


def test_many_messages_and_fragments(app_server: LiveServer):
    with open_socket(app_server, "/ws/echo") as client:
        for n in range(200):
            client.send(f"message {n}")
        assert [client.recv(30) for _ in range(200)] == [f"message {n}" for n in range(200)]
        client.send(["frag", "men", "ted"])
        assert client.recv(30) == "fragmented"


def test_ping(app_server: LiveServer):
    with open_socket(app_server, "/ws/echo") as client:
        assert client.ping(b"beat").wait(30)


def test_subprotocol(app_server: LiveServer):
    with open_socket(app_server, "/ws/echo", subprotocols=["one", "two"]) as client:
        assert client.subprotocol == "two"


@pytest.mark.parametrize("code", [1000, 1001, 3000, 4999])
def test_close_by_the_app(code: int, app_server: LiveServer):
    with open_socket(app_server, f"/ws/close/{code}") as client:
        assert client.recv(30) == f"closing {code}"
        with pytest.raises(ConnectionClosed) as caught:
            client.recv(30)
    assert caught.value.rcvd is not None
    assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (code, "bye")


@pytest.mark.parametrize("path", ["/ws/deny", "/ws/nothing", "/ws/close/x"])
def test_refused_handshake(path: str, app_server: LiveServer):
    with pytest.raises(InvalidStatus) as caught:
        open_socket(app_server, path)
    assert caught.value.response.status_code == 403


def test_accept_key(app_server: LiveServer):
    with Connection(app_server.address) as connection:
        connection.send(handshake())
        head = connection.read_head()
        assert head.status == 101
        assert head.header(b"sec-websocket-accept") == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@pytest.mark.parametrize(
    "changes",
    [
        {"Sec_WebSocket_Version": "12"},
        {"Sec_WebSocket_Version": None},
        {"Sec_WebSocket_Key": None},
        {"Sec_WebSocket_Key": "short"},
    ],
)
def test_bad_handshake(changes: dict[str, str | None], app_server: LiveServer):
    assert exchange(app_server.address, handshake(**changes)).status in (400, 426)
    with open_socket(app_server, "/ws/echo") as client:
        client.send("alive")
        assert client.recv(30) == "alive"


def test_frames_that_break_the_protocol_end_only_their_connection(app_server: LiveServer):
    for frame in (
        b"\xff" * 20,
        b"\x81\x05hello",
        b"\xc1\x80abcd",
        b"\x83\x80abcd",
        b"\x88\x81abcd\x00",
    ):
        with Connection(app_server.address) as connection:
            connection.send(handshake())
            assert connection.read_head().status == 101
            connection.send(frame)
            connection.read_to_end()
    with open_socket(app_server, "/ws/echo") as client:
        client.send("alive")
        assert client.recv(30) == "alive"


def test_client_that_vanishes(app_server: LiveServer):
    for _ in range(20):
        connection = Connection(app_server.address)
        connection.send(handshake())
        assert connection.read_head().status == 101
        connection.reset()
    with open_socket(app_server, "/ws/echo") as client:
        client.send("alive")
        assert client.recv(30) == "alive"
