"""What the site needs beyond its plugins, with nothing that is loaded from elsewhere."""

import html
import io
import re
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import Any

import latex2mathml.converter

from textvae.cli import COMMANDS, main

LINK = re.compile(r"\[([^\]]+)\]\(((?:\.\./)+)([\w./-]+)\)")
NAMED = re.compile(r"(<mi>(?:log|exp|sin|cos)</mi>)(?!<mo[^>]*>&#x00028;)")
MATH = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.S)


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: Any) -> str:
    """Leads links that leave docs/ to the page about that part, and lists the commands."""
    here = Path(config.docs_dir, page.file.src_path).parent
    up = "../" * len(Path(page.file.src_path).parent.parts)

    def inside(match: re.Match[str]) -> str:
        target = (here / match[2] / match[3]).resolve()
        root = Path(config.docs_dir).parent
        if target.is_relative_to(config.docs_dir) or not target.is_relative_to(root):
            return match[0]
        parts = target.relative_to(root).with_suffix("").parts
        about = Path("reference", f"{parts[1]}.md") if parts[0] == "textvae" else Path("index.md")
        known = (Path(config.docs_dir) / about).exists() and parts[0] in ("textvae", "README")
        return f"[{match[1]}]({up}{about})" if known else match[1]

    return LINK.sub(inside, markdown).replace("<!-- commands -->", commands())


def on_page_content(content: str, **_: Any) -> str:
    """Writes formulas as MathML, which browsers show by themselves."""

    def formula(match: re.Match[str]) -> str:
        display = "block" if match[2] == "[" else "inline"
        math = latex2mathml.converter.convert(html.unescape(match[3]).strip(), display=display)
        return NAMED.sub(r'\1<mspace width="0.17em"/>', math)

    return MATH.sub(formula, content)


def commands() -> str:
    """What every command says of itself."""
    parts = []
    for name, summary in COMMANDS.items():
        with redirect_stdout(io.StringIO()) as told, suppress(SystemExit):
            main([name, "-h"])
        parts.append(f"## {name}\n\nTo {summary}.\n\n```text\n{told.getvalue().strip()}\n```\n")
    return "\n".join(parts)
