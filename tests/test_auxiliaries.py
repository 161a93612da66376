"""Auxiliary losses: their formulas, and that they reach training and nothing else."""

import inspect
import json
import math
from pathlib import Path

import pytest
import torch

import textvae.auxiliaries
from textvae.auxiliaries import Auxiliary, BagOfWords
from textvae.data import WordTokenizer
from textvae.data.batching import collate
from textvae.decoders import GRUDecoder
from textvae.objectives import BetaELBO
from textvae.posteriors import GaussianPosterior
from textvae.storage import load_model, save_model

from .helpers import leaves
from .tiny import SENTENCES, VOCAB, report, text_vae


@pytest.mark.parametrize("cls", leaves(Auxiliary))
def test_contract(cls: type[Auxiliary]) -> None:
    """Finite, blind to padding, with gradients to every parameter and to z."""
    torch.manual_seed(0)
    auxiliary = cls(VOCAB, 3).double()
    z = torch.randn(2, 4, 3, dtype=torch.double, requires_grad=True)
    x = torch.randint(4, VOCAB, (4, 5))
    mask = torch.arange(5) < torch.tensor([[5], [3], [1], [4]])
    loss = auxiliary(x, mask, z)
    loss.sum().backward()

    assert loss.shape == (4,) and loss.isfinite().all()
    assert z.grad.norm() > 0 and all(p.grad.norm() > 0 for p in auxiliary.parameters())
    torch.testing.assert_close(auxiliary(x.masked_fill(~mask, 0), mask, z), loss)
    assert list(inspect.signature(cls).parameters)[:2] == ["vocab_size", "latent_dim"]
    assert cls.__name__ in textvae.auxiliaries.__all__


def test_bag_of_words_is_its_formula() -> None:
    torch.manual_seed(0)
    auxiliary = BagOfWords(VOCAB, 3, hidden_size=4, weight=0.5)
    z, x = torch.randn(2, 1, 3), [5, 7, 5]
    expected = 0.0
    for s in range(2):
        logits = auxiliary.to_logits(z[s, 0]).tolist()
        total = math.log(sum(map(math.exp, logits)))
        expected -= 0.5 * sum(logits[token] - total for token in x) / 2
    mask = torch.tensor([[True, True, True, False]])

    found = auxiliary(torch.tensor([[*x, 0]]), mask, z)
    assert found.item() == pytest.approx(expected, rel=1e-5)
    swapped = auxiliary(torch.tensor([[7, 5, 5, 0]]), mask, z)
    torch.testing.assert_close(swapped, found)
    with pytest.raises(ValueError, match="'weight' must be at least 0, got -1.0"):
        BagOfWords(VOCAB, 3, weight=-1.0)


def test_training_sees_it_and_evaluation_does_not() -> None:
    torch.manual_seed(0)
    vae, batch = text_vae(GaussianPosterior, 3), collate(SENTENCES, range(len(SENTENCES)))
    plain = report(vae)
    vae.auxiliary = BagOfWords(VOCAB, 3).double()
    torch.manual_seed(1)
    terms = vae(batch, num_samples=2)

    words = vae.auxiliary(batch.target, batch.target_mask, terms.z)
    torch.testing.assert_close(terms.auxiliary, words)
    without = BetaELBO()(terms, 0) - words.mean()
    assert without.item() == pytest.approx((terms.kl - terms.log_px_z.mean(dim=0)).mean().item())
    assert report(vae).nll_iw == plain.nll_iw


def test_it_is_stored_with_the_model(tmp_path: Path) -> None:
    tokenizer = WordTokenizer()
    tokenizer.fit(["a b c d e"])
    vae = text_vae(GaussianPosterior, 3).float()
    vae.decoder = GRUDecoder(tokenizer.vocab_size, 3, 6, 8)
    vae.auxiliary = BagOfWords(tokenizer.vocab_size, 3, hidden_size=5, weight=0.3)
    save_model(tmp_path / "model", vae, tokenizer)
    again = load_model(tmp_path / "model")[0]

    assert again.auxiliary.init_args == vae.auxiliary.init_args
    for name, value in vae.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])


def test_a_folder_from_before_there_were_any_loads(tmp_path: Path) -> None:
    tokenizer = WordTokenizer()
    tokenizer.fit(["a b c d e"])
    vae = text_vae(GaussianPosterior, 3).float()
    vae.decoder = GRUDecoder(tokenizer.vocab_size, 3, 6, 8)
    save_model(tmp_path / "model", vae, tokenizer)
    path = tmp_path / "model" / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    assert config.pop("auxiliary", ...) is None
    path.write_text(json.dumps(config), encoding="utf-8")

    assert load_model(tmp_path / "model")[0].auxiliary is None
