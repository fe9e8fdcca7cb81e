"""What a WebSocket may do: the options of a server about its sessions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

__all__ = ["WebSocketLimits"]


@dataclass(frozen=True, slots=True)
class WebSocketLimits:
    """The options of the same names with `ws_` before them. 0 seconds: none, and never."""

    max_size: int = 16 * 1024 * 1024
    max_queue: int = 32
    ping_interval: float = 20.0
    ping_timeout: float = 20.0
    per_message_deflate: bool = True

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """From all checked options of the core."""
        return cls(**{field.name: options[f"ws_{field.name}"] for field in fields(cls)})
