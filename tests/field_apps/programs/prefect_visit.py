"""What is asked of programs/prefect_app.py: the UI and all it refers to, and its API."""

from __future__ import annotations

import json
import uuid
from typing import Any

from visit import Visit

HTML = {"accept": "text/html,application/xhtml+xml"}


def post(v: Visit, path: str, body: Any, **options: Any) -> Any:
    answer = v.ask("POST", f"/api{path}", json_body=body, **options)
    return answer.json() if answer.body else None


def flows(v: Visit) -> None:
    """A flow, a run of it, its states, its logs: what `@flow` sends."""
    flow = post(v, "/flows/", {"name": "field"}, same_body=False)
    v.ask("GET", f"/api/flows/{flow['id']}", name="the flow", same_body=False)
    state = {"type": "PENDING", "name": "Pending"}
    run = post(
        v, "/flow_runs/", {"flow_id": flow["id"], "name": "first", "state": state}, same_body=False
    )
    for kind in ("RUNNING", "COMPLETED"):
        told = post(
            v,
            f"/flow_runs/{run['id']}/set_state",
            {"state": {"type": kind, "name": kind.title()}, "force": True},
            name=f"to {kind}",
            same_body=False,
        )
        v.note(f"set {kind}", status=told["status"])
    logs = [
        {
            "name": "field",
            "level": 20,
            "message": f"line {number}",
            "timestamp": "2030-01-01T00:00:00+00:00",
            "flow_run_id": run["id"],
        }
        for number in range(50)
    ]
    post(v, "/logs/", logs)
    found = post(v, "/logs/filter", {"limit": 200}, same_body=False)
    v.note("logs", lines=sorted(one["message"] for one in found))
    found = post(v, "/flow_runs/filter", {}, same_body=False)
    v.note("runs", states=[one["state_name"] for one in found])
    post(v, "/flow_runs/filter", {"limit": "no"}, name="a wrong filter")
    v.ask("GET", f"/api/flow_runs/{uuid.UUID(int=0)}", name="no such run")
    v.ask("DELETE", f"/api/flows/{flow['id']}", name="delete the flow")


def visit(v: Visit) -> None:
    v.page("/", headers=HTML)
    v.ask("GET", "/runs", headers=HTML)
    v.ask("GET", "/v2/runs", headers=HTML)
    v.ask("GET", "/ui-settings")
    for path in ("health", "version", "ready", "admin/settings", "nothing", "docs", "openapi.json"):
        v.ask("GET", f"/api/{path}", same_body=path != "admin/settings")
    v.ask("GET", "/openapi.json")
    v.ask(
        "OPTIONS",
        "/api/flows/",
        headers={"origin": v.base, "access-control-request-method": "POST"},
    )
    flows(v)
    post(v, "/work_pools/", {"name": "pool", "type": "process"}, same_body=False)
    post(v, "/work_pools/filter", {}, same_body=False)
    post(v, "/variables/", {"name": "v", "value": {"a": [1, 2]}}, same_body=False)
    post(v, "/variables/", {"name": "v", "value": 1}, name="twice")
    v.ask("GET", "/api/variables/name/v", same_body=False)
    v.ask("GET", "/api/collections/views/aggregate-worker-metadata")
    with v.leaving("events sent"):
        events = v.socket("/api/events/in")
        event = {
            "event": "field",
            "resource": {"prefect.resource.id": "a"},
            "id": str(uuid.uuid4()),
        }
        events.send(json.dumps({**event, "occurred": "2030-01-01T00:00:00+00:00"}))
        events.close()
    with v.leaving("logs listened to"):
        logs = listen(v, "/api/logs/out", {})
        logs.socket.close()
    stopping = listen(v, "/api/events/out", {"occurred": {}})
    v.stay(events=stopping)


def listen(v: Visit, path: str, wanted: dict[str, Any]) -> Any:
    """A subscription as the UI makes it."""
    opened = v.socket(path, subprotocols=["prefect"])
    opened.send(json.dumps({"type": "auth", "token": None}))
    v.note(f"{path}: auth", answer=json.loads(opened.recv(30))["type"])
    opened.send(json.dumps({"type": "filter", "filter": wanted}))
    return opened
