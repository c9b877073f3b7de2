#!/usr/bin/python3
"""Writes images of every kind, and beside each what PIL reads from it: write_images.py FOLDER

NAME.rgb holds two little-endian 32-bit sizes, width and height, then PIL's RGB bytes.
"""
import pathlib
import struct
import sys
import zlib

import numpy
from PIL import Image

folder = pathlib.Path(sys.argv[1])
noise = numpy.random.default_rng(1)


def photo(width, height, channels):
    y, x = numpy.mgrid[:height, :width]
    smooth = numpy.stack([(x * 3 + y * 2 + 40 * c) % 256 for c in range(channels)], axis=-1)
    return (smooth * 0.8 + noise.integers(0, 50, smooth.shape)).astype(numpy.uint8)


def write(name, image, **options):
    image.save(folder / name, **options)
    rgb = Image.open(folder / name).convert("RGB")
    expect(name, rgb.width, rgb.height, rgb.tobytes())


def expect(name, width, height, values):
    (folder / (name + ".rgb")).write_bytes(struct.pack("<II", width, height) + values)


def png_16_bits(name):
    """Grey of 16 bits by hand: PIL does not reduce it to 8."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    values = range(0, 256, 5)
    pixels = b"".join(struct.pack(">H", 257 * v) for v in values)
    header = struct.pack(">IIBBBBB", len(values), 1, 16, 0, 0, 0, 0)
    (folder / name).write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) +
                                chunk(b"IDAT", zlib.compress(b"\0" + pixels)) + chunk(b"IEND", b""))
    expect(name, len(values), 1, bytes(v for value in values for v in [value] * 3))


colour = Image.fromarray(photo(53, 37, 3))
write("colour.png", colour)
write("grey.png", Image.fromarray(photo(20, 31, 1)[:, :, 0]))
write("alpha.png", Image.fromarray(photo(20, 31, 4)))
write("grey-alpha.png", Image.fromarray(photo(9, 11, 2), "LA"))
write("palette.png", colour.quantize(17))
write("palette-transparent.png", colour.quantize(17), transparency=3)
write("bits.png", colour.convert("1"))
write("one.png", colour.resize((1, 1)))
png_16_bits("sixteen.png")
for subsampling in (0, 1, 2):
    write(f"colour-{subsampling}.jpg", colour, quality=88, subsampling=subsampling)
write("progressive.jpg", colour, quality=75, progressive=True)
write("grey.jpg", colour.convert("L"), quality=80)
write("one.jpg", colour.resize((1, 1)))
write("restart.jpeg", Image.fromarray(photo(64, 64, 3)), quality=95, optimize=True)


def write_with_bytes_before_the_end(name, like):
    """As some cameras and editors leave them: libjpeg warns, PIL says nothing, all pixels are there."""
    whole = (folder / like).read_bytes()
    assert whole.endswith(b"\xff\xd9")
    (folder / name).write_bytes(whole[:-2] + b"\0\1\2\3" * 5 + b"\xff\xd9")
    rgb = Image.open(folder / name).convert("RGB")
    expect(name, rgb.width, rgb.height, rgb.tobytes())


write_with_bytes_before_the_end("extraneous.jpg", "colour-2.jpg")
write_with_bytes_before_the_end("extraneous-progressive.jpg", "progressive.jpg")
colour.convert("CMYK").save(folder / "cmyk.refused", format="JPEG")
