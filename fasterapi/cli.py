"""The command line: ``fasterapi run | dev | explain | bench | stats | config | version``.

Every option of the core is a flag of `run` and `dev`, generated from the option table. Wrong usage
ends with exit code 2, a failed start with 3; both after one line that names the fix.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import platform
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from fasterapi import _native, config, log
from fasterapi.discover import find_target, load_app
from fasterapi.environment import check_variables
from fasterapi.flags import FLAGS, PLACE, Flag, instead_of, spelled_out
from fasterapi.launch import Given, command_settings
from fasterapi.log import StartupError, say
from fasterapi.process import open_standard_descriptors
from fasterapi.server import run_settings

__all__ = ["app", "main"]

APP_HELP = (
    "The app: module:app, a file (path/to/main.py), or nothing: then the "
    "entrypoint of tool.fastapi in pyproject.toml, main.py, app.py, api.py, "
    "app/main.py, app/app.py or app/api.py."
)
CORE_PANEL = "Options of the core"

app = typer.Typer(
    name="fasterapi",
    help="FastAPI at the speed of C.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

AppArgument = Annotated[str | None, typer.Argument(metavar="[APP]", help=APP_HELP)]
NameOption = Annotated[
    str | None, typer.Option("--app", metavar="NAME", help="The app's name in its module.")
]
FactoryOption = Annotated[
    bool, typer.Option("--factory", help="APP names a function that makes the app.")
]


def _print_version(wanted: bool) -> None:
    if wanted:
        version()
        raise typer.Exit


VersionOption = Annotated[
    bool,
    typer.Option(
        "--version", help="Print the versions and end.", callback=_print_version, is_eager=True
    ),
]


@app.callback()
def _whole(show_version: VersionOption = False) -> None:
    """FastAPI at the speed of C."""


# -- run and dev: parameters from the tables -------------------------------------------------------


def _serving_parameters(command: str) -> list[inspect.Parameter]:
    """Parameters of `run` or `dev`, the core's options last. None: not given."""
    flags = [flag for flag in (*FLAGS, *PLACE) if flag.only in ("", command)]
    return [
        _parameter("target", AppArgument),
        *(_parameter(flag.name, _annotation(flag)) for flag in flags),
        _parameter("show_version", VersionOption, False),
        *(_parameter(option.name, _core_annotation(option)) for option in config.OPTIONS.values()),
    ]


def _parameter(name: str, annotation: Any, default: Any = None) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, default=default, annotation=annotation)


def _annotation(flag: Flag) -> Any:
    kind = list[str] if flag.kind is list else flag.kind
    info = typer.Option(
        *(flag.flags or (f"--{flag.name.replace('_', '-')}",)),
        help=flag.help,
        metavar=flag.metavar,
        show_default=False,
    )
    return Annotated[kind | None, info]


def _core_annotation(option: config.Option) -> Any:
    names = [option.name, *(one for one, other in config.ALIASES.items() if other == option.name)]
    words = [name.replace("_", "-") for name in names]
    flags = [f"--{word}/--no-{word}" if option.type is bool else f"--{word}" for word in words]
    text = f"{option.help[0].upper()}{option.help[1:]}. (default: {option.default_text})"
    info = typer.Option(
        *flags,
        help=text,
        rich_help_panel=CORE_PANEL,
        show_default=False,
        parser=_seconds if option.type is float else None,
        metavar="SECONDS" if option.type is float else None,
    )
    return Annotated[option.type | None, info]


def _seconds(text: str) -> float:
    try:
        return config.seconds(str(text))
    except ValueError as exc:
        raise typer.BadParameter(str(exc)) from None


def _command(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function that takes all serving parameters as keywords."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        def command(**values: Any) -> None:
            values.pop("show_version")
            function(values)

        command.__doc__ = function.__doc__
        command.__signature__ = inspect.Signature(_serving_parameters(name))  # type: ignore[attr-defined]
        app.command(name)(command)
        return function

    return register


def _serve(values: dict[str, Any], defaults: dict[str, Any], **own: Any) -> None:
    """Serve with the command's values. defaults, own: of the core's options, of other flags."""
    target = values.pop("target")
    given = {name: value for name, value in values.items() if value not in (None, [])}
    place, settings = command_settings(Given.of(given, defaults), target, own)
    code = run_settings(place, settings)
    if code:
        raise typer.Exit(code)


@_command("run")
def run(values: dict[str, Any]) -> None:
    """Serve an app. Access log on."""
    _serve(values, {"access_log": True})


@_command("dev")
def dev(values: dict[str, Any]) -> None:
    """Serve an app, and start it afresh when a Python file changes. Access log on."""
    _serve(values, {"access_log": True}, host="127.0.0.1", reload=True)


# -- looking at things -----------------------------------------------------------------------------


@app.command()
def explain(
    target: AppArgument = None,
    app_name: NameOption = None,
    factory: FactoryOption = False,
    route: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN",
            help='Only these routes: "/items/*" or "GET /items/*"; may be repeated.',
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="End with 1 unless every route marked @fasterapi.must_compile, and every one "
            "that --route names, is compiled.",
        ),
    ] = False,
    cost: Annotated[
        bool,
        typer.Option(
            "--cost",
            help="Call each route with made-up parameters and say what a request costs, and where "
            "the time goes. Only GET and the like, unless --route names the route.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON only.")] = False,
) -> None:
    """Say for each route how it is served (compiled or by FastAPI's own code), and why."""
    from fasterapi import explain_view
    from fasterapi._fastapi import FastAPI

    if check and cost:
        raise StartupError("give either --check or --cost, not both")
    place = find_target(target, app_name=app_name, factory=factory)
    with contextlib.redirect_stdout(sys.stderr):
        found = load_app(place)
        if not isinstance(found, FastAPI):
            raise StartupError(f"{place} is no FastAPI app, so there are no routes to explain")
        view = explain_view.View(found, tuple(route or ()))
        costs = view.costs() if cost else None
    if check:
        if not view.check(as_json):
            raise typer.Exit(1)
    elif costs is not None:
        view.show_costs(costs, as_json)
    else:
        view.show_routes(as_json)


