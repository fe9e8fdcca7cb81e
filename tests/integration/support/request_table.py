"""The requests of the comparison: each is sent, byte for byte, to FastAPI and to this project."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

__all__ = ["CASES", "Case"]

HOST = b"testserver"


@dataclasses.dataclass(frozen=True)
class Case:
    """One request: its bytes, and a readable name."""

    name: str
    raw: bytes

    @property
    def method(self) -> bytes:
        return self.raw.split(b" ", 1)[0]


def request(
    method: str,
    target: str | bytes,
    headers: tuple[str | bytes, ...] = (),
    body: bytes = b"",
    kind: str | None = None,
    note: str = "",
) -> Case:
    """Build one case. kind: the content type; content-length is added where there is a body."""
    raw_target = target if isinstance(target, bytes) else target.encode("utf-8")
    lines = [method.encode() + b" " + raw_target + b" HTTP/1.1", b"Host: " + HOST]
    if kind is not None:
        lines.append(b"Content-Type: " + kind.encode())
    if body or kind is not None or method in ("POST", "PUT", "PATCH"):
        lines.append(b"Content-Length: %d" % len(body))
    lines += [line if isinstance(line, bytes) else line.encode("latin-1") for line in headers]
    shown = [raw_target.decode("latin-1"), *(str(line) for line in headers)]
    if body or kind:
        shown += [str(kind), repr(body[:40])[2:-1]]
    shown += [note] if note else []
    name = " ".join([method, *shown]).encode("unicode_escape").decode()
    return Case(name[:110], b"\r\n".join([*lines, b"", body]))


def get(target: str | bytes, *headers: str | bytes) -> Case:
    return request("GET", target, headers)


def post(target: str, body: bytes, kind: str | None = "application/json", note: str = "") -> Case:
    return request("POST", target, (), body, kind, note)


INTEGERS = (
    "1 0 -1 +1 %2B1 -0 007 1.0 1.000 1.5 1. .0 1e3 1E0 0x1 0b1 1_000 1__0 _1 1_ 1_0.0 1_0.0_0 "
    "%201 1%20 1%0A %091 --1 +-1 true null 1%2C000 %D9%A1 %EF%BC%91 9223372036854775807 "
    "9223372036854775808 -9223372036854775808 -9223372036854775809 18446744073709551616 inf nan "
    "%FF 1%00 %31 %zz 1%"
).split()
FLOATS = (
    "1 1.5 -1.5 +1.5 .5 5. 1e3 1E-3 1e400 -1e400 1e-400 inf -inf Infinity nan NaN -nan 1_000.5 "
    "1__0.5 0x1p3 %201.5 1.5%20 true 1,5 0.1 1e16 1e22 123456789012345678 1e-7 -0 -0.0 1e 1e+ "
    "1.5f"
).split()
BOOLS = (
    "true True TRUE tRuE false False FALSE 1 0 yes Yes no NO on On off OFF t T f F y Y n N 2 "
    "1.0 -1 %20true true%20 tru null none 01 yes%0A"
).split()
STRINGS = (
    "a abc a%20b a+b %C3%A9 %c3%a9 %FF %C3 %ED%A0%80 %F0%9F%98%80 %00 %0A a%0D%0Ab %22 %5C %2f "
    "%25 %2525 %zz % %4 ~tilde (paren) a;b a:b a@b ,"
).split()


def parameters() -> Iterator[Case]:
    for side in ("a", "d"):
        for value in INTEGERS:
            yield get(f"/{side}/path/int/{value}")
            yield get(f"/{side}/query/int?x={value}")
        for value in FLOATS:
            yield get(f"/{side}/path/float/{value}")
            yield get(f"/{side}/query/float?x={value}")
        for value in BOOLS:
            yield get(f"/{side}/path/bool/{value}")
            yield get(f"/{side}/query/bool?x={value}")
        for value in STRINGS:
            yield get(f"/{side}/path/str/{value}")
            yield get(f"/{side}/query/str?x={value}")
    for digits in (19, 20, 100, 4299, 4300, 4301):
        yield get(f"/a/path/int/{'9' * digits}")
        yield get(f"/d/query/int?x=-{'1' * digits}")
    yield from path_shapes()
    yield from query_shapes()


def path_shapes() -> Iterator[Case]:
    for value in ("1", "-1", "+1", "1.0", "01", "a", "", "1/", "1%0A", "9" * 30, "1%2F2", "%31"):
        yield get(f"/a/path/convint/{value}")
    for value in ("1", "1.5", ".5", "5.", "1.5.5", "-1", "1e3", "01.50"):
        yield get(f"/d/path/convfloat/{value}")
    for value in (
        "",
        "a",
        "a/b/c",
        "/a",
        "a//b",
        "a/",
        "%2F",
        "a%2Fb",
        "a%0Ab",
        "a%0A",
        "..",
        "a/../b",
    ):
        yield get(f"/a/path/rest/{value}")
    for value in ("0", "1", "50", "100", "101", "-5", "1.0", "x", "%2050"):
        yield get(f"/a/path/between/{value}")
        yield get(f"/d/path/between/{value}")
    for value in ("a", "ab", "abcd", "abcde", "AB", "a1", "%C3%A9%C3%A9"):
        yield get(f"/a/path/short/{value}")
    for rest in ("x/1", "x/y", "x", "x/1/2", "/1", "x//1", "x/1/", "a%20b/-7", "1/1"):
        yield get(f"/d/path/two/{rest}")
    for value in (
        "00000000-0000-0000-0000-000000000005",
        "5",
        "urn:uuid:00000000-0000-0000-0000-000000000005",
    ):
        yield get(f"/a/path/uuid/{value}")
    for value in ("red", "blue", "RED", "green"):
        yield get(f"/d/path/colour/{value}")
    for value in ("x", "", "a%2Fb", "a%0A", "%20", "%E2%82%AC"):
        yield get(f"/a/path/plain/{value}")
    yield get("/%D0%BA%D0%BB%D1%8E%D1%87/%D1%8F")
    yield get("/with.dot/a.json")
    yield get("/with.dot/a.b.json")
    yield get("/with.dot/a.xml")
    yield get("/%61/path/int/5")
    yield get("/a/path%2Fint/5")


# The last part of a path below /query, and query strings for it.
QUERIES: dict[str, tuple[str, ...]] = {
    "int": (
        "",
        "?",
        "?x",
        "?x=",
        "?x=1&x=2",
        "?x=a&x=2",
        "?x=2&x=a",
        "?X=1",
        "?x=1&y=2",
        "?&&x=1&&",
        "?x=1;x=2",
        "?%78=1",
        "?x==1",
        "?x=1%23",
        "?x=1?x=2",
        "?+x=1",
        "?x=+1",
        "?x=1+",
        "?x%20=1",
    ),
    "optional": (
        "",
        "?i=",
        "?i=3",
        "?s=",
        "?s",
        "?b=",
        "?b=on",
        "?i=x&b=maybe",
        "?i=1&s=a&b=0",
        "?i=None",
        "?s=null",
    ),
    "defaults": (
        "",
        "?i=7",
        "?f=2",
        "?b=1",
        "?s=%26",
        "?i=1&f=2.5&b=true&s=z",
        "?i=&f=&b=&s=",
        "?f=1e-7",
        "?other=1",
    ),
    "list": (
        "",
        "?x=1",
        "?x=1&x=2&x=3",
        "?x=1&x=b",
        "?x=",
        "?x",
        "?x=1.0&x=%202",
        "?x=1,2",
        "?x[]=1",
    ),
    "listdefault": (
        "",
        "?x=z",
        "?x=z&x=y",
        "?x=",
    ),
    "listoptional": (
        "",
        "?x=1",
        "?x=1&x=2&x=3&x=4",
        "?x=nan",
        "?x=y",
    ),
    "alias": (
        "?item-query=v",
        "?item_query=v",
        "?value=v",
        "",
        "?item%2Dquery=v",
    ),
    "limits": (
        "",
        "?n=3",
        "?n=9",
        "?n=10",
        "?n=0",
        "?n=4",
        "?s=abc",
        "?s=abcd",
        "?s=b",
        "?f=0.4",
        "?f=nan",
        "?n=4&s=b&f=0",
    ),
    "kinds": (
        "?when=2026-11-23T10:00:00Z",
        "?when=1700000000",
        "?when=yesterday",
        "?day=2026-02-29",
        "?day=2026-02-28",
        "?amount=1.10",
        "?amount=x",
        "?colour=red",
        "?side=right",
        "?side=up",
    ),
    "model": (
        "",
        "?limit=3",
        "?limit=x&order=sideways",
        "?order=down&limit=1",
    ),
}


def query_shapes() -> Iterator[Case]:
    for side in ("a", "d"):
        for name, queries in QUERIES.items():
            for query in queries:
                yield get(f"/{side}/query/{name}{query}")
        for rest in ("1?q=a", "1?q=a&r=no", "1", "x?q=a", "x", "1?q=a&r=perhaps", "1?q=&r=1"):
            yield get(f"/{side}/query/mixed/{rest}")
    # The same parameter often, and many different ones.
    yield get("/a/query/list?" + "&".join(f"x={n}" for n in range(500)))
    yield get("/d/query/int?" + "&".join(f"p{n}=1" for n in range(300)) + "&x=5")


def headers() -> Iterator[Case]:
    for side in ("a", "d"):
        plain = f"/{side}/header/plain"
        yield get(plain)
        yield get(plain, "X-Token: t")
        yield get(plain, "x-TOKEN: t", "N: 5")
        yield get(plain, "X_Token: t")
        yield get(plain, "X-Token: first", "X-Token: second")
        yield get(plain, "X-Token:", "N:")
        yield get(plain, "X-Token:  \t spaced  out", "N: \t7")
        yield get(plain, "X-Token: t", "N: x")
        yield get(plain, "X-Token: t", "N: 1.0")
        yield get(plain, b"X-Token: \xe9\xff")
        yield get(plain, "X-Token: é".encode())
        yield get(plain, 'X-Token: "quoted", \\back')
        yield get(plain, "X-Token: a\tb")
        yield get(f"/{side}/header/optional")
        yield get(f"/{side}/header/optional", "User-Agent: curl/8", "X-Flag: yes")
        yield get(f"/{side}/header/optional", "X-Flag: maybe")
        yield get(f"/{side}/header/optional", "X-Flag:")
        yield get(f"/{side}/header/list")
        yield get(f"/{side}/header/list", "X-Many: 1")
        yield get(f"/{side}/header/list", "X-Many: 1, 2", "Other: o", "x-many: 3")
        yield get(f"/{side}/header/underscore", "x_raw: v")
        yield get(f"/{side}/header/underscore", "x-raw: v")
        for cookie in (
            "session=s",
            "session=s; n=5",
            "session=s;n=5",
            "session=first; session=last",
            'session="quoted value"',
            'session="a\\054b\\"c"',
            'session="unclosed',
            "session",
            "session=",
            "=session",
            "Session=s",
            "session=a=b=c",
            "session=s; n=x",
            "session=s; n=",
            "  session = spaced ; n = 3 ",
            "session=a,b",
            "session=%20",
            ";;; session=s;;",
            "$Version=1; session=s",
            "n=1; other; session=s",
        ):
            yield get(f"/{side}/cookie/plain", f"Cookie: {cookie}")
        yield get(f"/{side}/cookie/plain")
        yield get(f"/{side}/cookie/plain", b"Cookie: session=\xe9")
        yield get(f"/{side}/cookie/plain", "Cookie: session=1", "Cookie: n=2")
        yield get(f"/{side}/cookie/optional", "Cookie: b=1")
        yield get(f"/{side}/cookie/optional", "Cookie:")
        yield get(f"/{side}/cookie/optional", "Cookie: a=x")


ITEMS = (
    b'{"name":"n","price":1.5}',
    b'{"name":"n","price":1,"tags":["a","b"],"note":"x","inner":{"x":1}}',
    b' \r\n\t{"name" : "n" , "price" : "2.5" } \n',
    b'{"name":"n","price":1e400}',
    b'{"name":"n","price":NaN}',
    b'{"name":"n","price":-Infinity}',
    b'{"name":"n","price":1,"surplus":true}',
    b'{"name":"n","price":1,"name":"last"}',
    b'{"name":"n"}',
    b'{"name":5,"price":"x"}',
    b'{"name":null,"price":null}',
    b'{"name":"\\u00e9\\ud83d\\ude00 \xc3\xa9","price":0}',
    b'{"name":"\\ud800","price":0}',
    b'{"name":"a\\u0000b","price":true}',
    b'{"name":"n","price":1,"inner":{"x":"7","y":"8"}}',
    b'{"name":"n","price":1,"inner":{"x":1.5}}',
    b'{"name":"n","price":1,"inner":null,"tags":[]}',
    b'{"name":"n","price":1,"tags":"abc"}',
    b'{"name":"n","price":123456789012345678901234567890}',
    b"{}",
    b"[]",
    b"null",
    b"1",
    b'"text"',
    b"true",
    b"{",
    b'{"name":"n","price":1',
    b'{"name":"n","price":1}}',
    b'{"name":"n","price":1,}',
    b"{'name':'n','price':1}",
    b'{"name":"n" "price":1}',
    b'{"name":"n","price":01}',
    b'{"name":"n","price":.5}',
    b'{"name":"n","price":1}\x00',
    b'{"name":"a\nb","price":1}',
    b'{"name":"\xff","price":1}',
    b'{"name":"\\x","price":1}',
    b"\xef\xbb\xbf" + b'{"name":"bom","price":1}',
    '{"name":"utf16","price":1}'.encode("utf-16"),
    '{"name":"utf16le","price":1}'.encode("utf-16-le"),
    '{"name":"utf32","price":1}'.encode("utf-32"),
    b"",
    b" ",
    b"name=n&price=1",
)
JSON_TYPES = (
    "application/json",
    "application/json; charset=utf-8",
    "application/json;charset=latin-1",
    "APPLICATION/JSON",
    " application/json ",
    "application/vnd.api+json",
    "application/problem+json; a=b",
    "application/geo+json-seq",
    "application/x-json",
    "text/json",
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/json, text/plain",
    "application/",
    "json",
    "",
)


# The last part of a path below /body, and bodies for it.
BODIES: dict[str, tuple[bytes, ...]] = {
    "optional": (
        b"",
        b"null",
        ITEMS[0],
        b"{}",
        b"[]",
        b"{",
    ),
    "embed": (
        b'{"item":{"x":1}}',
        b'{"x":1}',
        b"{}",
        b"",
        b"[]",
        b'{"item":null}',
        b'{"item":[]}',
    ),
    "two": (
        b'{"item":{"x":1},"user":{"name":"n"}}',
        b'{"item":{"x":1},"user":{"name":"n"},"importance":"5"}',
        b'{"item":{"x":"a"},"importance":"b"}',
        b"[1]",
        b"",
    ),
    "strict": (
        b'{"n":1,"text":"ab"}',
        b'{"n":0,"text":"a"}',
        b'{"n":11,"text":"AB","more":1}',
        b'{"n":"5","text":"zz"}',
        b'{"n":5.0,"text":"zz"}',
        b'{"n":5.5,"text":"zz"}',
        b'{"n":true,"text":"zz"}',
    ),
    "aliased": (
        b'{"firstName":"A"}',
        b'{"first_name":"A","age":"3"}',
        b'{"firstname":"A"}',
    ),
    "dict": (
        b'{"a":1,"b":[null,1.0,"x"]}',
        b"{}",
        b"[]",
        b'{"1":{"2":{}}}',
        b'{"nan":NaN}',
        b'{"x":1e999}',
    ),
    "ints": (
        b"[1,2,3]",
        b"[]",
        b'["1","x"]',
        b"{}",
        b"[1.0]",
        b"[1.5]",
        b"[9223372036854775808]",
    ),
    "scalar": (
        b"1",
        b"1.5",
        b'"2.5"',
        b'"x"',
        b"null",
        b"",
        b"NaN",
        b"[1]",
    ),
    "any": (
        b"1",
        b"null",
        b'"s"',
        b'{"a":[1]}',
        b"-0",
        b"-0.0",
        b"1E5",
        b"123456789012345678901",
        b"[" * 50 + b"]" * 50,
    ),
}


def bodies() -> Iterator[Case]:
    for side in ("a", "d"):
        for body in ITEMS:
            yield post(f"/{side}/body/item", body)
            yield post(f"/{side}/body/typed", body)
        for kind in JSON_TYPES:
            yield post(f"/{side}/body/item", ITEMS[0], kind)
        yield post(f"/{side}/body/item", ITEMS[0], None)
        yield post(f"/{side}/body/item", b"", None)
        for name, values in BODIES.items():
            for body in values:
                yield post(f"/{side}/body/{name}", body)
        yield post(f"/{side}/body/optional", b"", None)
        yield request("PUT", f"/{side}/body/all/5?q=x", (), b'{"x":1}', "application/json")
        yield request("PUT", f"/{side}/body/all/z", (), b'{"x":"y"}', "application/json")
        yield request("PUT", f"/{side}/body/all/5", (), b"{", "application/json")
        yield request("PUT", f"/{side}/body/strict", (), b'{"n":2,"text":"ok"}', "application/json")
        yield request(
            "PATCH", f"/{side}/body/strict", (), b'{"n":2,"text":"ok"}', "application/json"
        )
        yield post(f"/{side}/status/202", b"5")
        yield post(f"/{side}/body/any", b"[" * 100_000, note="too deep")
        yield post(f"/{side}/body/any", b"9" * 5000, note="too long a number")
        yield post(f"/{side}/body/any", b'"' + b"x" * 300_000 + b'"', note="300 kB")
    yield from chunked()


def chunked() -> Iterator[Case]:
    body = b'{"name":"chunks","price":7}'
    pieces = [body[:5], body[5:20], body[20:]]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    for target in ("/a/body/item", "/d/body/typed", "/inject/stream", "/inject/ignored"):
        lines = [b"POST " + target.encode() + b" HTTP/1.1", b"Host: " + HOST]
        lines += [b"Transfer-Encoding: chunked", b"Content-Type: application/json", b"", b""]
        head = b"\r\n".join(lines)
        yield Case(f"POST {target} chunked", head + chunks + b"0\r\n\r\n")
        yield Case(f"POST {target} chunked, empty", head + b"0\r\n\r\n")
        yield Case(f"POST {target} chunked, trailers", head + chunks + b"0\r\nX-T: 1\r\n\r\n")
        extended = chunks.replace(b"5\r\n", b"05;name=value\r\n", 1)
        yield Case(f"POST {target} chunked, extensions", head + extended + b"0\r\n\r\n")


RETURN_NAMES = (
    "dict empty list int bigint negative str float floats true none nan inf escapes unicode "
    "surrogate nested deep tuple set frozenset generator bytes badbytes datetime date timedelta "
    "decimal uuid enum path model modellist modelalias dataclass intkeys otherkeys sakey "
    "strsubclass intsubclass dictsubclass object unserialisable complex exception large longstr"
).split()
MODEL_NAMES = (
    "annotated fromdict filtered list unset excludenone excludedefaults include exclude alias "
    "noalias union scalar dict invalid none"
).split()
RESPONSE_NAMES = (
    "json plain html plainclass bytes empty 204 redirect redirectclass cookies headers large "
    "background file missingfile stream"
).split()


def answers() -> Iterator[Case]:
    for side in ("a", "d"):
        for name in RETURN_NAMES:
            yield get(f"/{side}/return/{name}")
        for name in MODEL_NAMES:
            yield get(f"/{side}/model/{name}")
        for name in RESPONSE_NAMES:
            yield get(f"/{side}/response/{name}")
        yield get(f"/{side}/response/plainclass?n=x")
        for code in (201, 204, 304, 299, 418):
            yield get(f"/{side}/status/{code}")
        yield request("DELETE", f"/{side}/status/204")
        for code in (400, 401, 404, 409, 418, 422, 429, 500, 503, 204, 304, 599):
            yield get(f"/{side}/error/http/{code}")
        for name in ("headers", "default", "nobody", "teapot", "key", "runtime"):
            yield get(f"/{side}/error/{name}")
        yield get(f"/{side}/error/afterparams/0")
        yield get(f"/{side}/error/afterparams/4")
        yield get(f"/{side}/inject/response")
        yield get(f"/{side}/inject/background")
    for value in ("bytes=0-4", "bytes=5-", "bytes=-3", "bytes=99-", "bytes=x", "items=0-1"):
        yield get("/a/response/file", f"Range: {value}")
    for name in ("async", "length", "large"):
        yield get(f"/stream/{name}")


def asked_for() -> Iterator[Case]:
    yield get("/inject/request/a%20b?x=1&x=%C3%A9&y", "X-One: 1", "X-One: 2", "Cookie: a=b; c=d")
    yield get("/inject/request/a?", "Accept: */*")
    yield get("http://other.example:81/inject/request/a?b=c")
    yield request("POST", "/inject/request/p", ("X-Empty:",), b"\x00\xff body", "text/x")
    yield request("PATCH", "/inject/request/p", (), b"", None)
    yield post("/inject/stream", b"x" * 200_000, "text/plain")
    yield post("/inject/stream", b"", None)
    yield post("/inject/ignored", b"y" * 10_000, "text/plain")
    for side in ("a", "d"):
        yield get(f"/{side}/depends/simple?q=1&skip=2")
        yield get(f"/{side}/depends/simple?skip=x")
        yield get(f"/{side}/depends/sub?q=1")
        yield get(f"/{side}/depends/class")
        yield get(f"/{side}/depends/class?page=0")
        yield get(f"/{side}/depends/yield")
        yield get(f"/{side}/depends/yield?fail=1")
        yield get(f"/{side}/depends/yieldraise")
        yield get(f"/{side}/depends/guarded")
        yield get(f"/{side}/depends/guarded", "X-Key: wrong")
        yield get(f"/{side}/depends/guarded", "X-Key: secret")
        yield get(f"/{side}/security/bearer")
        yield get(f"/{side}/security/bearer", "Authorization: Bearer abc")
        yield get(f"/{side}/security/bearer", "Authorization: Basic abc")
        yield get(f"/{side}/security/basic")
        yield get(f"/{side}/security/basic", "Authorization: Basic dXNlcjpwYXNz")
        yield get(f"/{side}/security/basic", "Authorization: Basic !!!")
        yield get(f"/{side}/security/key")
        yield get(f"/{side}/security/key", "X-API-Key: k")
    yield from forms()


def forms() -> Iterator[Case]:
    url = "application/x-www-form-urlencoded"
    for side in ("a", "d"):
        for body in (
            b"a=1",
            b"a=1&n=2",
            b"a=%C3%A9+b&n=x",
            b"",
            b"n=1",
            b"a=",
            b"a=1&a=2",
            b"a=%FF",
        ):
            yield post(f"/{side}/form/plain", body, url)
        yield post(f"/{side}/form/plain", b'{"a":"1"}')
        yield post(f"/{side}/form/plain", b"a=1", None)
        multi = (
            b'--B\r\nContent-Disposition: form-data; name="file"; filename="f.txt"\r\n'
            b"Content-Type: text/plain\r\n\r\nfile text\r\n--B--\r\n"
        )
        yield post(f"/{side}/form/file", multi, "multipart/form-data; boundary=B")
        yield post(f"/{side}/form/file", multi, "multipart/form-data; boundary=C")
        yield post(f"/{side}/form/file", multi, "multipart/form-data")
        yield post(f"/{side}/form/file", multi[:40], "multipart/form-data; boundary=B")
    upload = (
        b'--B\r\nContent-Disposition: form-data; name="up"; filename="\xc3\xa9.txt"\r\n'
        b"Content-Type: text/x\r\n\r\nhello\r\n"
        b'--B\r\nContent-Disposition: form-data; name="tag"\r\n\r\nT\r\n--B--\r\n'
    )
    yield post("/form/upload", upload, "multipart/form-data; boundary=B")
    yield post("/form/upload", b"", "multipart/form-data; boundary=B")


METHODS = ("GET POST PATCH PUT DELETE HEAD OPTIONS TRACE PURGE PROPFIND").split()
PATHS_OF_BOTH = (
    "order/me order/late order/x order/ order order/me/ order/ME slash/with/ slash/with "
    "slash/with// slash/without slash/without/ slash/without// slash/with/?q=1 "
    "slash/with?q=1&r"
).split()
PATHS = (
    "/ // /a /a/ //a/return/dict /A/return/dict /a/return/dict/ /a//return/dict "
    "/a/./return/dict /a/../a/return/dict /a/return/dict%0A /a/return/dict%00 "
    "/a/return/di%63t /sub/hello/x /sub/hello/%C3%A9 /sub /sub/ /sub/nothing /sub/docs "
    "/subhello /static/hello.txt /static/page.html /static/missing /static/ "
    "/static/../compare_app.py /static/..%2fcompare_app.py /static/hello.txt/ /static/%00"
).split()


def routing() -> Iterator[Case]:
    for side in ("a", "d"):
        for path in PATHS_OF_BOTH:
            yield get(f"/{side}/{path}")
        yield request("POST", f"/{side}/slash/with")
        yield request("POST", f"/{side}/slash/without")
        for method in METHODS:
            yield request(method, f"/{side}/method/many")
            yield request(method, f"/{side}/return/dict")
            yield request(method, f"/{side}/nothing/here")
    for method in ("GET", "POST", "PUT", "HEAD", "OPTIONS"):
        yield request(method, "/method/split")
        yield request(method, "/method/head")
        yield request(method, "/method/options")
    yield request("TRACE", "/method/trace")
    yield request("OPTIONS", "*")
    yield get("/outer/deep/inner/leaf/3")
    yield get("/outer/deep/inner/leaf/3?skip=x")
    yield get("/outer/deep/inner/leaf/x")
    yield get("/outer/deep/inner/leaf")
    yield get("/outer/deep/inner/leaf/3/")
    for path in PATHS:
        yield get(path)
    yield get("/static/hello.txt", 'If-None-Match: "nothing"', "Range: bytes=1-3")
    yield request("HEAD", "/static/hello.txt")
    yield request("POST", "/static/hello.txt")
    for path in ("/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect", "/sub/openapi.json"):
        yield get(path)
        yield request("HEAD", path)
    yield request("POST", "/openapi.json")
    yield get("/ws/echo")
    # WebSocket handshakes that are not: no Upgrade, wrong version.
    yield get("/ws/echo", "Connection: keep-alive", "Upgrade: websocket")


def _all() -> list[Case]:
    groups = (parameters, headers, bodies, answers, asked_for, routing)
    cases = [case for group in groups for case in group()]
    seen: dict[str, int] = {}
    unique = []
    for case in cases:
        count = seen[case.name] = seen.get(case.name, 0) + 1
        unique.append(case if count == 1 else Case(f"{case.name} #{count}", case.raw))
    return unique


CASES = _all()
