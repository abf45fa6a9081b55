"""One self-contained HTML page: tables and figures in it, nothing to be loaded."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24 }
table { border-collapse: collapse; margin: 1rem 0; font-size: 13px; display: block; overflow-x: auto }
th, td { border: 1px solid #ccd2d9; padding: .3rem .6rem; text-align: left; white-space: nowrap }
th { background: #f2f4f7 } .holds { background: #e3f5e6 } .missed { background: #fde4e1; font-weight: 600 }
img { max-width: 100% } figure { margin: 1.5rem 0 } figcaption, .small { color: #57606a; font-size: 14px }
"""


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; cells that say whether a rule holds get their colour, and say it in words too."""
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join(f"<tr>{''.join(_cell(each) for each in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(text: str) -> str:
    kind = {"holds": ' class="holds"', "MISSED": ' class="missed"'}.get(text, "")
    return f"<td{kind}>{escape(text)}</td>"


def picture(png: bytes, caption: str) -> str:
    """A figure with its caption."""
    data = base64.b64encode(png).decode()
    said = escape(caption)
    return f'<figure><img alt="{said}" src="data:image/png;base64,{data}"><figcaption>{said}</figcaption></figure>'


def paragraphs(*texts: str) -> str:
    """Plain text."""
    return "".join(f"<p>{escape(text)}</p>" for text in texts)


def section(title: str, *parts: str) -> str:
    """A heading and what is under it."""
    return f"<h2>{escape(title)}</h2>{''.join(parts)}"


def page(title: str, *parts: str) -> str:
    """The whole document."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head><body><h1>{escape(title)}</h1>{''.join(parts)}</body></html>\n"
    )
