"""What a started server prints: where it is, and what of the app will be fast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from fasterapi.settings import Settings

__all__ = ["address_text", "start_line"]

#: What hosts that are no address of their own stand for.
_EVERY: Final = {"0.0.0.0": "every address", "::": "every IPv6 address"}


def address_text(settings: Settings, port: int) -> str:
    """Where a server with these settings can be reached; `port` is the real one."""
    if settings.address is not None:
        return settings.address
    if settings.uds is not None:
        return f"unix:{settings.uds}"
    if settings.fd is not None:
        return f"descriptor {settings.fd}"
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{port}"


def start_line(settings: Settings, facts: dict[str, Any]) -> str:
    """What a started server prints: where it is, and in a second line what will be fast."""
    address = address_text(settings, facts["port"])
    workers = f"{settings.workers} worker{'s' if settings.workers != 1 else ''}"
    if facts["fasterapi"]:
        routes = f"{facts['compiled']} of {facts['routes']} routes compiled"
    else:
        routes = "ASGI app"
    if settings.uds is None and settings.fd is None and settings.host in _EVERY:
        address += f", {_EVERY[settings.host]} of this machine"
    words = facts.get("words", "")
    return f"FasterAPI on {address} ({workers}, {routes})" + (f"\n{words}" if words else "")
