"""Types of the C core. Only `fasterapi._native` imports it."""

from asyncio import AbstractEventLoop, Task
from collections.abc import Callable, Sequence
from contextvars import Context
from typing import Any, Generic, SupportsFloat, SupportsIndex, TypeVar, final, overload

_T = TypeVar("_T")
_D = TypeVar("_D")
_Bytes = bytes | bytearray | memoryview  # and whatever else has the buffer protocol
_Factory = Callable[[], object]
_Validate = Callable[..., object]
_Param = tuple[str, int, str, int, bool, bool, object, _Factory | None, _Validate | None]
_Form = tuple[
    str,
    Callable[[list[tuple[str, str]]], object] | None,
    Callable[[str, bytes], object],
]
_Body = tuple[str, Callable[..., object], Callable[..., object], Callable[..., object] | None]
_Response = tuple[
    Callable[..., object],
    Callable[..., bytes],
    dict[str, object],
    Callable[[object], bytes],
    str | None,
]

def config_options() -> list[
    tuple[str, str, bool | int | float, bool | int | float, bool | int | float, str]
]: ...
@overload
def json_bytes(value: Any, shape: None = None, /) -> bytes:
    """The value as JSON, as a route without a response model would answer it."""

@overload
def json_bytes(value: Any, shape: str, /) -> bytes | None:
    """The same for a response model of this shape; None if the core leaves it to Pydantic."""

@final
class Plan:
    handler: Callable[..., object]
    is_async: bool
    can_suspend: bool
    def __new__(
        cls,
        handler: Callable[..., object],
        is_async: bool,
        can_suspend: bool,
        params: tuple[_Param, ...],
        body: _Body | None,
        response: _Response | None,
        status_code: int,
        *,
        inline: bool = False,
        may_decline: bool = False,
        exchange: bool = False,
        form: _Form | None = None,
        max_body: int = -1,
    ) -> Plan: ...

@final
class Gate:
    def __new__(
        cls,
        https_only: bool,
        hosts: tuple[tuple[tuple[bytes, bool], ...], ...],
        layers: tuple[tuple[object, ...], ...],
        replay: Callable[[int, bytes, bytes], object],
    ) -> Gate: ...

@final
class RouteWatch:
    def __new__(cls, *routers: tuple[dict[str, Any], list[Any], tuple[Any, ...]]) -> RouteWatch: ...
    def touch(self) -> None: ...
    def is_current(self) -> bool: ...

@final
class AsgiCall:
    request: Any
    @property
    def wants_body(self) -> bool: ...
    @property
    def is_async(self) -> bool: ...
    @property
    def is_inline(self) -> bool: ...
    @property
    def wants_request(self) -> bool: ...
    @property
    def max_body(self) -> int: ...
    def take_body(self, body: bytes, /) -> bool: ...
    def __call__(self) -> object: ...
    def respond(self, value: object, /) -> object: ...
    def run(self) -> object: ...

@final
class AsgiTable:
    def __new__(
        cls,
        entries: Sequence[
            tuple[
                str,
                Sequence[str],
                Plan | None,
                str,
                tuple[object, object, dict[str, Any] | None] | None,
            ]
        ],
        router: object,
        response_base: type,
        root_path: str,
    ) -> AsgiTable: ...
    def begin(self, scope: dict[str, Any], /) -> AsgiCall | None: ...
    def __len__(self) -> int: ...

