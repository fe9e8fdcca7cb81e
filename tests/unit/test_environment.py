"""Variables and env files: what they set, who wins, and which names nobody knows."""

from __future__ import annotations

import logging
import os

import pytest

from fasterapi import environment
from fasterapi.environment import (
    check_variables,
    flag_variables,
    load_env_files,
    uvicorn_options,
    web_concurrency,
)
from fasterapi.flags import FLAGS, PLACE
from fasterapi.log import StartupError


def test_variables_of_every_kind():
    found = flag_variables(
        (*PLACE, *FLAGS),
        {
            "FASTERAPI_PORT": " 81 ",
            "FASTERAPI_HOST": "::1",
            "FASTERAPI_RELOAD": "Off",
            "FASTERAPI_RELOAD_DELAY": "0.5",
            "FASTERAPI_RELOAD_DIRS": os.pathsep.join(["a b", "c"]),
            "FASTERAPI_HEADERS": "a:1 b:2",
            "FASTERAPI_FACTORY": "1",
            "FASTERAPI_UDS": "",
            "UVICORN_FD": "3",
        },
        prefix="FASTERAPI_",
    )
    assert found == {
        "factory": True,
        "host": "::1",
        "port": 81,
        "headers": ["a:1", "b:2"],
        "reload": False,
        "reload_delay": 0.5,
        "reload_dirs": ["a b", "c"],
    }


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("FASTERAPI_PORT", "many", "whole number"),
        ("FASTERAPI_RELOAD", "maybe", "on or off"),
        ("FASTERAPI_RELOAD_DELAY", "soon", "number of seconds"),
    ],
)
def test_a_text_that_is_no_value(name, text, words):
    with pytest.raises(StartupError, match=f"{name} is '{text}', but must be .*{words}"):
        flag_variables(FLAGS, {name: text}, prefix="FASTERAPI_")


def test_uvicorns_variables_of_the_cores_options():
    found = uvicorn_options(
        {
            "UVICORN_TIMEOUT_KEEP_ALIVE": "7",
            "UVICORN_ACCESS_LOG": "false",
            "UVICORN_LIMIT_CONCURRENCY": "50",
            "UVICORN_QUEUE_SIZE": "5",
            "UVICORN_SSL_KEYFILE": "",
            "UVICORN_HTTP2": "0",
        }
    )
    assert found == {"keep_alive_timeout": 7.0, "access_log": False, "limit_concurrency": 50}


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"UVICORN_SSL_KEYFILE": "k.pem"}, ["UVICORN_SSL_KEYFILE", "proxy"]),
        ({"UVICORN_BACKLOG": "x"}, ["UVICORN_BACKLOG", "whole number"]),
        ({"UVICORN_BACKLOG": "0"}, ["UVICORN_BACKLOG", "1 to 65535"]),
    ],
)
def test_uvicorns_variables_that_are_no_value(environ, words):
    with pytest.raises(StartupError) as caught:
        uvicorn_options(environ)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize(("text", "number"), [("3", 3), ("", None), (" ", None)])
def test_web_concurrency(text, number):
    assert web_concurrency({"WEB_CONCURRENCY": text}) == number
    assert web_concurrency({}) is None


@pytest.mark.parametrize("text", ["0", "-1", "two"])
def test_web_concurrency_that_is_no_number(text):
    with pytest.raises(StartupError, match=f"WEB_CONCURRENCY is '{text}'"):
        web_concurrency({"WEB_CONCURRENCY": text})


# -- names -----------------------------------------------------------------------------------------

