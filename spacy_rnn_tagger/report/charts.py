"""Where the lines and ticks of a chart lie. The templates draw them as SVG, in the colours of the page."""

from dataclasses import dataclass
from math import ceil, floor, isfinite, log10
from typing import List, Optional, Sequence, Tuple

Point = Tuple[float, float]
WIDTH, HEIGHT = 560, 260
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 12, 34
N_TICKS = 5


@dataclass(frozen=True)
class Tick:
    """A mark on an axis.

    at (float): Where, in pixels.
    text (str): What it says.
    """

    at: float
    text: str


@dataclass(frozen=True)
class Line:
    """A series of points.

    name (str): What it shows.
    path (str): Its SVG path.
    last (Optional[Point]): Its last point, in pixels.
    """

    name: str
    path: str
    last: Optional[Point]


@dataclass(frozen=True)
class Chart:
    """Lines in one frame.

    title (str): What the lines show.
    x_title (str): What the horizontal axis counts.
    x_ticks (List[Tick]): Its marks.
    y_ticks (List[Tick]): The marks of the vertical axis.
    lines (List[Line]): The lines.
    """

    title: str
    x_title: str
    x_ticks: List[Tick]
    y_ticks: List[Tick]
    lines: List[Line]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    bottom: int = HEIGHT - BOTTOM
    right: int = WIDTH - RIGHT
    top: int = TOP


class Scale:
    """Maps values to pixels.

    low (float): The least value.
    high (float): The greatest value.
    start (float): Where the least lies, in pixels.
    end (float): Where the greatest lies.
    """

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self.low, self.high = (low, high) if high > low else (low, low + 1)
        self.start, self.end = start, end

    def __call__(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)


def round_ticks(low: float, high: float, n: int = N_TICKS) -> List[float]:
    """Round numbers that span a range.

    low (float): Its lower end.
    high (float): Its upper end.
    n (int): About how many.
    RETURNS (List[float]): The numbers, the first at most `low`, the last at least `high`.
    """
    span = high - low if high > low else max(abs(high), 1.0)
    power = 10.0 ** floor(log10(span / n))
    step = next(size * power for size in (1, 2, 5, 10) if size * power >= span / n)
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    return [round(i * step, 12) for i in range(first, max(last, first + 1) + 1)]


def line_chart(
    title: str, series: Sequence[Tuple[str, Sequence[Point]]], x_title: str, *, from_zero: bool = False
) -> Optional[Chart]:
    """Lay out lines.

    title (str): What they show.
    series (Sequence[Tuple[str, Sequence[Point]]]): The name and the points of each; points that are not finite are left
        out.
    x_title (str): What the horizontal axis counts.
    from_zero (bool): Whether the vertical axis begins at 0.
    RETURNS (Optional[Chart]): The chart; None if there is nothing to draw.
    """
    kept = [(name, [(x, y) for x, y in points if isfinite(x) and isfinite(y)]) for name, points in series]
    kept = [(name, points) for name, points in kept if points]
    everything = [point for _, points in kept for point in points]
    if not everything:
        return None
    xs, ys = [x for x, _ in everything], [y for _, y in everything]
    y_values = round_ticks(min(0.0, *ys) if from_zero else min(ys), max(ys))
    x_scale = Scale(min(xs), max(xs), LEFT, WIDTH - RIGHT)
    y_scale = Scale(y_values[0], y_values[-1], HEIGHT - BOTTOM, TOP)
    x_values = [value for value in round_ticks(min(xs), max(xs)) if min(xs) <= value <= max(xs)]
    lines = []
    for name, points in kept:
        places = [(x_scale(x), y_scale(y)) for x, y in points]
        lines.append(Line(name, path_of(places), places[-1]))
    return Chart(title, x_title, _ticks(x_values, x_scale), _ticks(y_values, y_scale), lines)


def path_of(points: Sequence[Point]) -> str:
    """RETURNS (str): The SVG path through points. points (Sequence[Point]): The points, in pixels."""
    return "M" + "L".join(f"{x:g},{y:g}" for x, y in points)


def _ticks(values: Sequence[float], scale: Scale) -> List[Tick]:
    return [Tick(scale(value), short_number(value)) for value in values]


def short_number(value: float) -> str:
    """RETURNS (str): A number in few characters, such as 12k. value (float): The number."""
    for size, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{suffix}"
    return f"{value:g}"
