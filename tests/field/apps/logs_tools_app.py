"""An app whose logging goes through one of the tools that people use: the variable TOOL."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

from fastapi import BackgroundTasks
from field_app import App

TOOL = os.environ["TOOL"]


def intercept_with_loguru() -> None:
    from loguru import logger

    class Intercept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            logger.opt(exception=record.exc_info).log(record.levelname, record.getMessage())

    logger.remove()
    logger.add(sys.stdout, format="loguru {level} {message}", colorize=False)
    logging.basicConfig(handlers=[Intercept()], level=logging.INFO, force=True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        one = logging.getLogger(name)
        one.handlers, one.propagate = [], True


def format_with_structlog() -> None:
    import structlog

    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.add_logger_name,
                structlog.stdlib.add_log_level,
                structlog.stdlib.ExtraAdder(),
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(sort_keys=True),
            ],
        )
    )
    logging.root.handlers = [handler]
    logging.root.setLevel(logging.INFO)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        one = logging.getLogger(name)
        one.handlers, one.propagate = [], True


def watch_with_sentry() -> None:
    import sentry_sdk

    def show(event: Any, hint: Any) -> None:
        crumbs = [one["message"] for one in event.get("breadcrumbs", {}).get("values", ())]
        text = event["logentry"]["message"]
        sys.stdout.write(f"sentry {text} after {crumbs}\n")
        sys.stdout.flush()

    sentry_sdk.init(dsn="http://key@127.0.0.1:9/1", before_send=show)


{
    "loguru": intercept_with_loguru,
    "structlog": format_with_structlog,
    "sentry": watch_with_sentry,
}[TOOL]()
app = App()


def report() -> None:
    logging.getLogger("app").error("a fault")


@app.get("/def")
def read() -> str:
    return "def"


@app.get("/async")
async def read_async() -> str:
    return "async"


@app.get("/later")
async def read_then_report(tasks: BackgroundTasks) -> str:
    tasks.add_task(report)
    return "later"
