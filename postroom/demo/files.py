"""Small real files to attach, made on the fly."""

import hashlib
import struct
import zlib


def png(seed: int) -> bytes:
    """A picture of 16 by 16 dots in one colour."""
    colour = bytes(seed * factor % 256 for factor in (37, 91, 143))
    rows = (b"\0" + colour * 16) * 16
    header = struct.pack(">IIBBBBB", 16, 16, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in chunks)


def _chunk(name: bytes, content: bytes) -> bytes:
    checked = name + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))


def pdf(line: str) -> bytes:
    """One page with one line in Latin letters."""
    stream = f"BT /F1 18 Tf 72 720 Td ({line}) Tj ET"
    objects = (
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        " /Resources << /Font << /F1 5 0 R >> >> >>",
        f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    return _pdf_file(objects)


def _pdf_file(objects: tuple[str, ...]) -> bytes:
    out, starts = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        starts.append(len(out))
        out += f"{number} 0 obj\n{content}\nendobj\n".encode("ascii")
    table = "".join(f"{start:010} 00000 n \n" for start in starts)
    size = len(objects) + 1
    end = f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n<< /Size {size} /Root 1 0 R >>\n"
    return out + f"{end}startxref\n{len(out)}\n%%EOF\n".encode("ascii")


def table(number: int) -> bytes:
    """A price list as CSV."""
    goods = ("chair", "lamp", "desk", "shelf")
    rows = [f"{what};{(number * 7 + at * 13) % 90 + 10},50" for at, what in enumerate(goods)]
    return "\r\n".join(("what;price", *rows, "")).encode("ascii")


def noise(size: int) -> bytes:
    """Bytes that no compression makes smaller; the same every time."""
    return hashlib.shake_256(b"postroom").digest(size)
