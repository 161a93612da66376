"""What one does with a latent space: each operation is one file, on a model and strings."""

from .analogy import analogy
from .control import fit_classifier, guide, sample_label
from .export import export
from .following import follow
from .infill import Fill, infill
from .neighbors import Neighbour, neighbors
from .novelty import Novelty, novelty
from .perturb import perturb
from .transfer import relabel, transfer
from .traverse import traverse

__all__ = [
    "Fill",
    "Neighbour",
    "Novelty",
    "analogy",
    "export",
    "fit_classifier",
    "follow",
    "guide",
    "infill",
    "neighbors",
    "novelty",
    "perturb",
    "relabel",
    "sample_label",
    "transfer",
    "traverse",
]
