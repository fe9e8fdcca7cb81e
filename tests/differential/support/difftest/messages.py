"""Requests as bytes: mostly what the routes want, then what they do not, then what nobody wants."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote, quote_plus

from difftest.endpoints import Operation
from difftest.inputs import Input
from difftest.kinds import bad_json, odd_texts
from difftest.maker import Maker

__all__ = ["a_request"]

_PARAM = re.compile(r"\{(\w+)(:\w+)?\}")
_AUTHORIZATION = ("Bearer token", "Basic dXNlcjpwYXNz", "bearer x", "Basic !!!", "Bearer", "Digest y", "Basic dXNlcg==")  # fmt: skip
_BY_CONVERTOR = {
    ":int": ("1", "42", "-1", "x"),
    ":float": ("1.5", "2", "x"),
    ":path": ("a/b", "a", "a//b", ""),
    ":uuid": ("11111111-2222-3333-4444-555555555555", "x"),
}


def _text(maker: Maker, given: Input) -> str:
    if given.wire == "authorization":
        return maker.pick(_AUTHORIZATION)
    if maker.chance(6):
        return odd_texts(maker, given.kind)
    return maker.pick(given.kind.good)


def _wanted(maker: Maker, given: Input) -> int:
    """How many times a request sends a parameter."""
    if given.many:
        return maker.pick((1, 2, 3, 0))
    if given.required:
        return 0 if maker.chance(12) else 2 if maker.chance(12) else 1
    return maker.pick((0, 1, 1)) if not maker.chance(12) else 2


def _pairs(maker: Maker, inputs: list[Input], where: str) -> list[tuple[str, str]]:
    """(name, text) for all inputs of one place; each name once, whoever else asks for it."""
    seen: set[str] = set()
    pairs: list[tuple[str, str]] = []
    for given in inputs:
        if given.where == where and given.wire not in seen:
            seen.add(given.wire)
            pairs += [(given.wire, _text(maker, given)) for _ in range(_wanted(maker, given))]
    return pairs


def _path(maker: Maker, operation: Operation) -> str:
    by_name = {given.wire: given for given in operation.given if given.where == "path"}

    def fill(match: re.Match[str]) -> str:
        convertor = match[2] or ""
        if convertor in _BY_CONVERTOR:
            return maker.pick(_BY_CONVERTOR[convertor])
        given = by_name.get(match[1])
        text = "team" if given is None else _text(maker, given)
        return quote(text, safe=maker.pick(("", "/:@+,")))

    path = _PARAM.sub(fill, operation.path)
    if maker.chance(12):
        path = maker.pick(
            (path + "/", path.rstrip("/"), path + "/more", "/nothing", path.upper(), "/" + path, "/docs",
             "/openapi.json", path.replace("/", "%2F"), path + "%0A", "/", path + "%00", path + ";x=1")
        )  # fmt: skip
    if not path.startswith("/"):
        path = "/" + path
    return "/x" if path.startswith("//") else path


def _header_bytes(text: str) -> bytes:
    raw = text.encode("utf-8")
    return bytes(b for b in raw if b == 9 or (b >= 32 and b != 127)).strip(b" \t")


def _json_body(maker: Maker, inputs: list[Input]) -> tuple[bytes, str]:
    data: Any
    whole = [given for given in inputs if given.where == "body" and given.wire == ""]
    if whole:
        data = whole[0].shape.good(maker)
    else:
        data = {
            given.wire: given.shape.good(maker)
            for given in inputs
            if given.where == "body" and not (not given.required and maker.chance(2))
        }
    if maker.chance(6):
        data = _spoil(maker, data)
    text = json.dumps(data, ensure_ascii=maker.chance(2))
    body = text.encode("utf-8", "surrogatepass")
    kind = "application/json"
    if maker.chance(12):
        body = maker.pick((b"", b"{", b"nul", b"\xff", b"[1,]", b"NaN", b'{"a":1}{}', b"\xef\xbb\xbf" + body, text.encode("utf-16", "surrogatepass"), b" " + body + b"\n", b"null", b'"' + b"9" * 5000))  # fmt: skip
    if maker.chance(12):
        kind = maker.pick(("application/problem+json", "application/json; charset=latin-1", "text/plain", "", "application/jsonx", "APPLICATION/JSON", "application/x-www-form-urlencoded"))  # fmt: skip
    return body, kind


def _spoil(maker: Maker, data: Any) -> Any:
    """The same with one part left out or exchanged."""
    if isinstance(data, dict) and data and not maker.chance(4):
        key = maker.pick(list(data))
        changed = dict(data)
        if maker.chance(2):
            del changed[key]
        else:
            changed[key] = _spoil(maker, data[key])
        return changed
    if isinstance(data, list) and data and not maker.chance(4):
        return [_spoil(maker, data[0]), *data[1:]]
    return bad_json(maker)


def _form_body(maker: Maker, inputs: list[Input]) -> tuple[bytes, str]:
    pairs = _pairs(maker, inputs, "form")
    files = _pairs(maker, inputs, "file")
    if not files and not maker.chance(4):
        body = "&".join(f"{quote_plus(name)}={quote_plus(text)}" for name, text in pairs)
        return body.encode(), "application/x-www-form-urlencoded"
    parts = [(f'name="{name}"', text) for name, text in pairs]
    parts += [
        (f'name="{name}"; filename="{maker.pick(("f.txt", "é", ""))}"', text)
        for name, text in files
    ]
    lines = []
    for disposition, text in parts:
        head = f"--edge\r\nContent-Disposition: form-data; {disposition}\r\n"
        if maker.chance(3):
            head += "Content-Type: text/x-part\r\n"
        lines.append(f"{head}\r\n{text}\r\n")
    body = ("".join(lines) + "--edge--\r\n").encode()
    if maker.chance(16):
        body = body[: len(body) // 2]
    return body, "multipart/form-data; boundary=edge" if not maker.chance(
        24
    ) else "multipart/form-data"


def a_request(maker: Maker, operations: list[Operation]) -> bytes:
    """One request, most likely for one of the operations."""
    operation = maker.pick(operations)
    inputs = operation.given
    method = maker.pick(operation.methods)
    if maker.chance(16):
        method = maker.pick(("GET", "POST", "HEAD", "OPTIONS", "DELETE", "PUT"))
    target = _path(maker, operation)
    query = [f"{quote(name)}={quote_plus(text)}" for name, text in _pairs(maker, inputs, "query")]
    if maker.chance(16):
        query.append(maker.pick(("extra=1", "&&", "=", "%zz=%", "a;b", "%FF=%FF", "x[]=1")))
    if query or maker.chance(24):
        target += "?" + "&".join(query)
    host = b"testserver" if not maker.chance(16) else maker.pick((b"a.good.example", b"bad.example", b"testserver:80"))  # fmt: skip
    lines = [f"{method} {target} HTTP/1.1".encode(), b"Host: " + host]
    for name, text in _pairs(maker, inputs, "header"):
        lines.append(name.encode() + b": " + _header_bytes(text))
    cookies = _pairs(maker, inputs, "cookie")
    if cookies:
        cookie = "; ".join(f"{name}={quote(text, safe=' +:@')}" for name, text in cookies)
        lines.append(b"Cookie: " + _header_bytes(cookie))
    if maker.chance(4):
        lines += maker.some(_EXTRA, 2)
    return b"\r\n".join(_with_body(maker, lines, inputs, method))


_EXTRA = (
    b"Origin: http://good.example", b"Origin: null", b"Accept-Encoding: gzip", b"Accept: text/html",
    b"Access-Control-Request-Method: PUT", b"Access-Control-Request-Headers: x-a, x-b",
    b"Accept-Encoding: br;q=1, gzip;q=0.5", b"X-Forwarded-For: 1.2.3.4", b"Connection: close",
    b"User-Agent: test", b"If-None-Match: x", b"Range: bytes=0-1", b"Transfer: x",
)  # fmt: skip


def _with_body(maker: Maker, lines: list[bytes], inputs: list[Input], method: str) -> list[bytes]:
    places = {given.where for given in inputs}
    if places & {"form", "file"}:
        body, kind = _form_body(maker, inputs)
    elif "body" in places:
        body, kind = _json_body(maker, inputs)
    elif maker.chance(24):
        body, kind = b'{"un": "asked"}', "application/json"
    else:
        return [*lines, b"", b""]
    if kind:
        lines = [*lines, b"Content-Type: " + kind.encode()]
    if maker.chance(12):
        half = len(body) // 2
        parts = [part for part in (body[:half], body[half:]) if part]
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
        return [*lines, b"Transfer-Encoding: chunked", b"", chunks + b"0\r\n\r\n"]
    return [*lines, b"Content-Length: %d" % len(body), b"", body]
