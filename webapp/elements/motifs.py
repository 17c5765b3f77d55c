"""Drawings for the posters, several for each genre, on a canvas of 200 x 300 units.

Each takes a random generator seeded by the film and a light colour, and returns SVG elements.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from random import Random

Motif = Callable[[Random, str], str]
Points = Sequence[tuple[float, float]]
_DARK = "#0c0a08"


def rings(dice: Random, light: str) -> str:
    """Draw concentric circles, as SVG; also for genres without drawings of their own."""
    x, y = dice.uniform(40, 160), dice.uniform(80, 140)
    return "".join(_disc(x, y, r, stroke=light, width=7, opacity=0.34) for r in range(16, 150, 22))


def _planet(dice: Random, light: str) -> str:
    x, y, r = dice.uniform(60, 140), dice.uniform(95, 140), dice.uniform(34, 52)
    ring = (
        f'<ellipse cx="{x:.0f}" cy="{y:.0f}" rx="{r * 1.75:.0f}" ry="{r * 0.42:.0f}" fill="none" stroke="#fff" '
        f'stroke-width="3" opacity="0.7" transform="rotate({dice.uniform(-30, 30):.0f} {x:.0f} {y:.0f})"/>'
    )
    return _dust(dice, 26) + _disc(x, y, r, light, opacity=0.85) + ring


def _two_discs(dice: Random, light: str) -> str:
    y, gap = dice.uniform(95, 135), dice.uniform(22, 34)
    return _disc(100 - gap, y, 46, light, opacity=0.6) + _disc(100 + gap, y, 46, "#fff", opacity=0.32)


def _teeth(dice: Random, light: str) -> str:
    moon = _disc(dice.uniform(55, 145), dice.uniform(70, 105), dice.uniform(26, 38), light, opacity=0.75)
    points = [(float(x), 300.0 if i % 2 else dice.uniform(120, 205)) for i, x in enumerate(range(-10, 220, 23))]
    return moon + _shape([(-10, 300), *points, (220, 300)], _DARK, 0.72)


def _blinds(dice: Random, light: str) -> str:
    tilt, x = dice.uniform(-14, 14), dice.uniform(50, 120)
    bars = "".join(_box(-60, y, 330, 9, light, 0.42) for y in range(20, 230, 21))
    return _tilted(tilt, bars) + _shape([(x, 0), (x + 34, 0), (x + 95, 300), (x - 60, 300)], "#fff", 0.14)


def _rays(dice: Random, light: str) -> str:
    x, y, turn = dice.uniform(50, 150), dice.uniform(100, 150), dice.uniform(0, 0.4)
    steps = [turn + i * math.tau / 14 for i in range(14)]
    return "".join(_shape([(x, y), _at(x, y, 320, a), _at(x, y, 320, a + 0.2)], light, 0.4) for a in steps)


def _mountains(dice: Random, light: str) -> str:
    sun = _disc(dice.uniform(50, 150), 90, 30, "#fff", opacity=0.55)
    far = [(float(x), dice.uniform(100, 160)) for x in range(-20, 241, 52)]
    near = [(float(x), dice.uniform(165, 205)) for x in range(-30, 251, 70)]
    return (
        sun + _shape([(-20, 300), *far, (240, 300)], light, 0.42) + _shape([(-30, 300), *near, (250, 300)], _DARK, 0.4)
    )


def _bubbles(dice: Random, light: str) -> str:
    spots = [(dice.uniform(0, 200), dice.uniform(20, 215), dice.uniform(8, 34)) for _ in range(11)]
    styles = [("#fff", 0.28), (light, 0.5), (light, 0.5)]
    return "".join(_disc(x, y, r, styles[i % 3][0], opacity=styles[i % 3][1]) for i, (x, y, r) in enumerate(spots))


def _smile(dice: Random, light: str) -> str:
    tilt, wide = dice.uniform(-18, 18), dice.uniform(50, 66)
    eyes = _disc(72, 66, 9, "#fff", opacity=0.7) + _disc(128, 66, 9, "#fff", opacity=0.7)
    radii = [round(wide + k) for k in (-36, -12, 12)]
    arcs = "".join(_line(f"M{100 - r} 95 A{r} {r} 0 0 0 {100 + r} 95", light, 11, 0.5) for r in radii)
    return _tilted(tilt, arcs + eyes)


def _waves(dice: Random, light: str) -> str:
    tall = round(dice.uniform(32, 60))
    return "".join(
        _line(f"M-20 {y} q 35 -{tall} 70 0 t 70 0 t 70 0 t 70 0", light, 6, 0.45) for y in range(60, 215, 24)
    )


def _chevrons(dice: Random, light: str) -> str:
    x = round(dice.uniform(80, 120))
    return "".join(
        _line(f"M{x - 110} {y + 60} L{x} {y} L{x + 110} {y + 60}", light, 13, 0.42) for y in range(35, 200, 36)
    )


def _mesa(dice: Random, light: str) -> str:
    x, left = dice.uniform(60, 140), dice.uniform(8, 60)
    rock = [(left, 200), (left + 12, 150), (left + 62, 150), (left + 74, 202)]
    land = _shape([(-5, 300), (-5, 205), *rock, (205, 208), (205, 300)], _DARK, 0.55)
    return _disc(x, 130, 58, light, opacity=0.8) + land


def _frames(dice: Random, light: str) -> str:
    holes = "".join(_box(x, y, 13, 17, "#fff", 0.4) for x in (34, 153) for y in range(10, 230, 31))
    film = _box(25, -30, 150, 300, _DARK, 0.3) + holes + _box(58, 70, 84, 72, light, 0.45)
    return _tilted(dice.uniform(-12, 12), film)


def _starburst(dice: Random, light: str) -> str:
    x, y, turn = dice.uniform(70, 130), dice.uniform(95, 130), dice.uniform(0, math.tau)
    points = [_at(x, y, 72 if i % 2 else 27, turn + i * math.tau / 16) for i in range(16)]
    return _dust(dice, 18) + _shape(points, light, 0.6)


def _lens(dice: Random, light: str) -> str:
    x = dice.uniform(70, 130)
    circles = "".join(_disc(x, 118, r, stroke=light, width=4, opacity=0.5) for r in (24, 44, 64))
    return circles + _disc(x, 118, 12, "#fff", opacity=0.55)


def _confetti(dice: Random, light: str) -> str:
    spots = [(dice.randint(0, 195), dice.randint(0, 215), dice.uniform(0, 90)) for _ in range(34)]
    return "".join(
        f'<rect x="{x}" y="{y}" width="9" height="15" rx="2" fill="{"#fff" if i % 4 == 0 else light}" opacity="0.45" '
        f'transform="rotate({turn:.0f} {x + 4} {y + 7})"/>'
        for i, (x, y, turn) in enumerate(spots)
    )


def _curtain(dice: Random, light: str) -> str:
    gap = dice.randint(10, 34)
    folds = "".join(_box(x, -5, 11, 310, light, 0.32) for x in (*range(-4, 92 - gap, 22), *range(112 + gap, 200, 22)))
    return folds + _shape([(100, -10), (60 - gap, 300), (140 + gap, 300)], "#fff", 0.13)


def _hills(dice: Random, light: str) -> str:
    layers = []
    for i, y in enumerate((120, 155, 190)):
        lift = dice.randint(15, 45)
        layers.append(
            f'<path d="M-10 {y} Q {dice.randint(20, 80)} {y - lift} 100 {y} T 210 {y - 8} V310 H-10 Z" fill="{light}" '
            f'opacity="{0.26 + 0.1 * i:.2f}"/>'
        )
    return _disc(dice.uniform(40, 160), 82, 24, "#fff", opacity=0.5) + "".join(layers)


def _window(dice: Random, light: str) -> str:
    x, y = dice.randint(38, 66), dice.randint(50, 72)
    panes = "".join(_box(x + i * 36, y + j * 46, 31, 41, light, 0.5) for i in range(3) for j in range(3))
    return _tilted(dice.uniform(-4, 4), panes) + _disc(x + 80, y + 30, 13, "#fff", opacity=0.5)


def _spiral(dice: Random, light: str) -> str:
    x, y, turn = dice.uniform(80, 120), dice.uniform(100, 130), dice.uniform(0, math.tau)
    points = [_at(x, y, 4 + i * 1.35, turn + i * 0.2) for i in range(70)]
    path = "M" + " L".join(f"{px:.0f} {py:.0f}" for px, py in points)
    return _line(path, light, 7, 0.5)


def _arcs(dice: Random, light: str) -> str:
    left = dice.random() < 0.5
    x = 0 if left else 200
    return "".join(_disc(x, 215, r, stroke=light, width=13, opacity=0.36) for r in range(40, 230, 34))


def _disc(x: float, y: float, r: float, fill: str = "none", *, stroke: str = "", width: int = 0, opacity: float) -> str:
    outline = f' stroke="{stroke}" stroke-width="{width}"' if stroke else ""
    return f'<circle cx="{x:.0f}" cy="{y:.0f}" r="{r:.0f}" fill="{fill}"{outline} opacity="{opacity}"/>'


def _shape(points: Points, fill: str, opacity: float) -> str:
    corners = " ".join(f"{x:.0f},{y:.0f}" for x, y in points)
    return f'<polygon points="{corners}" fill="{fill}" opacity="{opacity}"/>'


def _box(x: int, y: int, width: int, height: int, fill: str, opacity: float) -> str:
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{fill}" opacity="{opacity}"/>'


def _line(path: str, stroke: str, width: int, opacity: float) -> str:
    return f'<path d="{path}" fill="none" stroke="{stroke}" stroke-width="{width}" opacity="{opacity}"/>'


def _tilted(angle: float, content: str) -> str:
    return f'<g transform="rotate({angle:.0f} 100 110)">{content}</g>'


def _at(x: float, y: float, distance: float, angle: float) -> tuple[float, float]:
    return x + distance * math.cos(angle), y + distance * math.sin(angle)


def _dust(dice: Random, n: int) -> str:
    return "".join(
        _disc(dice.uniform(0, 200), dice.uniform(0, 230), dice.choice((1, 1, 2)), "#fff", opacity=0.8) for _ in range(n)
    )


# The film's random generator chooses one.
MOTIFS: dict[str, tuple[Motif, ...]] = {
    "Action": (_rays, _chevrons, _arcs),
    "Adventure": (_mountains, _hills),
    "Animation": (_bubbles, _confetti, _starburst),
    "Children": (_bubbles, _hills, _confetti),
    "Comedy": (_smile, _confetti, _arcs, _bubbles),
    "Crime": (_blinds, _window),
    "Documentary": (_lens, _frames),
    "Drama": (rings, _curtain, _window, _hills, _arcs),
    "Fantasy": (_starburst, _mountains),
    "Film-Noir": (_blinds, _window, _spiral),
    "Horror": (_teeth, _spiral),
    "IMAX": (_frames,),
    "Musical": (_waves, _curtain),
    "Mystery": (_spiral, _blinds, _window),
    "Romance": (_two_discs, _waves, _hills),
    "Sci-Fi": (_planet, _rays, rings),
    "Thriller": (_chevrons, _spiral, _blinds),
    "War": (_chevrons, _mountains, _rays),
    "Western": (_mesa, _hills),
}
