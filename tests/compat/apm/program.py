"""One app, watched by one tool, in a process of its own: the tools patch what all apps share.

    python program.py TOOL fastapi|fasterapi|early|plain client|server

early and plain are how `fasterapi run` does it: FasterAPI is imported when the tool is not yet there,
and the app is a FasterAPI, or FastAPI's own. Prints as JSON what the requests were answered, what the tool recorded, and what `explain` says.
"""

import http.client
import json
import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

TOOL, CLASS, WAY = sys.argv[1:]
#: (method, path, body) of each request.
REQUESTS = [
    ("GET", "/items/7?q=a", None),
    ("GET", "/items/x", None),
    ("POST", "/items", b'{"name": "pen"}'),
    ("GET", "/raises", None),
    ("GET", "/nothing", None),
]
WARM = "/items/1?q=warm"
Send = Callable[[str, str, bytes | None], tuple[int, str]]
recorded: list[Any] = []


# -- the tools -------------------------------------------------------------------------------------


def providers() -> tuple[Any, Any, Any, Any]:
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    spans, reader, tracer = InMemorySpanExporter(), InMemoryMetricReader(), TracerProvider()
    tracer.add_span_processor(SimpleSpanProcessor(spans))
    return tracer, MeterProvider(metric_readers=[reader]), spans, reader


#: Attributes that tell one run, or one server, from another.
PASSING = ("client.port", "net.peer.port", "server.port", "net.host.port", "user_agent")
PASSING += ("http.host", "http.url", "url.full", "http.server_name", "server.address")
PASSING += ("net.peer.ip", "client.address", "network.peer", "exception.stacktrace", "code.")


def lasting(attributes: Any) -> dict[str, Any]:
    return {
        name: str(value)
        for name, value in sorted((attributes or {}).items())
        if not name.startswith(PASSING) and "user_agent" not in name and "timestamp" not in name
    }


def telemetry_report(spans: Any, reader: Any) -> Any:
    seen = [
        [span.name, span.kind.name, span.status.status_code.name, lasting(span.attributes)]
        + [[event.name, lasting(event.attributes)] for event in span.events]
        for span in spans.get_finished_spans()
    ]
    data = reader.get_metrics_data()
    points = [
        [
            metric.name,
            lasting(point.attributes),
            getattr(point, "count", getattr(point, "value", 0)),
        ]
        for resource in ([] if data is None else data.resource_metrics)  # None: nothing measured
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    ]
    return {"spans": seen, "metrics": sorted(points, key=str)}


def start_sentry() -> None:
    import sentry_sdk
    from sentry_sdk.transport import Transport

    class Kept(Transport):
        def capture_envelope(self, envelope: Any) -> None:
            for item in envelope.items:
                event = item.payload.json
                if event is not None and item.type in ("event", "transaction"):
                    errors = (event.get("exception") or {}).get("values", [])
                    recorded.append(
                        {
                            "type": item.type,
                            "transaction": re.sub("http://[^/]*", "", event["transaction"]),
                            "source": (event.get("transaction_info") or {}).get("source"),
                            "op": event.get("contexts", {}).get("trace", {}).get("op"),
                            "status": event.get("contexts", {}).get("response"),
                            "method": event["request"]["method"],
                            "query": event["request"].get("query_string"),
                            "errors": [[one["type"], one["value"]] for one in errors],
                            "handled": [one["mechanism"]["handled"] for one in errors],
                            "spans": sorted(
                                [span.get("op") or "", span.get("description") or ""]
                                for span in event.get("spans", [])
                            ),
                        }
                    )

    sentry_sdk.init("http://key@localhost/1", transport=Kept, traces_sample_rate=1.0)


# -- the app ---------------------------------------------------------------------------------------


def make(app_class: Any, **options: Any) -> Any:
    from pydantic import BaseModel

    class Item(BaseModel):
        name: str

    app = app_class(**options)

    @app.get("/items/{number}")
    async def read(number: int, q: str = "") -> dict[str, Any]:
        return {"number": number, "q": q}

    @app.post("/items", status_code=201)
    def create(item: Item) -> Item:
        return item

    @app.get("/raises")
    async def raises() -> None:
        raise ValueError("from the endpoint")

    return app


def imported() -> Any:
    if CLASS in ("fastapi", "plain"):
        import fastapi

        return fastapi.FastAPI
    import fasterapi

    return fasterapi.FasterAPI


