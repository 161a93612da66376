"""The initialisation of the standard benchmark."""

__all__ = ["init_uniform_"]

import torch.nn as nn


def init_uniform_(
    module: nn.Module, init_range: float | None, embedding_range: float | None = None
) -> None:
    """Draws parameters uniformly, as the standard benchmark does; None leaves PyTorch's draw.

    References:
        | Lagging Inference Networks and Posterior Collapse (He et al., 2019), appendix B.2
        | https://arxiv.org/abs/1901.05534

    Arguments:
        module: The module to initialise in place.
        init_range: The bound of all parameters but embeddings; the benchmark's is 0.01.
        embedding_range: The bound of embeddings; the benchmark's is 0.1.
    """
    for part in module.modules():
        bound = embedding_range if isinstance(part, nn.Embedding) else init_range
        if bound is not None:
            for parameter in part.parameters(recurse=False):
                nn.init.uniform_(parameter, -bound, bound)