@final
class Stream:
    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def raw_path(self) -> bytes: ...
    @property
    def query_string(self) -> bytes: ...
    @property
    def http_version(self) -> str: ...
    @property
    def headers(self) -> list[tuple[bytes, bytes]]: ...
    @property
    def client(self) -> tuple[str, int] | None: ...
    @property
    def scheme(self) -> str: ...
    @property
    def prefix(self) -> str: ...
    @property
    def server(self) -> tuple[str, int | None] | None: ...
    @property
    def is_upgrade(self) -> bool: ...
    @property
    def kind(self) -> int: ...
    @property
    def value(self) -> Any: ...
    @property
    def scope(self) -> dict[str, Any] | None: ...
    @property
    def context(self) -> Context | None: ...
    @property
    def eof(self) -> bool: ...
    @property
    def disconnected(self) -> bool: ...
    @property
    def peer_closed(self) -> bool: ...
    @property
    def pending(self) -> int: ...
    @property
    def high_water(self) -> int: ...
    on_event: Callable[[], None] | None
    def read(self) -> bytes | None: ...
    def want_body(self) -> None: ...
    def start(self, status: int, headers: Sequence[tuple[bytes, bytes]], /) -> None: ...
    def write(self, data: bytes, more: bool, /) -> None: ...
    def write_file(self, fd: int, offset: int, count: int, /) -> None: ...
    def upgrade(self) -> None: ...
    def write_raw(self, data: bytes, /) -> None: ...
    def close(self) -> None: ...

@final
class Exchange:
    """The request of a compiled route and the way to answer it. One thread at a time."""

    done: bool
    handed_over: bool
    client_gone: bool
    runtime: Any
    around: Any
    def scope(self) -> dict[str, Any]: ...
    def body(self) -> bytes: ...
    def respond(self, value: object, /) -> object | None: ...
    def send(self) -> None: ...
    def hand_over(self, response: object, /) -> None: ...
    def go_on(self, function: Callable[..., object], /, *arguments: object) -> None: ...

@final
class Server:
    def __new__(cls, options: dict[str, bool | int | float]) -> Server: ...
    def set_hooks(
        self,
        *,
        encode: Callable[[Any], bytes],
        exception: Callable[[BaseException], object | None],
        response_base: type,
        response_call: Callable[..., Any],
        batch_task: Task[Any] | None = None,
        resume: Callable[[Any, Any, Context], tuple[Task[Any], Task[Any]]] | None = None,
        runtime: object = None,
        task: Callable[..., Task[Any]] | None = None,
    ) -> None: ...
    def set_header_pool(self, pool: TuplePool, /) -> None: ...
    def trust(self, proxies: str, /) -> None: ...
    def set_fixed_lines(self, lines: bytes, /) -> None: ...
    def set_access_format(self, pattern: str, /) -> None: ...
    def set_access_records(self, fd: int, /) -> None: ...
    def set_limit_news(self, fd: int, /) -> None: ...
    def set_routes(
        self,
        entries: Sequence[tuple[str, Sequence[str], Plan | None, str]],
        miss: tuple[Sequence[tuple[str, str, bool]], Plan, bool] | None = None,
        gate: Gate | None = None,
        watch: RouteWatch | None = None,
        /,
    ) -> None: ...
    def listen_tcp(self, host: str, port: int, reuse_port: bool, /) -> int: ...
    def listen_uds(self, path: str, /) -> None: ...
    def listen_fd(self, fd: int, /) -> None: ...
    def listen_kept(self, fd: int, ours: bool, /) -> None: ...
    def accept_from(self, listeners: int, /) -> None: ...
    def take_over(self) -> None: ...
    def start(
        self,
        loop: AbstractEventLoop,
        asgi: Callable[[Stream], None],
        driven: bool = False,
        thread: Callable[[int, Callable[[], None]], None] | None = None,
        /,
    ) -> None: ...
    def fileno(self) -> int: ...
    def run_batch(self) -> None: ...
    def run_batch_soon(self) -> None: ...
    def wake(self) -> None: ...
    def drain(self) -> None: ...
    def active(self) -> int: ...
    def busy(self) -> list[int]: ...
    def pending(self) -> list[Task[Any]]: ...
    def stop(self, timeout: float, /) -> bool: ...
    def forked(self) -> None: ...
    def share_tokens(self, total: int, passed: Callable[[int], None], /) -> None: ...
    def set_tokens(self, total: int, /) -> None: ...
    def take_token(self) -> bool: ...
    def give_token(self) -> bool: ...
    def await_token(self) -> bool: ...
    def renounce_token(self) -> bool: ...
    def tokens(self) -> tuple[int, int]: ...
    def stats(self) -> dict[str, Any]: ...
    def publish_stats(self, path: str, about: str, /) -> None: ...
    def note_calls(self, count: int, /) -> None: ...
    def limit_websockets(self) -> None: ...
    def note_failure(self) -> None: ...
    def load(
        self, request: bytes, count: int, in_flight: int = 1, timeout: float = 10.0
    ) -> tuple[bytes, int, int, bytes]: ...

