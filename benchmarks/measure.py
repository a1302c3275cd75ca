"""What is made of measurements: medians, ratios, and how a time grows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Sample:
    """Repeated measurements of one thing, in seconds."""

    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError("a sample needs at least one measurement")

    @property
    def median(self) -> float:
        """Return the median, in seconds."""
        return median(self.values)

    def __str__(self) -> str:
        """Return the median, with the smallest and the largest where there are several."""
        shown = number(self.median)
        if len(self.values) == 1:
            return shown
        return f"{shown} ({number(min(self.values))}–{number(max(self.values))})"


def number(value: float) -> str:
    """Return a number with about three digits that count."""
    size = abs(value)
    return f"{value:.0f}" if size >= 100 else f"{value:.1f}" if size >= 1 else f"{value:.3f}"


def part(values: Sequence[float], share: float) -> float:
    """Return what this share of the values is not above."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def ratio(ours: Sample, peer: Sample) -> float:
    """Return the ratio of the medians; below 1, ours is faster."""
    return ours.median / peer.median


@dataclass(frozen=True)
class Growth:
    """How a time grows over three sizes.

    ``first`` and ``second`` are the seconds that one more host takes between the
    smaller and between the larger sizes. ``square`` is what their quotient would be
    for a time that grows with the square of the size, as sources times hosts does.
    """

    first: float
    second: float
    square: float

    @property
    def quotient(self) -> float | None:
        """Return ``second / first``: 1 for a straight line; None where nothing grew."""
        return self.second / self.first if self.first > 0 else None

    @property
    def with_hosts(self) -> bool:
        """Return whether it is nearer to the straight line than to the square."""
        return self.quotient is not None and self.quotient < (1 + self.square) / 2


def growth(medians: Mapping[int, float]) -> Growth:
    """Return how the seconds by size grow; three sizes."""
    small, middle, large = sorted(medians)
    return Growth(
        (medians[middle] - medians[small]) / (middle - small),
        (medians[large] - medians[middle]) / (large - middle),
        (large + middle) / (middle + small),
    )


@dataclass(frozen=True)
class Table:
    """A table for the terminal and for the page."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
