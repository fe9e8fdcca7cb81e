"""Prefect's server and its UI."""

from __future__ import annotations

import os
import pathlib

os.environ["PREFECT_HOME"] = str(pathlib.Path.cwd() / "prefect")

from field_probe import carry
from prefect.server.api.server import create_app

app = create_app()
carry(app)