@final
class SPSCQueue(Generic[_T]):
    """Bounded first-in first-out queue for one producer and one consumer: wait-free.

    The capacity is rounded up to a power of two, at least 2. Which thread pushes may change, but
    two may not at the same time: RuntimeError on free-threaded Python; with the GIL calls cannot
    overlap.
    """

    def __new__(cls, capacity: int = 1024) -> SPSCQueue[_T]: ...
    def __len__(self) -> int: ...
    @property
    def capacity(self) -> int:
        """How many objects fit."""
    def try_push(self, obj: _T, /) -> bool:
        """Add obj at the end. False, and nothing is added, if the queue is full. Never waits."""
    @overload
    def try_pop(self) -> _T | None: ...
    @overload
    def try_pop(self, default: _D) -> _T | _D:
        """Take the oldest object, or return default if there is none. Never waits."""

@final
class MPMCQueue(Generic[_T]):
    """Bounded first-in first-out queue for any number of threads, without a lock.

    The capacity is rounded up to a power of two, at least 2.
    """

    def __new__(cls, capacity: int = 1024) -> MPMCQueue[_T]: ...
    def __len__(self) -> int: ...
    @property
    def capacity(self) -> int:
        """How many objects fit."""
    def try_push(self, obj: _T, /) -> bool:
        """Add obj at the end. False, and nothing is added, if the queue is full. Never waits."""
    @overload
    def try_pop(self) -> _T | None: ...
    @overload
    def try_pop(self, default: _D) -> _T | _D:
        """Take the oldest object, or return default if there is none. Never waits."""

@final
class LockedQueue(Generic[_T]):
    """Bounded first-in first-out queue under a mutex: what the others are measured against.

    The capacity is rounded up to a power of two, at least 2.
    """

    def __new__(cls, capacity: int = 1024) -> LockedQueue[_T]: ...
    def __len__(self) -> int: ...
    @property
    def capacity(self) -> int:
        """How many objects fit."""
    def try_push(self, obj: _T, /) -> bool:
        """Add obj at the end. False, and nothing is added, if the queue is full. Never waits."""
    @overload
    def try_pop(self) -> _T | None: ...
    @overload
    def try_pop(self, default: _D) -> _T | _D:
        """Take the oldest object, or return default if there is none. Never waits."""

@final
class JSONBuilder:
    """One JSON document, call by call.

    Commas, colons and escapes are put; what would not be JSON is a ValueError that says what was
    expected and changes nothing. All methods but finish() return the builder, so that calls can
    be chained. The text is what json.dumps(ensure_ascii=False, separators=(",", ":")) gives. At
    most 512 levels deep.
    """

    def __new__(cls) -> JSONBuilder: ...
    def begin_object(self) -> JSONBuilder:
        """Open an object."""
    def end_object(self) -> JSONBuilder:
        """Close the open object."""
    def begin_array(self) -> JSONBuilder:
        """Open an array."""
    def end_array(self) -> JSONBuilder:
        """Close the open array."""
    def key(self, name: str, /) -> JSONBuilder:
        """Add the key of the next value."""
    def int_value(self, value: SupportsIndex, /) -> JSONBuilder:
        """Add an int of any size."""
    def float_value(self, value: SupportsFloat | SupportsIndex, /) -> JSONBuilder:
        """Add a float as repr() writes it. NaN and infinities are a ValueError."""
    def string_value(self, value: str, /) -> JSONBuilder:
        """Add a str, escaped. A lone surrogate is a UnicodeEncodeError."""
    def bool_value(self, value: bool, /) -> JSONBuilder:
        """Add true or false."""
    def null_value(self) -> JSONBuilder:
        """Add null."""
    def raw_value(self, data: str | _Bytes, /) -> JSONBuilder:
        """Add one value that is JSON already, as str or bytes-like object. It is not checked."""
    def finish(self) -> bytes:
        """The document; ValueError if something is open or nothing was added.

        Can be asked for again until reset().
        """
    def reset(self) -> JSONBuilder:
        """Forget the document and begin the next one."""