def prepared() -> tuple[Any, Callable[[], Any]]:
    """The app under the tool, and what tells what the tool has recorded."""
    if TOOL == "telemetry":
        tracer, meter, spans, reader = providers()
        config = {"tracer_provider": tracer, "meter_provider": meter}
        return make(imported(), telemetry=config), lambda: telemetry_report(spans, reader)
    off = {"tracing": False, "metrics": False, "logs": False}
    if TOOL in ("otel-app", "otel-all"):
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor

        tracer, meter, spans, reader = providers()
        given = {"tracer_provider": tracer, "meter_provider": meter}
        if TOOL == "otel-all":
            FastAPIInstrumentor().instrument(**given)
            app = make(imported(), telemetry=off)
        else:
            app = make(imported(), telemetry=off)
            late.append(lambda: FastAPIInstrumentor.instrument_app(app, **given))
        return app, lambda: telemetry_report(spans, reader)
    if TOOL == "prometheus":
        from prometheus_client import CollectorRegistry
        from prometheus_fastapi_instrumentator import Instrumentator

        app = make(imported(), telemetry=off)
        registry = CollectorRegistry()
        Instrumentator(registry=registry).instrument(app).expose(app)
        return app, lambda: {
            "samples": sorted(
                [sample.name, sorted(sample.labels.items()), sample.value]
                for metric in registry.collect()
                for sample in metric.samples
                if sample.name.endswith(("_total", "_count"))
            )
        }
    if TOOL.startswith("logfire"):
        return with_logfire(off)
    if TOOL == "sentry-before":
        start_sentry()
    app = make(imported(), telemetry=off)
    late.append(start_sentry if TOOL != "sentry-before" else lambda: None)
    return app, lambda: {
        "events": sorted([one for one in recorded if one["query"] != "q=warm"], key=str)
    }


def with_logfire(off: dict[str, bool]) -> tuple[Any, Callable[[], Any]]:
    import logfire
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
    logfire.configure(
        send_to_logfire=False,
        console=False,
        additional_span_processors=[SimpleSpanProcessor(spans)],
        metrics=logfire.MetricsOptions(additional_readers=[reader]),
    )
    if TOOL == "logfire-pydantic":
        logfire.instrument_pydantic()
    app = make(imported(), telemetry=off)
    if TOOL == "logfire":
        logfire.instrument_fastapi(app)
    if TOOL == "logfire-idle":  # its plugin is installed, and that is all
        return app, lambda: {"spans": [span.name for span in spans.get_finished_spans()]}
    return app, lambda: telemetry_report(spans, reader)


#: What is done to the app when it is there: before the first request, or, for TOOL *-late, after it.
late: list[Callable[[], Any]] = []


# -- the requests ----------------------------------------------------------------------------------


def ask(send: Send) -> list[Any]:
    answers: list[Any] = []
    if TOOL.endswith("-late"):
        answers.append(send("GET", WARM, None))
        late.pop()()
        while not recorded:  # the server looks for patches every second
            send("GET", WARM, None)
    return answers + [send(*request) for request in REQUESTS]


def by_client(app: Any) -> list[Any]:
    if CLASS == "fastapi":
        from starlette.testclient import TestClient
    else:
        from fasterapi.testclient import TestClient
    with TestClient(app, raise_server_exceptions=False) as client:

        def send(method: str, path: str, body: bytes | None) -> tuple[int, str]:
            answer = client.request(
                method, path, content=body, headers={"content-type": "application/json"}
            )
            return answer.status_code, answer.text

        return ask(send)


def by_server(app: Any) -> list[Any]:
    answers: list[Any] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        descriptor = os.dup(listener.fileno())  # the server's own
        address = listener.getsockname()

        def send(method: str, path: str, body: bytes | None) -> tuple[int, str]:
            connection = http.client.HTTPConnection(*address)
            connection.request(method, path, body, {"content-type": "application/json"})
            answer = connection.getresponse()
            found = answer.status, answer.read().decode()
            connection.close()
            return found

        def client() -> None:
            try:
                answers.extend(ask(send))
            finally:
                os.kill(os.getpid(), signal.SIGTERM)

        thread = threading.Thread(target=client)
        thread.start()
        try:
            if CLASS == "fastapi":
                import uvicorn

                uvicorn.run(app, fd=descriptor, log_level="critical")
            else:
                import fasterapi

                fasterapi.serve(app, fd=descriptor, log_level="critical")
        finally:
            thread.join()
    return answers


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: None)  # the servers raise it again when they end
    if CLASS in ("early", "plain"):
        pass
    app, report = prepared()
    if late and not TOOL.endswith("-late"):
        late.pop()()
    answers = by_client(app) if WAY == "client" else by_server(app)
    told = []
    if CLASS != "fastapi":
        from fasterapi.explain import explain

        told = [
            [route["path"], route["tier"], [one["code"] for one in route["reasons"]]]
            for route in explain(app)["routes"]
            if route["path"] in ("/items/{number}", "/items", "/raises")
        ]
    print(json.dumps({"answers": answers, "recorded": report(), "explain": told}))


if __name__ == "__main__":
    main()
