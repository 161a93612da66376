"""The model card: what a model is, and what it is worth, for those who find it on the hub."""

__all__ = ["model_card"]

from dataclasses import fields
from typing import Any

from .metrics import Evaluation

HEAD = """---
library_name: textvae
pipeline_tag: feature-extraction
tags: [sentence-vae, variational-autoencoder, sentence-embeddings, text-generation]
{bases}---

# {name}

A sentence variational auto-encoder: it turns a sentence into a vector of {latent_dim} numbers, and
such a vector into a sentence.

```python
import textvae

vae = textvae.TextVAE.from_pretrained("{name}"){given}
z = vae.encode(["a sentence", "another"])
vae.decode(z)
vae.interpolate("a sentence", "another", steps=7)
```

## Parts

| part | class | made of |
| --- | --- | --- |
"""


def model_card(
    name: str, parts: dict[str, Any], latent_dim: int, report: dict[str, Any] | None
) -> str:
    """Writes the card of a model.

    Arguments:
        name: The name that the model is loaded by.
        parts: Each part as its configuration describes it, or None.
        latent_dim: The number of latent dimensions.
        report: The report of the run, or None where the model has none.
    """
    rows = [_row(part, described) for part, described in parts.items() if described is not None]
    labels = parts.get("labels")
    given = f".given({labels['init_args']['names'][0]!r})  # a label" if labels else ""
    origins = sorted({_origin(part) for part in parts.values()} - {None})
    on_hub = [origin for origin in origins if "/" in origin]  # and no folder of somebody's
    bases = f"base_model: [{', '.join(on_hub)}]\n" if on_hub else ""
    head = HEAD.format(name=name, latent_dim=latent_dim, given=given, bases=bases)
    lines = [head + "\n".join(rows), "", "## Numbers", ""]
    if report is None:
        return "\n".join([*lines, "This model comes without the report of its run.", ""])
    known = {field.name for field in fields(Evaluation)}
    evaluation = Evaluation(**{key: value for key, value in report.items() if key in known})
    lines += ["```", evaluation.table(), "```", ""]
    if doctor := report.get("doctor"):
        lines += [f"The collapse doctor: {doctor['verdict']}.", ""]
    if versions := report.get("versions"):
        made = ", ".join(f"{package} {version}" for package, version in versions.items())
        lines += [f"Made with {made}.", ""]
    return "\n".join(lines)


def _origin(described: Any) -> str | None:
    """The name of the pretrained model that a part was made of."""
    config = described["init_args"].get("config") if isinstance(described, dict) else None
    return config.get("_name_or_path") or None if isinstance(config, dict) else None


def _row(part: str, described: dict[str, Any]) -> str:
    arguments = described["init_args"]
    config = arguments.get("config")
    made = f"{config['model_type']} of transformers" if isinstance(config, dict) else ""
    if origin := _origin(described):
        made += f", from {origin}"
    if name := arguments.get("name"):
        made = str(name)
    return f"| {part} | {described['class_path'].rpartition('.')[2]} | {made} |"
