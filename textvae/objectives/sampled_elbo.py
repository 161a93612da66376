"""The evidence lower bound with a sampled divergence."""

__all__ = ["SampledELBO"]

from torch import Tensor

from ..types import Terms
from .base import Objective


class SampledELBO(Objective):
    r"""The negative evidence lower bound, all of it estimated from samples.

    .. math:: -\frac{1}{S} \sum_s \log \frac{p(x \mid z_s) \, p(z_s)}{q(z_s \mid x)},
        \qquad z_s \sim q(z \mid x)

    The bound of any posterior, whether or not its divergence has a closed form. With `path`, the
    gradient reaches q through z alone: the score term that it leaves out is 0 in expectation, and
    so the gradient has no variance where q is the true posterior.

    References:
        | Auto-Encoding Variational Bayes (Kingma & Welling, 2014), equation 6
        | https://arxiv.org/abs/1312.6114
        | Sticking the Landing (Roeder et al., 2017) https://arxiv.org/abs/1703.09194

    Arguments:
        num_samples: The latent samples S of each sentence.
        path: Whether q learns by the path derivative alone.
    """

    needs = ("log_qz_x",)

    def __init__(self, num_samples: int = 1, path: bool = False) -> None:
        if num_samples < 1:
            raise ValueError(f"'num_samples' must be at least 1, got {num_samples}.")

        self.num_samples = num_samples
        self.stop_score = path

    def __call__(self, terms: Terms, step: int) -> Tensor:
        log_w = terms.log_px_z + terms.log_pz - terms.log_qz_x  # (S, B)
        return (terms.auxiliary - log_w.mean(dim=0)).mean()
