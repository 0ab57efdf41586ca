"""The standard library's colorsys, its six conversions compiled from their own unmodified source, against CPython bit for bit."""

import colorsys
import struct
from collections.abc import Callable, Iterable, Iterator
from colorsys import hls_to_rgb, hsv_to_rgb, rgb_to_hls, rgb_to_hsv, rgb_to_yiq, yiq_to_rgb

import jitd

Colour = tuple[float, float, float]
Functions = dict[str, Callable[[float, float, float], Colour]]
NAMES = ("rgb_to_yiq", "yiq_to_rgb", "rgb_to_hls", "hls_to_rgb", "rgb_to_hsv", "hsv_to_rgb")


def compiled() -> Functions:
    """{name: the compiled function}; colorsys itself stays as it is."""
    return {name: jitd.jit(getattr(colorsys, name)) for name in NAMES}


def colours(count: int) -> Iterator[Colour]:
    """Repeatable colours: three bytes of a multiplicative sequence each, as numbers from 0 to 1; now and then a grey."""
    state = 1
    for number in range(count):
        state = state * 48271 % 2147483647
        red, green, blue = state >> 23, state >> 15 & 255, state >> 7 & 255
        yield (red / 255.0, green / 255.0, blue / 255.0) if number % 16 else (red / 255.0, red / 255.0, red / 255.0)


def convert(functions: Functions, some: Iterable[Colour]) -> bytes:
    """Every colour through all six conversions, there and back; the bits of all results."""
    to_yiq, from_yiq, to_hls, from_hls, to_hsv, from_hsv = (functions[name] for name in NAMES)
    results: list[float] = []
    for colour in some:
        yiq, hls, hsv = to_yiq(*colour), to_hls(*colour), to_hsv(*colour)
        results += (*yiq, *from_yiq(*yiq), *hls, *from_hls(*hls), *hsv, *from_hsv(*hsv))
    return struct.pack(f"{len(results)}d", *results)


def walk(count: int) -> float:
    """The same work as one loop that a compiled caller has to itself: the sum of all results, in a fixed order."""
    state, total = 1, 0.0
    for _ in range(count):
        state = state * 48271 % 2147483647
        r, g, b = (state >> 23) / 255.0, (state >> 15 & 255) / 255.0, (state >> 7 & 255) / 255.0
        y, i, q = rgb_to_yiq(r, g, b)
        r1, g1, b1 = yiq_to_rgb(y, i, q)
        h, l, s = rgb_to_hls(r, g, b)
        r2, g2, b2 = hls_to_rgb(h, l, s)
        h2, s2, v = rgb_to_hsv(r, g, b)
        r3, g3, b3 = hsv_to_rgb(h2, s2, v)
        total += y + i + q + r1 + g1 + b1 + h + l + s + r2 + g2 + b2 + h2 + s2 + v + r3 + g3 + b3
    return total


def main() -> None:
    some = list(colours(20_000))
    plain = {name: getattr(colorsys, name) for name in NAMES}
    assert convert(compiled(), some) == convert(plain, some)
    assert jitd.jit(walk)(10_000) == walk(10_000)
    print(f"{len(some):,} colours through {len(NAMES)} conversions: the same bits as CPython's")


if __name__ == "__main__":
    main()
