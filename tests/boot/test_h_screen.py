# SPDX-License-Identifier: Apache-2.0
"""A screen that stays black is the first complaint of the field: under UEFI, ours shows text."""
import os
import struct
import zlib
import tools.lib.rigs as rigs

PNG = os.path.join(rigs.config_dir("screen"), "screen.png")


def pixels(path):
    """Rows of an 8-bit RGB or RGBA PNG, as (bytes a pixel, [bytes])."""
    with open(path, "rb") as f:
        data = f.read()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed = 8, b""
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack_from(">IIBB", body)
            assert depth == 8 and colour in (2, 6), (depth, colour)
            size = 3 if colour == 2 else 4
        elif kind == b"IDAT":
            packed += body
        at += 12 + length
    raw = zlib.decompress(packed)
    stride, rows, above = width * size, [], bytearray(width * size)
    for y in range(height):
        kind = raw[y * (stride + 1)]
        row = bytearray(raw[y * (stride + 1) + 1:(y + 1) * (stride + 1)])
        for x in range(stride):
            a = row[x - size] if x >= size else 0
            b, c = above[x], above[x - size] if x >= size else 0
            if kind == 1:
                row[x] = (row[x] + a) & 255
            elif kind == 2:
                row[x] = (row[x] + b) & 255
            elif kind == 3:
                row[x] = (row[x] + (a + b) // 2) & 255
            elif kind == 4:
                p = a + b - c
                best = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
                row[x] = (row[x] + best) & 255
        rows.append(row)
        above = row
    return size, rows


def test_the_frame_buffer_shows_lines_of_text_under_uefi():
    b = rigs.boot("qemu", "screen", more=("--screenshot", PNG))
    assert b.ended_well, b.tail()
    size, rows = pixels(PNG)
    lit = [sum(1 for x in range(0, len(row), size) if row[x] > 64) for row in rows]
    lines = [sum(lit[y:y + 16]) for y in range(0, len(lit) - 15, 16)]    # 16 rows a character
    spoken = sum(1 for line in b.lines if line.startswith("["))
    filled = sum(1 for n in lines if n > 50)
    assert spoken > 10 and filled >= spoken * 0.9, (spoken, filled)
    assert max(lines) < 16 * len(rows[0]) / size / 2, "text, not a filled screen"
