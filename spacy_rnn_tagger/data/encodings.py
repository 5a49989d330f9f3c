"""Lines of text files: encodings are recognised by their marks, and bytes that are no text are refused with their
line."""

import codecs
from typing import IO, Iterator, Optional, Tuple

from .reading import Reading

SAMPLE = 65536
BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""UTF-32 comes first: its mark begins with that of UTF-16."""
TITLES = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8 with a byte order mark",
    "utf-16": "UTF-16 with a byte order mark",
    "utf-16-le": "UTF-16 (little endian) without a byte order mark",
    "utf-16-be": "UTF-16 (big endian) without a byte order mark",
    "utf-32": "UTF-32 with a byte order mark",
}


def recognize_encoding(sample: bytes) -> str:
    """The encoding of a text file.

    sample (bytes): The first bytes of the file.
    RETURNS (str): Its name as Python has it; "utf-8" where nothing speaks for another.
    """
    for bom, name in BOMS:
        if sample.startswith(bom):
            return name
    # In UTF-16, every second byte of a line break, space or Latin letter is 0.
    zeros = sample.count(0)
    if zeros * 20 > len(sample):
        ascii_characters = {
            name: sum(char.isascii() and char != "\0" for char in sample.decode(name, "ignore"))
            for name in ("utf-16-le", "utf-16-be")
        }
        best = max(ascii_characters, key=lambda name: ascii_characters[name])
        if ascii_characters[best] * 2 > zeros:
            return best
    return "utf-8"


def read_lines(reading: Reading, *, keep_ends: bool = False) -> Iterator[Tuple[int, str]]:
    """The lines of a text file, one after the other. Lines that are no text are told of as damaged.

    reading (Reading): The file.
    keep_ends (bool): Whether a line keeps a line feed at its end.
    YIELDS (Tuple[int, str]): The line's number, from 1, and the line.
    """
    with reading.path.open("rb") as file:
        sample = file.read(SAMPLE)
        reading.encoding = recognize_encoding(sample)
        file.seek(0)
        if reading.encoding != "utf-8":
            reading.note(f"The encoding is {TITLES[reading.encoding]}.")
        if b"\r" in sample and b"\n" not in sample:
            reading.note("Lines end with carriage returns (CR), as on the first Macintosh.")
        for number, line in enumerate(_decoded(file, reading), 1):
            if line is None:
                continue
            end = "\n" if keep_ends and line[-1:] in ("\n", "\r") else ""
            if line.endswith("\r\n"):
                reading.note("Lines end with CRLF, as on Windows.")
            line = line.rstrip("\r\n")
            if "\0" in line:
                reading.bad(number, f"there is a NUL character at column {line.index(chr(0)) + 1}; remove it.")
                continue
            yield number, line + end


def _decoded(file: IO[bytes], reading: Reading) -> Iterator[Optional[str]]:
    """The lines; None for one that is damaged and left out."""
    if not reading.encoding.startswith("utf-8"):
        with open(reading.path, encoding=reading.encoding, newline="") as text:
            number = 1
            try:
                for line in text:
                    yield line
                    number += 1
            except UnicodeError as e:
                raise reading.refuse(number, "the file ends or breaks in the middle of a character.") from e
        return
    for number, raw in enumerate(_byte_lines(file), 1):
        raw = raw[3:] if number == 1 and raw.startswith(codecs.BOM_UTF8) else raw
        try:
            yield raw.decode("utf-8")
        except UnicodeDecodeError as e:
            reading.bad(
                number,
                f"byte 0x{raw[e.start]:02X} at byte {e.start + 1} of the line is no UTF-8; convert the file, for "
                "instance by "
                "iconv -f LATIN1 -t UTF-8.",
            )
            yield None


def _byte_lines(file: IO[bytes]) -> Iterator[bytes]:
    """Lines by LF; by CR where a file has no LF at its beginning."""
    sample = file.read(SAMPLE)
    file.seek(0)
    if b"\n" in sample or b"\r" not in sample:
        yield from file
        return
    rest = b""
    while chunk := file.read(SAMPLE):
        *lines, rest = (rest + chunk).split(b"\r")
        yield from (line + b"\r" for line in lines)
    if rest:
        yield rest