@final
class ZeroCopyResponse:
    """A whole HTTP/1.1 answer in one piece of memory.

    The body is written once, behind room for the head, and finalize() puts the head in front of
    it. Headers set before the body always find room; for those set after it there are 512 bytes,
    and more than that moves the body. All methods but finalize() return the response, so that calls
    can be chained. After finalize() they are a RuntimeError.
    """

    def __new__(cls) -> ZeroCopyResponse: ...
    def __buffer__(self, flags: int, /) -> memoryview:
        """The same as finalize() gives; BufferError before it."""
    def status(self, code: SupportsIndex, /) -> ZeroCopyResponse:
        """Set the status, 100 to 599; it is 200 otherwise.

        ValueError for one without a body (1xx, 204, 304) if there is a body.
        """
    def header(self, name: str | bytes, value: str | bytes, /) -> ZeroCopyResponse:
        """Add a header line; str is Latin-1.

        content-length and transfer-encoding are a ValueError, as is a name that is no token and a
        CR, LF or NUL in the value.
        """
    def content_type(self, value: str | bytes, /) -> ZeroCopyResponse:
        """Set the content type; json() otherwise sets application/json."""
    def body(self, data: _Bytes, /) -> ZeroCopyResponse:
        """Set the body, a bytes-like object, which is copied to where it stays.

        RuntimeError if there is one, ValueError if the status allows none.
        """
    def json(self, value: Any, /) -> ZeroCopyResponse:
        """Set the body to the value as JSON, as a route would answer it."""
    def finalize(self) -> memoryview:
        """Write the head in front of the body: a read-only view of the whole answer.

        It stays valid as long as somebody has it. May be called again.
        """

@final
class DictPool:
    """Keeps up to `size` empty dicts for reuse. Any thread may acquire and release."""

    def __new__(cls, size: int = 2048) -> DictPool: ...
    def acquire(self) -> dict[Any, Any]:
        """An empty dict: a pooled one that nobody else has, or a new one."""
    def release(self, obj: dict[Any, Any], /) -> None:
        """Give a dict back. Emptied at once if only the caller has it, else when nobody has it any
        more. TypeError: no dict. ValueError: not from here, or released before."""
    def recycle(self, holder: list[Any], /) -> bool:
        """Give back what `holder` has last, if that was the only reference; whether it was."""
    def stats(self) -> dict[str, int]:
        """hits, misses, size (in the pool now, those that wait included), high_water."""

@final
class TuplePool:
    """Keeps up to `per_length` tuples of each length from 1 to 20 for reuse."""

    def __new__(cls, per_length: int = 512) -> TuplePool: ...
    def acquire(self, *items: Any) -> tuple[Any, ...]:
        """A tuple of the items: a pooled one that nobody else has, or a new one."""
    def release(self, obj: tuple[Any, ...], /) -> None:
        """Give a tuple back; it stays as it is while anybody has it. Errors as DictPool.release."""
    def recycle(self, holder: list[Any], /) -> int:
        """Give back the tuples of the list that `holder` has last; how many nobody else had."""
    def stats(self) -> dict[str, int]:
        """hits, misses, size (in the pool now, those that wait included), high_water, over all
        lengths."""

