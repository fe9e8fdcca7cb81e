"""Whose X-Forwarded-For and X-Forwarded-Proto count: the command's flag, the environment, or the
default. The core reads the headers (csrc/server/proxy.h).
"""

from __future__ import annotations

import os
from typing import Any, Final

from fasterapi.log import StartupError

__all__ = ["DEFAULT", "VARIABLE", "trust_proxies", "trusted_proxies"]

#: A proxy on the same machine, as with Uvicorn.
DEFAULT: Final = "127.0.0.1,::1"
VARIABLE: Final = "FORWARDED_ALLOW_IPS"


def trusted_proxies(enabled: bool, given: str | list[str] | None) -> str:
    """The list of those who are believed, empty for nobody.

    given: addresses, networks, "unix" and "*", as a list or as text with commas; None: what the
    variable says, else DEFAULT.
    """
    if not enabled:
        return ""
    if given is None:
        return os.environ.get(VARIABLE, DEFAULT)
    return given if isinstance(given, str) else ",".join(given)


def trust_proxies(core_server: Any, proxies: str, given: bool) -> None:
    """Tell the core, before it starts. given: by a flag or argument, not by the variable.

    Raises StartupError that names the item which is no address.
    """
    try:
        core_server.trust(proxies)
    except ValueError as exc:
        where = "forwarded_allow_ips" if given else VARIABLE
        raise StartupError(f"{where}: {exc}") from None
