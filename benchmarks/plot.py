"""Charts as SVG files, without any library: lines over time, and groups of bars.

line_chart and bar_chart write one self-contained file that reads well on light and dark pages (it
brings its own background), in a text that a diff can show: the same figures give the same bytes.
"""

from __future__ import annotations

import math
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from html import escape

__all__ = ["bar_chart", "line_chart"]

Points = Sequence[tuple[float, float]]

WIDTH = 860
# Told apart by people who see colours differently (Okabe and Ito), dark enough for thin lines.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#56b4e9", "#444444", "#a00000")
INK, FAINT, PAPER = "#222222", "#dddddd", "#ffffff"
LEFT, RIGHT, TOP = 76, 20, 56
ROW, GROUP_GAP, LABELS, FIGURES = 20, 14, 190, 110
LEGEND_ROW, LETTER = 20, 7.2


def line_chart(
    path: pathlib.Path | str,
    series: Mapping[str, Points],
    title: str,
    x_label: str,
    y_label: str,
    *,
    height: int = 380,
) -> None:
    """Write lines to `path`: a name and its (x, y) points, in order of x, for each.

    The y axis starts at 0 unless a value is negative. Raises ValueError if there is no point, or
    one that is not finite.
    """
    points = [point for line in series.values() for point in line]
    if not points or not all(math.isfinite(x) and math.isfinite(y) for x, y in points):
        raise ValueError("a chart needs at least one point, and finite ones only")
    xs, ys = [x for x, _ in points], [y for _, y in points]
    x_ticks = _ticks(min(xs), max(xs), inside=True)
    y_ticks = _ticks(min(0.0, *ys), max(0.0, *ys))
    top = TOP + _legend_height(series)
    bottom = top + height - TOP - 52
    right = WIDTH - RIGHT

    def place_x(x: float) -> float:
        return LEFT + (x - min(xs)) / ((max(xs) - min(xs)) or 1.0) * (right - LEFT)

    def place_y(y: float) -> float:
        return bottom - (y - y_ticks[0]) / (y_ticks[-1] - y_ticks[0]) * (bottom - top)

    parts = _legend(series)
    for y in y_ticks:
        parts.append(_line(LEFT, place_y(y), right, place_y(y), FAINT))
        parts.append(_text(LEFT - 8, place_y(y) + 4, number(y), "end"))
    for x in x_ticks:
        parts.append(_line(place_x(x), bottom, place_x(x), bottom + 5, INK))
        parts.append(_text(place_x(x), bottom + 20, number(x), "middle"))
    parts.append(_line(LEFT, bottom, right, bottom, INK))
    for line, colour in zip(series.values(), _colours(), strict=False):
        way = " ".join(f"{place_x(x):.1f},{place_y(y):.1f}" for x, y in line)
        parts.append(
            f'<polyline points="{way}" fill="none" stroke="{colour}" stroke-width="2" '
            'stroke-linejoin="round"/>'
        )
    parts.append(_text((LEFT + right) / 2, bottom + 42, x_label, "middle"))
    middle = (top + bottom) / 2
    parts.append(
        _text(18, middle, y_label, "middle", extra=f' transform="rotate(-90 18 {middle})"')
    )
    _write(path, title, bottom + 52, parts)


def bar_chart(
    path: pathlib.Path | str,
    groups: Mapping[str, Mapping[str, float]],
    title: str,
    unit: str,
) -> None:
    """Write horizontal bars to `path`: for each group its bars by name, each with its figure.

    Bars of the same name have the same colour; a group may lack some. Raises ValueError if there
    is no bar, or one that is negative or not finite.
    """
    values = [value for bars in groups.values() for value in bars.values()]
    if not values or not all(math.isfinite(value) and value >= 0 for value in values):
        raise ValueError("a chart needs at least one bar, and none that is negative or infinite")
    names = list(dict.fromkeys(name for bars in groups.values() for name in bars))
    colours = dict(zip(names, _colours(), strict=False))
    room = WIDTH - LABELS - FIGURES
    y = float(TOP + _legend_height(names))
    parts = _legend(names)
    for label, bars in groups.items():
        parts.append(_text(LABELS - 10, y + len(bars) * ROW / 2 + 4, label, "end"))
        for name, value in bars.items():
            length = value / (max(values) or 1.0) * room
            parts.append(
                f'<rect x="{LABELS}" y="{y + 2:.1f}" width="{length:.1f}" height="{ROW - 4}" '
                f'fill="{colours[name]}"/>'
            )
            figure = f"{number(value)} {unit}".strip()
            parts.append(_text(LABELS + length + 6, y + ROW / 2 + 4, figure, "start"))
            y += ROW
        y += GROUP_GAP
    parts.append(_line(LABELS, TOP + _legend_height(names), LABELS, y - GROUP_GAP, INK))
    _write(path, title, y + 4, parts)


def number(value: float) -> str:
    """A figure as people write it: three digits that count, thousands apart, no needless zeros."""
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{min(digits, 9)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _ticks(low: float, high: float, *, inside: bool = False) -> list[float]:
    """About five round values that span low to high; with `inside`, those between them only."""
    span = (high - low) or abs(high) or 1.0
    step = 10.0 ** math.floor(math.log10(span / 5))
    step *= next(factor for factor in (1, 2, 5, 10) if span / (step * factor) <= 6)
    if inside:
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    else:
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        last = max(last, first + 1)
    return [n * step for n in range(first, last + 1)]


def _colours() -> Iterable[str]:
    while True:
        yield from COLOURS


def _rows(names: Iterable[str]) -> list[list[tuple[float, str]]]:
    """The legend's rows: where each name starts."""
    rows: list[list[tuple[float, str]]] = [[]]
    x = 16.0
    for name in names:
        width = 28 + len(name) * LETTER
        if rows[-1] and x + width > WIDTH - RIGHT:
            rows.append([])
            x = 16.0
        rows[-1].append((x, name))
        x += width + 14
    return rows


def _legend_height(names: Iterable[str]) -> int:
    return LEGEND_ROW * (len(_rows(names)) - 1)


def _legend(names: Iterable[str]) -> list[str]:
    parts = []
    colours = iter(_colours())
    for at, row in enumerate(_rows(names)):
        y = 42 + at * LEGEND_ROW
        for x, name in row:
            colour = next(colours)
            parts.append(f'<rect x="{x}" y="{y - 9}" width="12" height="10" fill="{colour}"/>')
            parts.append(_text(x + 18, y, name, "start"))
    return parts


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="{colour}"/>'


def _text(x: float, y: float, text: str, anchor: str, *, extra: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{extra}>{escape(text)}</text>'


def _write(path: pathlib.Path | str, title: str, height: float, parts: list[str]) -> None:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
        f'width="{WIDTH}" height="{height:.0f}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="13" fill="{INK}">'
    )
    heading = f'<text x="16" y="22" font-size="15" font-weight="600">{escape(title)}</text>'
    paper = f'<rect width="{WIDTH}" height="{height:.0f}" fill="{PAPER}"/>'
    lines = [head, f"<title>{escape(title)}</title>", paper, heading, *parts, "</svg>", ""]
    pathlib.Path(path).write_text("\n".join(lines), encoding="utf-8")
