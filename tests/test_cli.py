"""The commands that use a trained model, as a user runs them."""

import io
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import textvae
from textvae.cli import COMMANDS, main
from textvae.compare.recommendation import Recommendation
from textvae.errors import UsageError
from textvae.wiring.parser import GROUPS

from .corpora import TINY, A, B

Run = Callable[..., tuple[int, str, str]]

COLUMNS = ("--text-column", "text", "--label-column", "label")


# Using a trained model


@pytest.mark.parametrize("name", ["tiny", "runs/tiny", "runs/tiny/model"])
def test_a_run_is_found_by_name_and_by_path(command: Run, name: str) -> None:
    code, out, err = command("reconstruct", name, A, B)

    assert (code, err, len(out.splitlines())) == (0, "", 2)


def test_sentences_come_as_arguments_from_a_file_or_from_standard_input(command: Run) -> None:
    Path("two.txt").write_text(f"{A}\n{B}\n")
    results = [
        command("encode", "tiny", A, B),
        command("encode", "tiny", "--text", "two.txt"),
        command("encode", "tiny", stdin=f"{A}\r\n{B}"),
    ]

    assert results[0][1] == results[1][1] == results[2][1]
    assert results[2][2] == "standard input: 1 lines with Windows line ends (CRLF)\n"
    z = np.loadtxt(io.StringIO(results[0][1]))
    expected = textvae.load("tiny").encode([A, B])
    assert torch.allclose(torch.tensor(z, dtype=torch.float32), expected, atol=1e-6)


def test_latents_go_out_and_come_back(command: Run) -> None:
    assert command("encode", "tiny", A, B, "--out", "z.npy")[:2] == (0, "")
    assert np.load("z.npy").shape == (2, 4)
    lines = command("encode", "tiny", A, B)[1]

    direct = command("reconstruct", "tiny", A, B)[1]
    assert command("decode", "tiny", "z.npy")[1] == direct
    assert command("decode", "tiny", stdin=lines)[1] == direct


def test_interpolation_decodes_both_ends(command: Run) -> None:
    ends = command("reconstruct", "tiny", A, B)[1].splitlines()
    for path in ("auto", "linear"):
        lines = command("interpolate", "tiny", A, B, "--steps", "5", "--path", path)[1]
        assert len(lines.splitlines()) == 5
        assert [lines.splitlines()[0], lines.splitlines()[-1]] == ends
    assert (
        command(
            "interpolate",
            "tiny",
            stdin=f"{A}\n{B}\n",
        )[1].count("\n")
        == 7
    )


def test_json_is_one_value(command: Run) -> None:
    pair = json.loads(command("reconstruct", "tiny", A, "--json")[1])
    assert len(json.loads(command("encode", "tiny", A, "--json")[1])[0]) == 4
    assert pair[0].keys() == {"sentence", "reconstruction"}
    assert len(json.loads(command("sample", "tiny", "-n", "3", "--json")[1])) == 3
    assert len(json.loads(command("interpolate", "tiny", A, B, "--json")[1])) == 7
    assert len(json.loads(command("data", "--json")[1])["examples"]) == 5


def test_samples_follow_the_seed(command: Run) -> None:
    one, two, three = (
        command("sample", "tiny", "-n", "4", "--seed", seed, "--top-k", "20")[1]
        for seed in ("1", "1", "2")
    )

    assert one == two != three and one.count("\n") == 4


def test_a_seed_is_one_that_all_libraries_take(command: Run) -> None:
    rows = (f"{i % 2}\t{'the cook burned pies . ' * i}\n" for i in range(1, 13))
    Path("rated.tsv").write_text("label\ttext\n" + "".join(rows))
    text = ("--text", "rated.tsv", *COLUMNS)
    for arguments in (
        ("sample", "tiny", "-n", "1"),
        ("sample", "tiny", "-n", "1", "--label", "1", *text),
        ("perturb", "tiny", A, "-n", "2"),
        ("infill", "tiny", "the cook _ some pies .", "--proposals", "3"),
        ("evaluate", "tiny", "--samples", "1", *text),
        ("probe", "tiny", *text, "--sizes", "2"),
    ):
        code, out, err = command(*arguments, "--seed", str(2**32 - 2))
        assert code == 0 and out, err
        code, out, err = command(*arguments, "--seed", str(2**32 - 1))
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert "--seed: 4294967295 is not a whole number from 0 to 4,294,967,294" in err


@pytest.mark.parametrize("decode", ["greedy", "beam", "sample"])
def test_every_strategy_decodes(command: Run, decode: str) -> None:
    code, out, _ = command("reconstruct", "tiny", A, "--decode", decode, "--max-length", "5")

    assert code == 0 and len(out.split()) <= 5


def test_sentences_are_written_and_read_in_half_precision_on_request(command: Run) -> None:
    assert command("reconstruct", "tiny", A, "--precision", "bf16-mixed")[0] == 0
    exact, half = (
        command("encode", "tiny", A, "--json", "--precision", precision)[1]
        for precision in ("32", "bf16-mixed")
    )
    assert exact != half and json.loads(exact)[0] == pytest.approx(json.loads(half)[0], abs=0.05)
    code, out, err = command("sample", "tiny", "--precision", "16-mixed", "--device", "cpu")
    assert (code, out) == (2, "") and "take bf16-mixed" in err and err.count("\n") == 1


