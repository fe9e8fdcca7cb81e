"""What is below an endpoint: FastAPI's dependants, and what their functions ask for."""

from __future__ import annotations

from fastapi.dependencies.models import Dependant, _is_async_gen_callable, _is_gen_callable

__all__ = ["asks_for_request", "flat_dependants", "is_generator", "needs_tree"]


def flat_dependants(dependant: Dependant) -> list[Dependant]:
    """A dependant and all below it, in the order FastAPI looks at their parameters."""
    found = [node for sub in dependant.dependencies for node in flat_dependants(sub)]
    return [*found, dependant]


def needs_tree(dependant: Dependant) -> bool:
    """Whether the endpoint cannot be called with the core's parameters alone."""
    return bool(
        dependant.dependencies
        or dependant.response_param_name
        or dependant.background_tasks_param_name
        or dependant.security_scopes_param_name
        or dependant.request_param_name
        or dependant.http_connection_param_name
    )


def is_generator(dependant: Dependant) -> bool:
    """Whether its function has an exit: it gives its value with ``yield``."""
    return _is_gen_callable(dependant.call) or _is_async_gen_callable(dependant.call)


def asks_for_request(dependant: Dependant) -> bool:
    """Whether the function of a dependant takes the Request."""
    return bool(dependant.request_param_name or dependant.http_connection_param_name)
