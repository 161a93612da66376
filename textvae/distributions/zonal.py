"""Distributions on a sphere that depend on the angle to a mean direction alone."""

__all__ = ["Zonal"]

import abc
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.distributions import Distribution, register_kl

from .constraints import check_concentration, check_unit, finite_nonnegative, unit_vector
from .cosine import LAWS, draw_artanh_cosine
from .hyperspherical_uniform import HypersphericalUniform, log_area
from .remember import remember

Function = Callable[[Tensor, int], Tensor]
"""A function of concentration and dimension."""

ONE_PROJECTION = 16
"""From so many coordinates on, a normal draw is practically never close to the mean direction."""


BLOCK = 2**16
"""The coordinates that a processor's caches hold."""


class Zonal(Distribution, abc.ABC):
    r"""Abstract distribution of z on a sphere through :math:`\langle \mu, z \rangle` alone.

    A family names the law of its cosine and its divergence to the uniform distribution. Samples,
    densities and divergences are differentiable in `loc` and `concentration`; samples by implicit
    reparameterisation.

    In half precision, all is computed in float32, to which `loc` is normalised anew: densities,
    entropies and divergences are float32, and points of the sphere are cast to the type of `loc`.

    Arguments:
        loc: The mean direction mu, of length 1, with shape (..., d) and d at least 2.
        concentration: The concentration k, finite and at least 0; larger is narrower, 0 is
            uniform. A number, which counts as fixed and whose functions are computed once, or a
            tensor whose shape broadcasts with that of `loc` less its last dimension.
        validate_args: Whether arguments and values are checked, which on a GPU waits for it. Never
            while `torch.compile` is tracing.

    Raises:
        ValueError: If an argument is none of these.
    """

    arg_constraints = {"loc": unit_vector, "concentration": finite_nonnegative}
    support = unit_vector
    has_rsample = True
    law: ClassVar[LAWS]

    def __init__(
        self,
        loc: Tensor,
        concentration: Tensor | float,
        validate_args: bool | None = None,
    ) -> None:
        if loc.dim() < 1 or loc.shape[-1] < 2:
            raise ValueError(f"'loc' must have at least 2 coordinates, got shape {loc.shape}.")
        if not loc.is_floating_point():
            raise ValueError(f"'loc' must be of a floating point type, got {loc.dtype}.")

        self.dim = operator.index(loc.shape[-1])  # a constant: compilers make sizes variables
        self.dtype = loc.dtype
        self._number = None if isinstance(concentration, Tensor) else float(concentration)
        working = torch.promote_types(loc.dtype, torch.float32)
        if self._number is None:
            self.concentration = concentration.to(loc.device, working)
        elif torch.finfo(working).max < self._number < math.inf:
            raise ValueError(
                f"'concentration' must be a number that {working} holds, got {self._number}."
            )
        else:
            self.concentration = loc.new_full((), self._number, dtype=working)
        if validate_args is None:
            validate_args = Distribution._validate_args
        if torch.compiler.is_compiling():
            validate_args = False
        if validate_args:
            check_unit("loc", loc)
            check_concentration("concentration", self.concentration)

        if loc.dtype != working:
            loc = F.normalize(loc.to(working), dim=-1)
        batch_shape = torch.broadcast_shapes(loc.shape[:-1], self.concentration.shape)
        self.loc = loc.expand(batch_shape + loc.shape[-1:])
        super().__init__(batch_shape, loc.shape[-1:], validate_args=False)
        self._validate_args = validate_args

    def expand(self, batch_shape: torch.Size, _instance: Self | None = None) -> Self:
        new = self._get_checked_instance(type(self), _instance)
        batch_shape = torch.Size(batch_shape)
        new.dim, new.dtype, new._number = self.dim, self.dtype, self._number
        new.concentration = self.concentration
        new.loc = self.loc.expand(batch_shape + self.event_shape)
        super(Zonal, new).__init__(batch_shape, self.event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    @staticmethod
    @abc.abstractmethod
    def kl_to_uniform(concentration: Tensor, dim: int) -> Tensor:
        """The divergence to the uniform distribution, in nats."""

    @staticmethod
    @abc.abstractmethod
    def mean_length(concentration: Tensor, dim: int) -> Tensor:
        """The length of the mean vector."""

    @property
    def mean(self) -> Tensor:
        return (self.each(self.mean_length).unsqueeze(-1) * self.loc).to(self.dtype)

    @property
    def mode(self) -> Tensor:
        return self.loc.to(self.dtype)

    def entropy(self) -> Tensor:
        return log_area(self.dim) - self.each(self.kl_to_uniform)

    def each(self, function: Function) -> Tensor:
        """A function of the concentration and the dimension, with the batch's shape."""
        if self._number is not None:
            value = _value(function, self._number, self.dim)
            return self.loc.new_full(self.batch_shape, value)
        return function(self.concentration, self.dim).expand(self.batch_shape)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        noise = _normal(shape[:-1], self.loc)
        concentration = self.concentration if self._number is None else self._number
        y = draw_artanh_cosine(noise, concentration, self.dim, self.law).unsqueeze(-1)
        return _at_cosine(y, shape, self.loc).to(self.dtype)

    def _gap(self, value: Tensor) -> Tensor:
        """1 - <loc, z>, as a square: at large concentrations it may not come from 1."""
        if self._validate_args:
            self._validate_sample(value)
        return (value.to(self.loc.dtype) - self.loc).square().sum(-1) / 2


@register_kl(Zonal, HypersphericalUniform)
def _kl_zonal_uniform(q: Zonal, p: HypersphericalUniform) -> Tensor:
    if q.dim != p.dim:
        raise ValueError(f"'p' must have the {q.dim} coordinates of 'q', got {p.dim}.")
    return q.each(q.kl_to_uniform).expand(torch.broadcast_shapes(q.batch_shape, p.batch_shape))


@remember(maxsize=1024)
def _value(function: Function, concentration: float, dim: int) -> float:
    return function(torch.tensor(concentration, dtype=torch.float64), dim).item()


def _normal(shape: Sequence[int], like: Tensor) -> Tensor:
    return torch.randn(shape, dtype=like.dtype, device=like.device)


def _at_cosine(y: Tensor, shape: torch.Size, loc: Tensor) -> Tensor:
    """Points at the cosine tanh y to `loc`, in the direction of a normal draw at right angles.

    Arguments:
        y: artanh of the cosines, with shape (..., 1).
        shape: The shape (..., d) of the points.
        loc: The mean directions, with a shape that broadcasts to that of the points.
    """
    w, radius = y.tanh(), 1 / y.cosh()
    differentiated = torch.is_grad_enabled() and (y.requires_grad or loc.requires_grad)
    if shape[-1] >= ONE_PROJECTION and not (differentiated or torch.compiler.is_compiling()):
        return _fill(loc.new_empty(shape), w, radius, loc)
    g = _normal(shape, loc)
    if shape[-1] == 2:
        side = torch.where(g[..., :1] < 0, -radius, radius)
        return w * loc + side * torch.stack([-loc[..., 1], loc[..., 0]], dim=-1)
    if shape[-1] < ONE_PROJECTION:
        for _ in range(2):  # where the first time cancels, rounding leaves a part along loc
            g = g - (g * loc).sum(-1, keepdim=True) * loc
        return F.normalize(w * loc + radius * F.normalize(g, dim=-1), dim=-1)
    return _Projected.apply(w, radius, g, loc)


def _fill(z: Tensor, w: Tensor, radius: Tensor, loc: Tensor) -> Tensor:
    """As :class:`_Projected`, into z and from fresh draws: on a processor in blocks."""
    values = [x if z.dim() > 1 else x[None] for x in (z, w, radius, loc.expand(z.shape))]
    rows = len(values[0])
    if z.device.type == "cpu":  # draws by sixteens are the same, in blocks or at once
        rows = 16 * max(1, BLOCK * rows // max(1, 16 * z.numel()))
    for g, w, radius, loc in zip(*(x.split(rows) for x in values), strict=True):
        along, inverse = _projection(g.normal_(), loc)
        scale = radius * inverse
        g.mul_(scale).addcmul_(loc, w - scale * along)
    return z


def _projection(g: Tensor, loc: Tensor) -> tuple[Tensor, Tensor]:
    """The part of g along `loc`, and the inverse length of its rest, with shape (..., 1) each."""
    along = _dot(g, loc)
    return along, (g.norm(dim=-1, keepdim=True).square() - along.square()).rsqrt()


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """<a, b> with shape (..., 1), in the precision of its arguments: autocast would round it, and
    points would leave the sphere."""
    if torch.compiler.is_compiling():
        return (a * b).sum(-1, keepdim=True)
    with torch.autocast(a.device.type, enabled=False):  # the faster way where nothing is fused
        return torch.einsum("...d,...d->...", a, b).unsqueeze(-1)


class _Projected(torch.autograd.Function):
    """w loc + radius (g - c loc) / sqrt(|g|^2 - c^2), where c = <g, loc>, in two passes over g."""

    @staticmethod
    def forward(ctx: Any, w: Tensor, radius: Tensor, g: Tensor, loc: Tensor) -> Tensor:
        along, inverse = _projection(g, loc)
        ctx.save_for_backward(w, radius, g, loc, along, inverse)
        scale = radius * inverse
        # Not in place: what torch 2.11 compiles of that has gradients of zero.
        return torch.addcmul(loc * (w - scale * along), g, scale)

    @staticmethod
    @once_differentiable  # what is saved are numbers to a second derivative, which would be wrong
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, Tensor]:
        w, radius, g, loc, along, inverse = ctx.saved_tensors
        scale = radius * inverse
        on_w = _dot(grad, loc)
        on_scale = _dot(grad, g) - along * on_w
        on_along = scale * (on_scale * along * inverse.square() - on_w)
        on_loc = (grad * (w - scale * along)).addcmul_(g, on_along)
        return on_w, on_scale * inverse, None, on_loc.sum_to_size(loc.shape)
