"""Line plots as SVG, for the docs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

COLOURS = ("#0b7285", "#e8590c", "#5f3dc4", "#2b8a3e")
WIDTH, HEIGHT, LEFT, TOP = 640, 300, 60, 24
MOST_POINTS = 2000
"""Of a line; with more of them, every second, third ... is drawn."""

Points = Sequence[tuple[float, float]]


def plot_lines(
    lines: Mapping[str, Points], x_name: str, y_name: str, marks: Sequence[float] = ()
) -> str:
    """Draw lines by their names, from zero on both axes; ``marks`` are upright lines."""
    right = max((x for points in lines.values() for x, _ in points), default=0.0) or 1.0
    top = 1.1 * (max((y for points in lines.values() for _, y in points), default=0.0) or 1.0)

    def across(x: float) -> float:
        return LEFT + x / right * WIDTH

    def up(y: float) -> float:
        return TOP + HEIGHT - y / top * HEIGHT

    def parts() -> Iterator[str]:
        yield '<rect width="100%" height="100%" fill="white"/>'
        for step in range(5):
            level, place = top / 1.1 * step / 4, right * step / 4
            yield f'<path d="M{LEFT} {up(level):.1f}h{WIDTH}" stroke="#ddd"/>'
            yield _label(LEFT - 8, up(level) + 4, f"{level:,.0f}", "end")
            yield _label(across(place), TOP + HEIGHT + 20, f"{place:,.0f}")
        for mark in marks:
            yield (
                f'<path d="M{across(mark):.1f} {TOP}v{HEIGHT}" stroke="#999" stroke-dasharray="4"/>'
            )
        for row, (name, points) in enumerate(lines.items()):
            colour = COLOURS[row % len(COLOURS)]
            drawn = points[:: len(points) // MOST_POINTS + 1]
            path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in drawn)
            yield f'<polyline points="{path}" fill="none" stroke="{colour}"/>'
            yield _label(LEFT + 10, TOP + 16 + 18 * row, name, "start", colour)
        yield _label(4, 14, y_name, "start")
        yield _label(LEFT + WIDTH / 2, TOP + HEIGHT + 42, x_name)

    size = f'width="{WIDTH + LEFT + 30}" height="{HEIGHT + TOP + 56}"'
    style = 'font-family="sans-serif" font-size="13"'
    body = "\n".join(parts())
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>\n{body}\n</svg>\n'


def _label(x: float, y: float, text: str, anchor: str = "middle", colour: str = "black") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{text}</text>'
