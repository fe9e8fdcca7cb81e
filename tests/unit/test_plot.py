"""The charts of the benchmarks: valid SVG, everything drawn, in its place."""

from __future__ import annotations

import importlib.util
import math
import pathlib
import xml.etree.ElementTree as ElementTree

import pytest

SOURCE = pathlib.Path(__file__).parents[2] / "benchmarks/plot.py"
_spec = importlib.util.spec_from_file_location("plot", SOURCE)
assert _spec is not None
assert _spec.loader is not None
plot = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(plot)

SVG = "{http://www.w3.org/2000/svg}"


def drawn(path: pathlib.Path) -> ElementTree.Element:
    return ElementTree.parse(path).getroot()


def texts(root: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in root.iter(f"{SVG}text")]


def test_line_chart(tmp_path: pathlib.Path):
    path = tmp_path / "chart.svg"
    lines = {"buffers <8 KiB>": [(0, 0), (5, 100), (10, 50)], "tasks": [(0, 10), (10, 10)]}
    plot.line_chart(path, lines, "Sizes & load", "seconds", "objects")
    root = drawn(path)
    words = texts(root)
    for expected in ("Sizes & load", "seconds", "objects", "buffers <8 KiB>", "tasks", "100"):
        assert expected in words
    ways = [line.get("points", "").split() for line in root.iter(f"{SVG}polyline")]
    assert [len(way) for way in ways] == [3, 2]
    places = [[tuple(map(float, point.split(","))) for point in way] for way in ways]
    first, last = places[0][0], places[0][-1]
    assert first[0] < places[0][1][0] < last[0]
    assert first[1] > last[1] > places[0][1][1], "more is higher up"
    assert places[1][0][1] == places[1][1][1]
    _, _, width, height = map(float, root.get("viewBox", "").split())
    assert all(0 <= x <= width and 0 <= y <= height for way in places for x, y in way)


def test_line_chart_of_one_point_and_of_negative_values(tmp_path: pathlib.Path):
    plot.line_chart(tmp_path / "one.svg", {"a": [(3, 0)]}, "t", "x", "y")
    assert "t" in texts(drawn(tmp_path / "one.svg"))
    plot.line_chart(tmp_path / "low.svg", {"a": [(0, -5), (1, 5)]}, "t", "x", "y")
    assert "-4" in texts(drawn(tmp_path / "low.svg"))


def test_bar_chart(tmp_path: pathlib.Path):
    path = tmp_path / "bars.svg"
    groups = {"mean": {"off": 8.0, "on": 4.0}, "p99": {"off": 16.0}}
    plot.bar_chart(path, groups, "Before and after", "us")
    root = drawn(path)
    for expected in ("mean", "p99", "off", "on", "8 us", "4 us", "16 us"):
        assert expected in texts(root)
    bars = [bar for bar in root.iter(f"{SVG}rect") if bar.get("height") == str(plot.ROW - 4)]
    widths = [float(bar.get("width", "")) for bar in bars]
    assert widths[0] == pytest.approx(2 * widths[1])
    assert widths[2] == pytest.approx(2 * widths[0])
    assert bars[0].get("fill") == bars[2].get("fill") != bars[1].get("fill")


def test_the_same_figures_give_the_same_bytes(tmp_path: pathlib.Path):
    for name in ("a.svg", "b.svg"):
        plot.bar_chart(tmp_path / name, {"g": {"n": 1.5}}, "t", "")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_a_long_legend_takes_more_rows(tmp_path: pathlib.Path):
    names = [f"a rather long name of a line, number {n}" for n in range(9)]
    plot.line_chart(tmp_path / "a.svg", {n: [(0, 1), (1, 2)] for n in names}, "t", "x", "y")
    root = drawn(tmp_path / "a.svg")
    words = [(text.text, float(text.get("y", ""))) for text in root.iter(f"{SVG}text")]
    rows = {y for word, y in words if word in names}
    assert len(rows) > 2
    top = min(
        float(p.split(",")[1])
        for line in root.iter(f"{SVG}polyline")
        for p in line.get("points", "").split()
    )
    assert top > max(rows)


@pytest.mark.parametrize("bad", [{}, {"a": []}, {"a": [(0, math.nan)]}, {"a": [(math.inf, 0)]}])
def test_line_chart_refuses(bad: dict[str, list[tuple[float, float]]], tmp_path: pathlib.Path):
    with pytest.raises(ValueError, match="point"):
        plot.line_chart(tmp_path / "a.svg", bad, "t", "x", "y")
    assert not (tmp_path / "a.svg").exists()


@pytest.mark.parametrize("bad", [{}, {"a": {}}, {"a": {"b": -1.0}}, {"a": {"b": math.nan}}])
def test_bar_chart_refuses(bad: dict[str, dict[str, float]], tmp_path: pathlib.Path):
    with pytest.raises(ValueError, match="bar"):
        plot.bar_chart(tmp_path / "a.svg", bad, "t", "us")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (4.35, "4.35"), (12.345, "12.3"), (230000, "230,000"), (0.00154, "0.00154")],
)
def test_number(value: float, text: str):
    assert plot.number(value) == text
