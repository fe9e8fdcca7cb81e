"""What is asked of programs/strawberry_app.py."""

from __future__ import annotations

import json
from typing import Any

from visit import Visit
from websockets.sync.client import ClientConnection

MODERN, OLD = "graphql-transport-ws", "graphql-ws"
BOUNDARY = "----visit"
UPLOAD = "mutation($file: Upload!) { read(file: $file) }"


def query(v: Visit, text: str, **variables: Any) -> Any:
    body = {"query": text, "variables": variables}
    answer = v.ask("POST", "/graphql", json_body=body, name=f"query {text}")
    return answer.json() if answer.status == 200 else None


def subscribe(v: Visit, protocol: str, text: str, events: int, name: str) -> ClientConnection:
    """A subscription of which some events have come."""
    opened = v.socket("/graphql", subprotocols=[protocol])
    start = "subscribe" if protocol == MODERN else "start"
    opened.send(json.dumps({"type": "connection_init"}))
    opened.send(json.dumps({"id": "1", "type": start, "payload": {"query": text}}))
    heard = []
    while len(heard) < events:
        message = json.loads(opened.recv(30))
        if message["type"] != "ka":
            heard.append(message)
    v.note(f"subscription {name}", heard=heard)
    return opened


def upload(v: Visit) -> None:
    operations = json.dumps({"query": UPLOAD, "variables": {"file": None}})
    parts = (
        f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="operations"\r\n\r\n{operations}\r\n'
        f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="map"\r\n\r\n{{"0": ["variables.file"]}}\r\n'
        f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="0"; filename="a.txt"\r\n\r\n{"y" * 2000000}\r\n'
        f"--{BOUNDARY}--\r\n"
    )
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    v.ask("POST", "/graphql", headers={"content-type": kind}, body=parts.encode(), name="upload")


def visit(v: Visit) -> None:
    v.ask("GET", "/graphql", headers={"accept": "text/html"}, name="GraphiQL")
    query(v, '{ addBook(title: "none") { title } }')
    query(v, 'mutation { addBook(title: "one", year: 1999) { title year } }')
    query(v, "{ books { title year } session }")
    query(v, "{ long }")
    query(v, "{ wrong }")
    query(v, "{ nothing }")
    query(v, "{ __schema { types { name fields { name } } } }")
    v.ask("GET", "/graphql?query=%7Bbooks%7Btitle%7D%7D")
    v.ask(
        "POST", "/graphql", body=b"{", headers={"content-type": "application/json"}, name="no JSON"
    )
    v.ask("POST", "/graphql", body=b"x", headers={"content-type": "text/plain"}, name="no query")
    v.ask("PUT", "/graphql")
    upload(v)
    text = "subscription { count }"
    v.stream(
        "/graphql",
        3,
        name="subscription over multipart",
        method="POST",
        headers={
            "content-type": "application/json",
            "accept": "multipart/mixed;subscriptionSpec=1.0",
        },
        body=json.dumps({"query": text}).encode(),
    )
    for protocol in (MODERN, OLD):
        whole = subscribe(v, protocol, "subscription { count(to: 3) }", 5, f"{protocol}, whole")
        whole.close()
        with v.leaving(f"{protocol}, closed"):
            subscribe(v, protocol, text, 3, f"{protocol}, closed").close()
        with v.leaving(f"{protocol}, gone"):
            subscribe(v, protocol, text, 3, f"{protocol}, gone").socket.close()
    modern = subscribe(v, MODERN, text, 3, "until the stop")
    old = subscribe(v, OLD, text, 3, "until the stop, old")
    v.stay(modern=modern, old=old)