def test_evaluation_prints_a_table_or_json(command: Run) -> None:
    shutil.copytree("runs/tiny", "runs/evaluated")  # its report is written anew
    code, table, err = command("evaluate", "evaluated", "--samples", "3", "--split", "valid")
    assert code == 0 and "nll_iw" in table and "Protocol" in table
    assert err.endswith("wrote runs/evaluated/report-valid.json\n")

    Path("mine.txt").write_text(f"{A}\n{B}\nan unheard word .\n")
    code, out, err = command(
        "evaluate", "evaluated", "--text", "mine.txt", "--samples", "3", "--json"
    )
    report = json.loads(out)
    assert code == 0 and report["protocol"]["sentences"] == 3
    assert report["protocol"]["lost"] == 3 and report["ppl_word"] is None
    half = command(
        "evaluate", "evaluated", "--samples", "3", "--precision", "bf16-mixed", "--json"
    )
    assert json.loads(half[1])["protocol"]["precision"] == "bf16-mixed"
    kept = json.loads(Path("runs/evaluated/report.json").read_text())
    assert kept["seconds"].keys() == {"train", "evaluate"}


def test_words_that_the_model_does_not_know_are_counted(command: Run) -> None:
    code, out, err = command("reconstruct", "tiny", "an unheard word .")

    assert code == 0 and len(out.splitlines()) == 1
    assert err == "words or characters that the model does not know: 3\n"


def test_a_sentence_is_one_line(command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    written = "a\nb\r\x1b[31mc\x85d\u2028e\tf\0春"
    monkeypatch.setattr(textvae.TextVAE, "decode", lambda self, z, *_, **__: [written] * len(z))
    assert command("sample", "tiny", "-n", "2")[1] == "a b  [31mc d e f 春\n" * 2
    assert command("analogy", "tiny", A, B, A)[1] == "a b  [31mc d e f 春\n"
    assert json.loads(command("sample", "tiny", "-n", "1", "--json")[1]) == [written]


def test_an_argument_is_utf_8(command: Run) -> None:
    for arguments in (
        ("encode", "tiny", "caf\udce9"),
        ("train", "--text", "caf\udce9"),
        ("caf\udce9",),
    ):
        code, out, err = command(*arguments)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert f"argument {len(arguments)}, 'caf\\udce9', is not UTF-8; " in err


def test_what_takes_too_much_memory_is_refused(
    command: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for large in (lambda *_, **__: torch.empty(2**50), lambda *_, **__: np.empty(2**58)):
        monkeypatch.setattr(textvae.TextVAE, "sample", large)
        code, out, err = command("sample", "tiny")
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert err.startswith("textvae sample: this needs more memory than there is; ask for less")


def test_a_comparison_shows_what_the_recommended_model_writes(
    command: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def compared() -> str:
        code, out, _ = command("compare", "--methods", "none,bn", "--name", "pair", *TINY)
        assert code == 0
        return out

    assert "None can be recommended" in (out := compared())
    samples = Path("runs/pair/none-0/samples.txt").read_text(encoding="utf-8")
    assert re.findall(r"^\w+", samples, re.M) == ["Reconstructions", "Interpolation", "Samples"]
    assert out.endswith(f"\n\nWhat runs/pair/none-0 writes\n\n{samples}")

    chosen = Recommendation("bn", [], {})
    monkeypatch.setattr("textvae.compare.results.recommend", lambda *_: chosen)
    assert "Take bn." in (out := compared())
    samples = Path("runs/pair/bn-0/samples.txt").read_text(encoding="utf-8")
    assert out.endswith(f"\n\nWhat runs/pair/bn-0 writes\n\n{samples}")


# Help


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    if command in ("train", "compare"):
        assert main([command, "-h"]) == 0
    else:
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert ended.value.code == 0

    assert f"usage: textvae {command}" in capsys.readouterr().out


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == main(["--help"]) == 0

    out = capsys.readouterr().out
    assert all(f"  {name} " in out for name in COMMANDS)


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_every_part_of_a_run_is_named(name: str) -> None:
    text = (Path(__file__).parents[1] / name).read_text(encoding="utf-8")
    (told,) = re.findall(
        r"(?:Every part of a run is an option: |一次运行的每个部分都是一个选项：)([^.。]*)", text
    )
    assert set(re.findall(r"`(\w+)`", told)) == set(GROUPS)


def test_data_shows_how_a_text_is_read(command: Run) -> None:
    Path("cats.txt").write_text("".join(f"the cat number {i} .\n\n" for i in range(50)))
    code, out, _ = command("data", "cats.txt", "--tokenizer", "WordTokenizer")

    assert code == 0 and "WordTokenizer" in out and "empty lines left out" in out


def test_a_bug_is_not_dressed_up(command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(textvae.TextVAE, "sample", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        command("sample", "tiny")
    monkeypatch.setenv("TEXTVAE_DEBUG", "1")
    with pytest.raises(UsageError):
        command("sample", "nowhere")