KUBERNETES = {
    "FASTERAPI_SERVICE_HOST": "10.0.0.7",
    "FASTERAPI_SERVICE_PORT": "80",
    "FASTERAPI_SERVICE_PORT_HTTP": "80",
    "FASTERAPI_PORT": "tcp://10.0.0.7:80",
    "FASTERAPI_PORT_80_TCP": "tcp://10.0.0.7:80",
    "FASTERAPI_PORT_80_TCP_ADDR": "10.0.0.7",
    "FASTERAPI_PORT_80_TCP_PORT": "80",
    "FASTERAPI_PORT_80_TCP_PROTO": "tcp",
    "FASTERAPI_SHOP_PORT": "udp://10.0.0.7:80",
    "FASTERAPI_SHOP_SERVICE_HOST": "10.0.0.7",
}
OTHERS = {"FASTERAPI_NO_CORE": "1", "FASTERAPI_BUILD": "asan", "FASTERAPI_PURE": "1"}
OPTIONS = {
    "FASTERAPI_QUEUE_SIZE": "64",
    "FASTERAPI_TIMEOUT_KEEP_ALIVE": "5",
    "FASTERAPI_APP": "main:app",
    "FASTERAPI_UDS": "x",
    "FASTERAPI_LEAK_REQUESTS": "5",
}


def test_names_that_are_known(caplog):
    with caplog.at_level(logging.WARNING):
        check_variables({**KUBERNETES, **OTHERS, **OPTIONS, "FASTERAP_QUEUE_SIZE": "1"})
    assert caplog.records == []
    assert flag_variables(FLAGS, KUBERNETES, prefix="FASTERAPI_") == {}


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("QUEUE_SISE", "QUEUE_SIZE"),
        ("QUEUE_SIZES", "QUEUE_SIZE"),
        ("QUEUESIZE", "QUEUE_SIZE"),
        ("QUEUE_SZIE", "QUEUE_SIZE"),
        ("PROT", "PORT"),
        ("WORKER", "WORKERS"),
        ("XPORT", "PORT"),
    ],
)
def test_nearly_an_option_is_an_error(name, meant):
    with pytest.raises(
        StartupError, match=f"FASTERAPI_{name} is no option; did you mean FASTERAPI_{meant}"
    ):
        check_variables({f"FASTERAPI_{name}": "1"})


def test_another_name_is_a_warning(caplog):
    with caplog.at_level(logging.WARNING):
        check_variables({"FASTERAPI_FLAVOUR": "sweet", **OPTIONS})
    [record] = caplog.records
    assert "FASTERAPI_FLAVOUR is no option" in record.getMessage()


def test_a_port_that_is_not_kubernetes_is_ours():
    assert flag_variables(FLAGS, {"FASTERAPI_PORT": "80"}, prefix="FASTERAPI_") == {"port": 80}


# -- env files -------------------------------------------------------------------------------------


def test_env_files_set_what_is_not_set(tmp_path, monkeypatch):
    monkeypatch.setenv("ENV_FILE_OLD", "kept")
    monkeypatch.setenv("ENV_FILE_NEW", "")
    monkeypatch.delenv("ENV_FILE_NEW")
    file = tmp_path / "my.env"
    file.write_text("# a comment\nENV_FILE_OLD=lost\nexport ENV_FILE_NEW='a b'\n")
    load_env_files([file])
    assert os.environ["ENV_FILE_OLD"] == "kept"
    assert os.environ["ENV_FILE_NEW"] == "a b"


def test_env_file_that_cannot_be_read(tmp_path):
    with pytest.raises(StartupError, match=r"env_file: cannot read .*missing\.env: No such file"):
        load_env_files([tmp_path / "missing.env"])
    with pytest.raises(StartupError, match=r"env_file: cannot read .*: Is a directory"):
        load_env_files([tmp_path])
    (tmp_path / "bytes.env").write_bytes(b"A=\xff\xfe\n")
    with pytest.raises(StartupError, match=r"env_file: .*bytes\.env cannot be read"):
        load_env_files([tmp_path / "bytes.env"])


def test_env_file_without_dotenv(tmp_path, monkeypatch):
    file = tmp_path / "my.env"
    file.write_text("ENV_FILE_A=1\n")

    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(environment.importlib, "import_module", missing)
    with pytest.raises(StartupError, match="needs python-dotenv: pip install python-dotenv"):
        load_env_files([file])
