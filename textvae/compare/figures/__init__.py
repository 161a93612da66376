"""The figures of a report, as SVG."""

from .differences import difference_plot
from .factors import beta_plot, probe_plot
from .latents import latent_maps, rates_per_dimension
from .plane import rate_distortion
from .training import training_curves

__all__ = [
    "beta_plot",
    "difference_plot",
    "latent_maps",
    "probe_plot",
    "rate_distortion",
    "rates_per_dimension",
    "training_curves",
]
