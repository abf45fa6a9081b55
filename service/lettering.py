"""Text on pictures: a font with the letters of units where the system has one, else Pillow's own with stand-ins."""

from __future__ import annotations

from functools import cache

from PIL import ImageFont

FONTS = ("DejaVuSans.ttf", "LiberationSans-Regular.ttf", "Arial.ttf")
"""Looked for among the system's fonts, in this order; Pillow's own has neither µ nor π."""
STAND_INS = {"µ": "u", "π": "pi", "×": "x", "−": "-", "–": "-", "Å": "A", "²": "^2"}
UNKNOWN = "?"
NO_LETTER = "\uffff"

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@cache
def font(size: int) -> Font:
    """The font for text of so many pixels."""
    for name in FONTS:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)


def letters(text: str, font: Font) -> str:
    """The text in letters that the font has: plain ones in place of others, and a question mark where there is none."""
    return "".join(each if _has(font, each) else STAND_INS.get(each, UNKNOWN) for each in text)


@cache
def _has(font: Font, letter: str) -> bool:
    if letter.isascii():
        return True
    return bytes(font.getmask(letter)) != bytes(font.getmask(NO_LETTER))
