"""The file with the process's number, and its name in the system's lists."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fasterapi import process
from fasterapi.log import StartupError
from fasterapi.process import pid_file, set_process_name


def test_a_pid_file_is_there_while_it_lasts(tmp_path):
    path = tmp_path / "x.pid"
    with pid_file(str(path)):
        assert path.read_text() == f"{os.getpid()}\n"
    assert not path.exists()
    with pid_file(None):
        pass


def test_a_pid_file_goes_with_a_program_that_ends_inside(tmp_path):
    path = tmp_path / "x.pid"
    code = (
        "import atexit, os, sys\nfrom fasterapi.process import pid_file\n"
        "held = pid_file(sys.argv[1])\nheld.__enter__()\n"
        "print(open(sys.argv[1]).read())\natexit._run_exitfuncs()\nos._exit(0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().isdigit()
    assert not path.exists()


def test_a_pid_file_of_another_process(tmp_path):
    path = tmp_path / "x.pid"
    path.write_text(f"{os.getppid()}\n")
    with (
        pytest.raises(StartupError, match=rf"{path} is of process {os.getppid()}, which runs"),
        pid_file(str(path)),
    ):
        pass
    assert path.exists()
    path.write_text("not a number")
    with pid_file(str(path)):
        assert path.read_text() == f"{os.getpid()}\n"
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    path.write_text(str(ended.pid))
    with pid_file(str(path)):
        path.write_text("1\n")  # somebody has taken it over
    assert path.read_text() == "1\n"


def test_a_pid_file_that_cannot_be_written(tmp_path):
    path = tmp_path / "no/x.pid"
    with (
        pytest.raises(StartupError, match=r"pid_file: cannot write .*: No such"),
        pid_file(str(path)),
    ):
        pass


@pytest.mark.parametrize("name", ["", "  ", "a\0b"])
def test_a_name_that_is_none(name):
    with pytest.raises(StartupError, match="process_name"):
        set_process_name(name)


NAMED = """
import sys
{before}
from fasterapi.process import set_process_name
set_process_name(None)
set_process_name("my shop behind the hill")
print(open("/proc/self/{where}", "rb").read())
"""


@pytest.mark.skipif(not Path("/proc/self/comm").exists(), reason="needs Linux")
@pytest.mark.parametrize(
    ("before", "where", "said"),
    [
        ("", "cmdline", "my shop behind the hill"),
        ("sys.modules['setproctitle'] = None", "comm", "my shop behind \\n"),
    ],
    ids=["setproctitle", "alone"],
)
def test_the_name_in_the_lists(before, where, said):
    code = NAMED.format(before=before, where=where)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said in done.stdout


def test_a_system_without_names(monkeypatch, caplog):
    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setitem(sys.modules, "setproctitle", None)
    monkeypatch.setattr(process.Path, "write_bytes", refused)
    set_process_name("shop")
    assert "process_name has no effect" in caplog.text
