"""The standard library's colorsys, its six conversions compiled from their own unmodified source, against CPython bit for bit."""

import colorsys
import struct

import jitd

NAMES = ("rgb_to_yiq", "yiq_to_rgb", "rgb_to_hls", "hls_to_rgb", "rgb_to_hsv", "hsv_to_rgb")


def compiled():
    """{name: the compiled function}; colorsys itself stays as it is."""
    return {name: jitd.jit(getattr(colorsys, name)) for name in NAMES}


def colours(count):
    """Repeatable colours: three bytes of a multiplicative sequence each, as numbers from 0 to 1; now and then a grey."""
    state = 1
    for number in range(count):
        state = state * 48271 % 2147483647
        red, green, blue = state >> 23, state >> 15 & 255, state >> 7 & 255
        yield (red / 255.0, green / 255.0, blue / 255.0) if number % 16 else (red / 255.0,) * 3


def convert(functions, some):
    """Every colour through all six conversions, there and back; the bits of all results."""
    to_yiq, from_yiq, to_hls, from_hls, to_hsv, from_hsv = (functions[name] for name in NAMES)
    results = []
    for colour in some:
        yiq, hls, hsv = to_yiq(*colour), to_hls(*colour), to_hsv(*colour)
        results += (*yiq, *from_yiq(*yiq), *hls, *from_hls(*hls), *hsv, *from_hsv(*hsv))
    return struct.pack(f"{len(results)}d", *results)


def main():
    some = list(colours(20_000))
    plain = {name: getattr(colorsys, name) for name in NAMES}
    assert convert(compiled(), some) == convert(plain, some)
    print(f"{len(some):,} colours through {len(NAMES)} conversions: the same bits as CPython's")


if __name__ == "__main__":
    main()