@final
class PooledBuffer:
    """Writable memory from a BufferPool, through the buffer protocol.

    Released by release(), at the end of a with block, or when the last reference goes.
    """

    def __len__(self) -> int: ...
    def __buffer__(self, flags: int, /) -> memoryview:
        """BufferError once released."""
    def __release_buffer__(self, view: memoryview, /) -> None: ...
    def __enter__(self) -> PooledBuffer: ...
    def __exit__(self, *exc: object) -> None: ...
    @property
    def released(self) -> bool:
        """It was given back."""
    def release(self) -> None:
        """Give the memory back; ValueError if that was done before.

        A memoryview that somebody keeps stays valid: the memory goes back once the last one is
        gone.
        """

@final
class BufferPool:
    """Memory of one size, used again and again; at most count free buffers are kept.

    A buffer is cleared before it is handed out, but with zero=False it holds whatever was in it
    before.
    """

    def __new__(
        cls, buffer_size: int = 8192, count: int = 1024, *, zero: bool = True
    ) -> BufferPool: ...
    @property
    def buffer_size(self) -> int:
        """Bytes in each buffer."""
    def acquire(self) -> PooledBuffer:
        """A buffer that nobody else has: one that was given back, or a new one. Never waits."""
    def stats(self) -> dict[str, int]:
        """hits and misses of acquire(), size (buffers kept for reuse now), high_water (of it)."""

@final
class Router(Generic[_T]):
    """From method and path to a value.

    Gives the answers of FastAPI's linear search at the cost of a radix tree. It takes routes until
    it is asked the first time; after that any number of threads may ask.
    """

    def __new__(cls) -> Router[_T]: ...
    def __len__(self) -> int: ...
    @property
    def frozen(self) -> bool:
        """No more routes can be added."""
    def add(self, method: str, pattern: str, value: _T, /) -> None:
        """Register value for a method and a path in FastAPI's syntax: "/items/{id:int}".

        The kinds are str (the default), int, float and, at the end, path. Where several match, the
        first one counts. ValueError for a pattern that is not understood, RuntimeError once frozen.
        """
    def freeze(self) -> None:
        """Build the tree now; the first question does it otherwise."""
    def match(self, method: str, path: str, /) -> tuple[_T, dict[str, Any]] | None:
        """(value, params) of the first route that takes this method and percent-decoded path.

        None if there is none; methods() tells a 405 from a 404. Parameters are converted: int and
        float to numbers. A path that ends in a line feed matches nothing.
        """
    def methods(self, path: str, /) -> list[str]:
        """The methods that have a route for the path: what an Allow header lists."""

class HTTPParseError(ValueError):
    """A request that is malformed or beyond the limits."""

    status: int
    """The HTTP status that answers it."""

@final
class ParsedRequest(tuple[Any, ...]):
    """The head of an HTTP/1.x request, as parse_request() read it."""

    @property
    def method(self) -> str: ...
    @property
    def target(self) -> bytes:
        """The request target as sent."""
    @property
    def path(self) -> str:
        """Percent-decoded: what Router.match takes."""
    @property
    def query(self) -> bytes:
        """What follows the "?", raw."""
    @property
    def version(self) -> str:
        """ "1.0" or "1.1"."""
    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """Names as sent."""
    @property
    def keep_alive(self) -> bool:
        """The connection may stay open afterwards."""
    @property
    def content_length(self) -> int | None: ...
    @property
    def chunked(self) -> bool:
        """The body comes in chunks."""
    @property
    def consumed(self) -> int:
        """Bytes of the head; the body begins there."""

def websocket_read(data: bytes, start: int, /) -> tuple[str | bytes | int, int, int] | None: ...
def websocket_message(data: str | bytes, /) -> bytes: ...
def parse_request(data: _Bytes, /) -> ParsedRequest | None:
    """The head of an HTTP/1.x request at the start of data; None while it is incomplete.

    As strict as the server, with its default limits: what is malformed raises HTTPParseError.
    """
