"""Small SVG charts for the docs: no library, light and dark backgrounds, readable as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

__all__ = ["bar_chart", "line_chart"]

WIDTH, HEIGHT = 720, 340
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 44, 56
COLOURS = ("#3366cc", "#dc7a1c", "#2e8b57", "#a0439b", "#7a7a7a", "#b3372b")
STYLE = (
    "text{font:12px sans-serif;fill:#222}.t{font-size:15px;font-weight:bold}.g{stroke:#ddd}"
    "@media(prefers-color-scheme:dark){text{fill:#ddd}.g{stroke:#444}}"
)


def line_chart(
    path: Path | str,
    series: Mapping[str, Sequence[tuple[float, float]]],
    title: str,
    x_label: str,
    y_label: str,
) -> None:
    """Write one line per series of (x, y) points. Raises ValueError without points."""
    points = [point for line in series.values() for point in line]
    if not points:
        raise ValueError("a chart needs points")
    low, high = min(x for x, _ in points), max(x for x, _ in points)
    top = _ceiling(max(y for _, y in points))
    span = (high - low) or 1.0
    parts = _frame(title, y_label, top)
    for i in range(6):
        x = low + span * i / 5
        parts.append(_text(_x((x - low) / span), HEIGHT - BOTTOM + 18, _number(x), "middle"))
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - BOTTOM + 34, x_label, "middle"))
    for (name, line), colour in zip(series.items(), _colours(), strict=False):
        text = " ".join(f"{_x((x - low) / span):.1f},{_y(y / top):.1f}" for x, y in line)
        parts.append(
            f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{text}">'
            f"<title>{escape(name)}</title></polyline>"
        )
    parts.extend(_legend(list(series)))
    _write(path, title, parts)


def bar_chart(
    path: Path | str, groups: Mapping[str, Mapping[str, float]], title: str, unit: str
) -> None:
    """Write groups of bars: {group: {bar: value}}. Raises ValueError without bars."""
    names = list(dict.fromkeys(name for bars in groups.values() for name in bars))
    if not names:
        raise ValueError("a chart needs bars")
    top = _ceiling(max(value for bars in groups.values() for value in bars.values()))
    parts = _frame(title, unit, top)
    room = (WIDTH - LEFT - RIGHT) / len(groups)
    width = room * 0.8 / len(names)
    for i, (group, bars) in enumerate(groups.items()):
        start = LEFT + room * (i + 0.1)
        for k, (name, colour) in enumerate(zip(names, _colours(), strict=False)):
            if name not in bars:
                continue
            x, y = start + k * width, _y(bars[name] / top)
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{width * 0.9:.1f}" '
                f'height="{HEIGHT - BOTTOM - y:.1f}" fill="{colour}">'
                f"<title>{escape(group)}, {escape(name)}: {_number(bars[name])}</title></rect>"
            )
            parts.append(_text(x + width * 0.45, y - 4, _number(bars[name]), "middle"))
        parts.append(_text(start + room * 0.4, HEIGHT - BOTTOM + 18, group, "middle"))
    parts.extend(_legend(names))
    _write(path, title, parts)


def _frame(title: str, y_label: str, top: float) -> list[str]:
    parts = [_text(LEFT, 20, title, "start", "t"), _text(LEFT, 38, y_label, "start")]
    for i in range(5):
        y = _y(i / 4)
        parts.append(
            f'<line class="g" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        )
        parts.append(_text(LEFT - 6, y + 4, _number(top * i / 4), "end"))
    return parts


def _legend(names: list[str]) -> list[str]:
    parts, x = [], float(LEFT)
    for name, colour in zip(names, _colours(), strict=False):
        parts.append(
            f'<rect x="{x:.0f}" y="{HEIGHT - 16}" width="10" height="10" fill="{colour}"/>'
        )
        parts.append(_text(x + 14, HEIGHT - 7, name, "start"))
        x += 30 + 6.6 * len(name)
    return parts


def _colours() -> Sequence[str]:
    return COLOURS * 4


def _x(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _y(share: float) -> float:
    return HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP - 4)


def _ceiling(value: float) -> float:
    """The next round number: 1, 2 or 5 times a power of ten, or 4 of it for even grid lines."""
    step = 1.0
    while step * 10 <= value:
        step *= 10
    while step > value > 0:
        step /= 10
    return next((step * n for n in (1, 2, 4, 5, 6, 8, 10) if step * n >= value), step * 10) or 1.0


def _number(value: float) -> str:
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _text(x: float, y: float, text: str, anchor: str, kind: str = "") -> str:
    attribute = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{attribute}>{escape(text)}</text>'


def _write(path: Path | str, title: str, parts: list[str]) -> None:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
        f"<title>{escape(title)}</title><style>{STYLE}</style>"
    )
    Path(path).write_text(head + "\n" + "\n".join(parts) + "\n</svg>\n", encoding="utf-8")
