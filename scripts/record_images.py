"""Records what Pillow makes of small PNG and JPEG files, for the tests of decodeImage.

Run as `/usr/bin/python3 scripts/record_images.py && deno fmt tests/golden/images.json`; it writes tests/golden/images.json,
with the version of Pillow. PNG files are written here, by hand, as Pillow cannot write all kinds; JPEG files are Pillow's, of
a smooth image. Each case has the file, and what Pillow's convert("RGB") and convert("L") make of it, as base64. What is
transparent is laid on black before that; where anything is, "white" has the colors of the image on white.
"""

import json
import struct
import zlib
from base64 import b64encode
from io import BytesIO
from pathlib import Path

import PIL
from PIL import Image

WIDTH, HEIGHT = 13, 9  # No multiple of 8, so that bytes have bits to spare.
GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6  # Colour types of PNG.
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGB_ALPHA: 4}
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def noise(x, y, c):
    """A number in [0, 65536) that depends on every bit of the place."""
    return zlib.crc32(bytes([x, y, c, 1])) & 0xFFFF


def chunk(kind, data):
    """A chunk of a PNG file."""
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def png(color, depth, colors=None, alphas=b"", interlaced=False):
    """A PNG file of noise, with the filters in turn that need no neighbours but the one above."""
    channels = CHANNELS[color]
    top = len(colors) // 3 if color == PALETTE else 2**depth

    def row(xs, y):
        bits = "".join(f"{noise(x, y, c) % top:0{depth}b}" for x in xs for c in range(channels))
        bits += "0" * (-len(bits) % 8)
        return bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))

    def rows(xs, ys):
        above = bytes(len(row(xs, 0)))
        for i, y in enumerate(ys):
            now = row(xs, y)
            up = bytes((a - b) & 0xFF for a, b in zip(now, above))
            yield b"\2" + up if i % 2 else b"\0" + now
            above = now

    passes = ADAM7 if interlaced else [(0, 0, 1, 1)]
    parts = [(range(x, WIDTH, dx), range(y, HEIGHT, dy)) for x, y, dx, dy in passes]
    data = zlib.compress(b"".join(r for xs, ys in parts if xs and ys for r in rows(xs, ys)))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, color, 0, 0, int(interlaced)))
        + (chunk(b"PLTE", colors) if colors else b"")
        + (chunk(b"tRNS", alphas) if alphas else b"")
        + chunk(b"IDAT", data[:40])
        + chunk(b"IDAT", data[40:])
        + chunk(b"IEND", b"")
    )


def jpeg(mode, **options):
    """A JPEG file of a smooth image."""

    def pixel(i):
        x, y = i % WIDTH, i // WIDTH
        return (40 + 10 * x + 5 * y, 200 - 9 * x + 4 * y, 90 + 3 * x + 11 * y)

    image = Image.new("RGB", (WIDTH, HEIGHT))
    image.putdata([pixel(i) for i in range(WIDTH * HEIGHT)])
    file = BytesIO()
    image.convert(mode).save(file, "JPEG", quality=95, **options)
    return file.getvalue()


def in_rgb(file):
    """The same JPEG file, but said to have red, green and blue in place of luma and chroma."""
    start, end = file.index(b"\xff\xe0"), file.index(b"\xff\xdb")
    return file[:start] + b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0" + file[end:]


def colors(count):
    """A palette."""
    return bytes(noise(i, 77, c) & 0xFF for i in range(count) for c in range(3))


def encoded(data):
    """Bytes as text on one line."""
    return b64encode(data).decode()


def on(image, background):
    """The colors of an image on a background, a level of grey."""
    below = Image.new("RGB", image.size, (background,) * 3)
    below.paste(image.convert("RGB"), mask=image.convert("RGBA").getchannel("A"))
    return below


def recorded(name, file):
    """A file, and what Pillow makes of it."""
    image = Image.open(BytesIO(file))
    assert image.size == (WIDTH, HEIGHT)
    is_png = image.format == "PNG"
    record = {
        "name": name,
        "file": encoded(file),
        "rgb": encoded((on(image, 0) if is_png else image).convert("RGB").tobytes()),
        "grey": encoded((on(image, 0) if is_png else image).convert("L").tobytes()),
    }
    if is_png and on(image, 0) != on(image, 255):
        record["white"] = encoded(on(image, 255).tobytes())
    return record


# 16-bit grey is not here: Pillow has it as integers, and cuts them off at 255.
PNGS = [
    *[(f"grey {depth} bit", png(GREY, depth)) for depth in (1, 2, 4, 8)],
    ("grey 8 bit with a transparent one", png(GREY, 8, alphas=b"\0\7")),
    ("grey and alpha 8 bit", png(GREY_ALPHA, 8)),
    ("grey and alpha 16 bit", png(GREY_ALPHA, 16)),
    ("RGB 8 bit", png(RGB, 8)),
    ("RGB 8 bit interlaced", png(RGB, 8, interlaced=True)),
    ("RGB 8 bit with a suggested palette", png(RGB, 8, colors(5))),
    ("RGB 16 bit", png(RGB, 16)),
    ("RGBA 8 bit", png(RGB_ALPHA, 8)),
    ("RGBA 16 bit interlaced", png(RGB_ALPHA, 16, interlaced=True)),
    *[(f"palette {depth} bit", png(PALETTE, depth, colors(min(2**depth, 200)))) for depth in (1, 2, 4, 8)],
    ("palette 4 bit, some transparent", png(PALETTE, 4, colors(11), b"\0\x80")),
    ("palette 8 bit interlaced, some transparent", png(PALETTE, 8, colors(90), b"\0\x80", interlaced=True)),
]
UNSUPPORTED = [
    ("grey 4 bit interlaced", png(GREY, 4, interlaced=True)),
    ("palette 1 bit interlaced", png(PALETTE, 1, colors(2), interlaced=True)),
]
JPEGS = [
    ("grey", jpeg("L")),
    ("4:4:4", jpeg("RGB", subsampling=0)),
    ("4:4:4 progressive", jpeg("RGB", subsampling=0, progressive=True)),
    ("4:4:4 of RGB", in_rgb(jpeg("RGB", subsampling=0))),
    ("CMYK", jpeg("CMYK")),
    ("4:2:2", jpeg("RGB", subsampling=1)),
    ("4:2:0", jpeg("RGB", subsampling=2)),
    ("4:2:0 progressive", jpeg("RGB", subsampling=2, progressive=True)),
]
record = {
    "source": "/usr/bin/python3 scripts/record_images.py",
    "versions": {"Pillow": PIL.__version__},
    "width": WIDTH,
    "height": HEIGHT,
    "png": [recorded(*case) for case in PNGS],
    "jpeg": [recorded(*case) for case in JPEGS],
    "unsupported": [recorded(*case) for case in UNSUPPORTED],
}
path = Path(__file__).parent.parent / "tests" / "golden" / "images.json"
path.write_text(json.dumps(record, indent=2) + "\n")
