"""Reason codes: why a route is not compiled, in words.

Each code has one sentence that says what is in the way and what would make the route compile.
Codes are stable; texts may get better.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

__all__ = ["TEXTS", "Reason", "reason"]


@dataclass(frozen=True, slots=True)
class Reason:
    """One obstacle. code: kebab-case and stable; text: one or two sentences for people."""

    code: str
    text: str

    def as_dict(self) -> dict[str, str]:
        """{"code": ..., "text": ...}, ready for JSON."""
        return {"code": self.code, "text": self.text}


TEXTS: Final[dict[str, str]] = {
    # The process.
    "version": (
        "{name} {version} is not in the tested range; install {name}>={low},<{high} to compile."
    ),
    "patched": (
        "{name} was replaced by {module}; a compiled route would not run that replacement, "
        "so remove the patch to compile."
    ),
    "internals": "FastAPI looks different inside: {what}. Install the tested FastAPI to compile.",
    "no-core": (
        "FasterAPI's C core is not there ({what}), so Uvicorn serves the app; "
        "install it where the core can be built, and without FASTERAPI_NO_CORE, to compile."
    ),
    # The app.
    "debug": (
        "The app has debug=True, so Starlette's own code shows tracebacks; turn it off to compile."
    ),
    "middleware": (
        "The app has middleware that runs in Python: {names}.{advice} Plans run behind it; "
        "remove it, or do its work in a dependency, to compile the routes entirely."
    ),
    "middleware-options": (
        "{name} is set up in a way that the core does not follow: {what}. "
        "Use plain values to compile the routes."
    ),
    "middleware-stack": (
        "The app's middleware stack is not the one FastAPI builds: {what}. "
        "Leave app.middleware_stack alone to compile."
    ),
    "telemetry": (
        "OpenTelemetry is configured and FastAPI records every request; "
        "pass telemetry={{'tracing': False, 'metrics': False, 'logs': False}} to compile."
    ),
    "max-body-size": (
        "The route takes the Request and has a max_body_size of FastAPI's, whose limiter can be "
        "seen in the scope; leave one of the two out to compile (the server has its own limit)."
    ),
    "root-path": (
        "The app sets root_path, which changes how paths are matched; "
        "give --root-path to the server instead to compile."
    ),
    "custom-call": (
        "{name} overrides {what}, which a compiled route would not run; "
        "remove the override to compile."
    ),
    "custom-router": (
        "The router {name} changes {what}; use a plain APIRouter to compile its routes."
    ),
    "unreadable-routes": (
        "FastAPI cannot build a router that is included: {what}. It says so for each request; "
        "mend that route to compile."
    ),
    # The route.
    "websocket": "A WebSocket route is served by FastAPI's own code; only HTTP routes compile.",
    "mount": (
        "A mounted app answers for itself; mount a FastAPI, or put its path operations on this "
        "app, to compile them."
    ),
    "mounted": (
        "The route belongs to an app that is mounted at {path!r}, so its plan runs at the inner "
        "end of that app's middleware; put it on the outer app to compile it entirely."
    ),
    "foreign-route": (
        "{name} is not a path operation of FastAPI's; declare it with @app.get() and the like "
        "to compile."
    ),
    "custom-route-class": (
        "The route's class is {name}, which may handle requests in its own way; "
        "use APIRoute to compile."
    ),
    "changed-route": (
        "The route was changed after it was made: {what}. "
        "Leave the route as FastAPI made it to compile."
    ),
    "concurrency": (
        "A dependency has a limit of its own (max_concurrency), which FastAPI keeps; "
        "leave the limit out to compile."
    ),
    "mixed-scopes": (
        "A dependency with yield of the request's scope comes after one of the function's scope; "
        "declare it before the other one to compile."
    ),
    "too-many-generators": (
        "The route has more than {limit} dependencies with yield; put some together to compile."
    ),
    "special-parameter": (
        "The endpoint asks for the {what}; take the single values it needs as parameters "
        "to compile."
    ),
    "request-send": (
        "{name} takes the Request and uses its _send, which only FastAPI's own code fills in; "
        "return a response that sends itself to compile."
    ),
    "too-many-parameters": (
        "The endpoint has {count} inputs, at most {limit} fit a plan; "
        "group some in a body to compile."
    ),
    "method": "The method {name} is not one the core knows; use a usual HTTP method to compile.",
    "any-method": "The route takes every method; name its methods to compile.",
    "path-pattern": (
        "The path {path!r} is more than whole segments of text, {{name}}, {{name:int}}, "
        "{{name:float}} and a last {{name:path}}; write it so to compile."
    ),
    "shadowed": (
        "An earlier route that FastAPI serves ({path}) may want the same requests; "
        "declare this route before it to compile."
    ),
    "plan-failed": "Looking at the route raises {what}; FastAPI serves it.",
    # Inputs.
    "param-name": (
        "Parameter {name!r} has the name {wire!r}, which is not plain ASCII text; "
        "use another alias to compile."
    ),
    "path-missing": (
        "Path parameter {name!r} is not in the path {path!r}, so FastAPI always answers 422; "
        "add it to the path to compile."
    ),
    "deferred-schema": (
        "The type of {name!r} has a schema that is not complete (forward reference), or that a "
        "plugin of Pydantic's listens to (Logfire's after instrument_pydantic); complete it before "
        "the server starts, and leave the plugin off for it, to compile."
    ),
    # Answers.
    "core-refused": "The C core does not take this route ({what}); FastAPI serves it.",
}


def reason(code: str, **values: Any) -> Reason:
    """The Reason for a code of TEXTS, its sentence filled in. Raises KeyError if unknown."""
    return Reason(code, TEXTS[code].format(**values))
