"""Docstrings on their way to the site: from reStructuredText, which they are, to Markdown."""

import re
import textwrap
from typing import Any

import griffe


class Markdown(griffe.Extension):
    """Turns formulas, roles and references into what the site can show."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Rewrites the docstring of one object."""
        if obj.docstring is not None:
            obj.docstring.value = to_markdown(obj.docstring.value)


def to_markdown(text: str) -> str:
    """A docstring as Markdown."""
    text = re.sub(
        r"^( *)\.\. math::(.*\n(?:\1 +.*\n?|[ ]*\n)*)", _formula, text + "\n", flags=re.M
    )
    text = re.sub(r":math:`([^`]+)`", lambda m: rf"\({' '.join(m[1].split())}\)", text)
    text = re.sub(r":[a-z]+:`[~.]?([^`]+)`", r"`\1`", text)
    return re.sub(r"^( *)References:\n((?:\1 +\|.*\n)+)", _references, text, flags=re.M)


def _formula(match: re.Match[str]) -> str:
    tex = textwrap.dedent(match[2]).strip()
    if r"\\" in tex and r"\begin" not in tex:
        tex = rf"\begin{{aligned}} {tex} \end{{aligned}}"
    return f"\n{match[1]}\\[ {' '.join(tex.split())} \\]\n\n"


def _references(match: re.Match[str]) -> str:
    """A list, in which an address ends an entry."""
    words = " ".join(line.strip(" |") for line in match[2].splitlines())
    entries = re.findall(r"(.+?)(https?://\S+)\s*|(.+)", words)
    items = (f"[{title.strip()}]({url})" if url else rest for title, url, rest in entries)
    return "\n**References**\n\n" + "".join(f"- {item}\n" for item in items) + "\n"
