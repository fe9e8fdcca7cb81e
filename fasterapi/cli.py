"""The command line: ``fasterapi run | dev | explain | bench | stats | config | version``.

Every option of the core is a flag of `run` and `dev`, generated from the option table. Wrong usage
ends with exit code 2, a failed start with 3; both after one line that names the fix.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import platform
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any

import typer

from fasterapi import _native, config, log
from fasterapi.discover import Target, find_target, load_app
from fasterapi.log import StartupError, say
from fasterapi.server import Settings, check_settings, run_settings

__all__ = ["app", "main"]

APP_HELP = (
    "The app: module:app, a file (path/to/main.py), or nothing: then [tool.fastapi] entrypoint "
    "of pyproject.toml, main.py, app.py, api.py, app/main.py, app/app.py or app/api.py."
)
CORE_PANEL = "Options of the core"
LEVELS_HELP = "One of " + ", ".join(log.LEVELS) + "."

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


# -- run and dev: parameters partly from the option table ------------------------------------------


Row = tuple[str, Any, Any]


def _log_rows() -> list[Row]:
    """What is said, and how: (parameter, annotation, default)."""
    return [
        (
            "log_level",
            Annotated[str | None, typer.Option(help=f"{LEVELS_HELP} (default: info)")],
            None,
        ),
        (
            "log_config",
            Annotated[
                str | None,
                typer.Option(metavar="FILE", help="Logging configuration: .json, .yaml or .ini."),
            ],
            None,
        ),
        (
            "use_colors",
            Annotated[
                bool | None,
                typer.Option(
                    "--use-colors/--no-use-colors",
                    help="Colours in the log. (default: on a terminal)",
                    show_default=False,
                ),
            ],
            None,
        ),
        (
            "access_log_format",
            Annotated[
                str | None,
                typer.Option(
                    metavar="PATTERN",
                    help="Lines of the access log: text, json, or as '%(request_line)s'.",
                ),
            ],
            None,
        ),
    ]


def _proxy_rows() -> list[Row]:
    """Who may tell where a request came from."""
    return [
        (
            "proxy_headers",
            Annotated[
                bool,
                typer.Option(help="Let a trusted proxy tell who sent a request (X-Forwarded-*)."),
            ],
            True,
        ),
        (
            "forwarded_allow_ips",
            Annotated[
                str | None,
                typer.Option(
                    metavar="LIST",
                    help="Who is such a proxy: addresses, networks, unix, or *. "
                    "(default: $FORWARDED_ALLOW_IPS, else 127.0.0.1,::1)",
                ),
            ],
            None,
        ),
    ]


def _serving_parameters(reload: bool) -> list[inspect.Parameter]:
    """Parameters of `run` (reload: of `dev`), the core's options last."""
    rows: list[tuple[str, Any, Any]] = [
        ("target", AppArgument, None),
        (
            "host",
            Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for every one.")],
            "127.0.0.1",
        ),
        ("port", Annotated[int, typer.Option(help="Port; 0 takes a free one.")], 8000),
        (
            "uds",
            Annotated[str | None, typer.Option(metavar="PATH", help="Unix socket instead.")],
            None,
        ),
        (
            "fd",
            Annotated[int | None, typer.Option(help="Inherited listening descriptor instead.")],
            None,
        ),
        *_log_rows(),
        (
            "root_path",
            Annotated[str, typer.Option(help="Path prefix that a proxy in front strips off.")],
            "",
        ),
        *_proxy_rows(),
        ("lifespan", Annotated[str, typer.Option(help="auto, on or off.")], "auto"),
        ("loop", Annotated[str, typer.Option(help="auto, uvloop or asyncio.")], "auto"),
        ("app_name", NameOption, None),
        ("factory", FactoryOption, False),
    ]
    if reload:
        help_text = "Folder to watch, may be repeated. Default: the current one."
        rows.append(("reload_dir", Annotated[list[str] | None, typer.Option(help=help_text)], None))
    else:
        rows.append(("workers", Annotated[int, typer.Option(help="Number of processes.")], 1))
        help_text = "Let other processes listen on the same port."
        rows.append(
            ("reuse_port", Annotated[bool, typer.Option("--reuse-port", help=help_text)], False)
        )
    kind = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter(name, kind, default=default, annotation=annotation)
        for name, annotation, default in rows
    ]
    return parameters + [_core_parameter(option) for option in config.OPTIONS.values()]


def _core_parameter(option: config.Option) -> inspect.Parameter:
    flag = option.name.replace("_", "-")
    declarations = [f"--{flag}/--no-{flag}"] if option.type is bool else [f"--{flag}"]
    text = f"{option.help[0].upper()}{option.help[1:]}. (default: {option.default_text})"
    info = typer.Option(*declarations, help=text, rich_help_panel=CORE_PANEL, show_default=False)
    return inspect.Parameter(
        option.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[option.type | None, info],
    )


def _command(name: str, reload: bool) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function that takes all serving parameters as keywords."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        def command(**values: Any) -> None:
            function(values)

        command.__doc__ = function.__doc__
        command.__signature__ = inspect.Signature(_serving_parameters(reload))  # type: ignore[attr-defined]
        app.command(name)(command)
        return function

    return register


def _settings(values: dict[str, Any]) -> tuple[Target, Settings]:
    """Split the command's values into the app's place and the settings."""
    target = find_target(
        values.pop("target"), app_name=values.pop("app_name"), factory=values.pop("factory")
    )
    options = {name: values.pop(name) for name in list(values) if name in config.OPTIONS}
    given = {name: value for name, value in options.items() if value is not None}
    return target, Settings(**values, options=given)


@_command("run", reload=False)
def run(values: dict[str, Any]) -> None:
    """Serve an app. Access log on."""
    target, settings = _settings(values)
    settings.defaults = {"access_log": True}
    code = run_settings(target, settings)
    if code:
        raise typer.Exit(code)


@_command("dev", reload=True)
def dev(values: dict[str, Any]) -> None:
    """Serve an app, and start it afresh when a Python file changes. Access log on."""
    from fasterapi.reload import Reloader
    from fasterapi.supervisor import spawner

    folders = values.pop("reload_dir") or ["."]
    target, settings = _settings(values)
    settings.options = {"access_log": True, "graceful_timeout": 1.0} | settings.options
    log.configure(settings.log_level, settings.use_colors, settings.log_config)
    check_settings(settings)
    message = {"settings": settings.as_dict(), "target": asdict(target)}
    reloader = Reloader(spawner(message, own_group=False), folders)
    say(f"Watching {', '.join(folders)} for changes; Ctrl-C ends it.", sys.stderr)
    code = reloader.run()
    if code:
        raise typer.Exit(code)


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
    command = typer.main.get_command(app)
    try:
        code = command.main(arguments, prog_name="fasterapi", standalone_mode=False)
    except StartupError as exc:
        raise log.exit_with(exc) from None
    except (KeyboardInterrupt, typer.Abort):
        raise SystemExit(130) from None
    except Exception as exc:
        # Usage errors of the command-line library, whichever version of it raises them.
        describe = getattr(exc, "format_message", None)
        if describe is None:
            raise
        text = describe()
        say(text if "\n" in text else f"error: {text}", sys.stderr)
        raise SystemExit(getattr(exc, "exit_code", 2)) from None
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
    raise SystemExit(code if isinstance(code, int) else 0)