@app.command()
def bench(
    target: AppArgument = None,
    path: Annotated[str, typer.Option(help="Path and query of the request.")] = "/",
    method: Annotated[str, typer.Option(help="Method of the request.")] = "GET",
    header: Annotated[
        list[str] | None, typer.Option(metavar="NAME: VALUE", help="A header, may be repeated.")
    ] = None,
    body: Annotated[str, typer.Option(help="Body of the request.")] = "",
    requests: Annotated[int, typer.Option(min=1, help="Requests in each run.")] = 100_000,
    in_flight: Annotated[
        int, typer.Option(min=1, max=65536, help="Requests at a time in the throughput run.")
    ] = 64,
    app_name: NameOption = None,
    factory: FactoryOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON only.")] = False,
) -> None:
    """Measure one request inside this process: the whole path but the sockets."""
    from fasterapi.bench import format_table, measure, request_bytes

    place = find_target(target, app_name=app_name, factory=factory)
    log.configure("warning")
    pairs = [tuple(part.strip() for part in text.split(":", 1)) for text in header or []]
    if any(len(pair) != 2 for pair in pairs):
        raise StartupError('a header is written as "Name: value"')
    try:
        request = request_bytes(method, path, [(a, b) for a, b in pairs], body.encode())
    except ValueError as exc:
        raise StartupError(str(exc)) from None
    with contextlib.redirect_stdout(sys.stderr):
        found = load_app(place)
        runs = [
            measure(found, request, count=requests, in_flight=number) for number in (1, in_flight)
        ]
    say(json.dumps([run.as_dict() for run in runs], indent=2) if as_json else format_table(runs))


@app.command()
def stats(
    server: Annotated[
        str | None,
        typer.Argument(metavar="[SERVER]", help="Process id, address, port or socket path."),
    ] = None,
    interval: Annotated[
        float | None, typer.Option(min=0.05, help="Seconds between two looks.", metavar="SECONDS")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object only.")] = False,
) -> None:
    """Show the figures of a running server, refreshed on a terminal."""
    from rich.console import Console
    from rich.live import Live

    from fasterapi.stats_view import NoServerError, Watch, find_group, looks

    try:
        group = find_group(server)
    except NoServerError as exc:
        say(f"error: {exc}", sys.stderr)
        raise typer.Exit(1) from None
    if as_json:
        say(json.dumps(group.as_dict()))
        return
    watch = Watch(group)
    console = Console()
    if not console.is_terminal:
        for _ in looks(watch, interval) if interval is not None else [group]:
            Console(width=110).print(watch.table())
        return
    with Live(console=console, auto_refresh=False) as live, contextlib.suppress(KeyboardInterrupt):
        for _ in looks(watch, interval or 1.0):
            live.update(watch.table(), refresh=True)


@app.command("config")
def show_config(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON only.")] = False,
) -> None:
    """Print every option of the core: its value here, where that comes from, and its bounds."""
    check_variables(os.environ)
    try:
        settings = config.settings()
    except (TypeError, ValueError) as exc:
        raise StartupError(str(exc)) from None
    if as_json:
        say(json.dumps([_setting_row(one) for one in settings], indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for title in ("option", "value", "from", "default", "bounds", "meaning"):
        table.add_column(title, no_wrap=title != "meaning")
    for one in settings:
        option = one.option
        table.add_row(
            option.name,
            config.value_text(one.value),
            one.source,
            option.default_text,
            option.bounds_text,
            option.help,
        )
    Console().print(table)


def _setting_row(setting: config.Setting) -> dict[str, Any]:
    option = setting.option
    return {
        "name": option.name,
        "type": option.type.__name__,
        "value": setting.value,
        "source": setting.source,
        "default": option.default,
        "minimum": option.minimum,
        "maximum": option.maximum,
        "help": option.help,
    }


@app.command()
def version() -> None:
    """Print the versions of FasterAPI, FastAPI and Python, and whether the C core is there."""
    import fastapi

    import fasterapi

    core = "C core" if _native.core is not None else f"no C core: {_native.why_no_core}"
    say(
        f"FasterAPI {fasterapi.__version__} (FastAPI {fastapi.__version__}, "
        f"{platform.python_implementation()} {platform.python_version()}, {core})"
    )


def main(arguments: list[str] | None = None) -> None:
    """Entry point of the ``fasterapi`` script. Always raises SystemExit.

    Exit codes: 0 done, 2 wrong usage, 3 the app or server could not start.
    """
    open_standard_descriptors()
    command = typer.main.get_command(app)
    try:
        words = spelled_out(sys.argv[1:] if arguments is None else arguments)
        code = command.main(words, prog_name="fasterapi", standalone_mode=False)
    except StartupError as exc:
        raise log.exit_with(exc) from None
    except (KeyboardInterrupt, typer.Abort):
        raise SystemExit(130) from None
    except Exception as exc:
        # Usage errors of the command-line library, whichever version of it raises them.
        describe = getattr(exc, "format_message", None)
        if describe is None:
            raise
        text = instead_of(getattr(exc, "option_name", "")) or describe()
        say(text if "\n" in text else f"error: {text}", sys.stderr)
        raise SystemExit(getattr(exc, "exit_code", 2)) from None
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
    raise SystemExit(code if isinstance(code, int) else 0)
