"""The data scripts, on small excerpts in the published formats that were made for the test."""

import bz2
import hashlib
import importlib
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from textvae.data import TextData, WordTokenizer

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "data"

pytestmark = pytest.mark.usefixtures("cache")

Script = Callable[[str], ModuleType]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    monkeypatch.syspath_prepend(str(ROOT / "data_scripts"))
    return importlib.import_module


def manifest(folder: Path) -> dict:
    found = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    for counts in found["counts"].values():
        content = (folder / counts["file"]).read_bytes()
        assert counts["sha256"] == hashlib.sha256(content).hexdigest()
    return found


def put(folder: Path, files: dict[str, str | bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        raw = content.encode() if isinstance(content, str) else content
        (folder / name).write_bytes(raw)
    return folder


LINES = "".join(f" the cat <unk> N times {i} \n" for i in range(9))


def test_penn_treebank(script: Script, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    names = ("ptb.train.txt", "ptb.valid.txt", "ptb.test.txt")
    raw = put(tmp_path / "raw", dict.fromkeys(names, LINES))
    arguments = [str(raw), "--out", str(tmp_path / "out")]
    assert script("ptb").main(arguments) == 1
    assert "ptb: train.sentences: 9, published 42,068" in capsys.readouterr().err
    assert script("ptb").main([*arguments, "--excerpt"]) == 0
    found = manifest(tmp_path / "out")
    assert found["counts"]["train"]["tokens"] == 9 * 7 and found["as_published"] is False
    assert found["sources"].keys() == set(names)
    tokenizer = WordTokenizer(unk_token="<unk>")
    assert TextData(str(tmp_path / "out"), tokenizer=tokenizer).texts("test")[0].startswith("the")
    assert script("ptb").main([str(raw), "--out", str(raw)]) == 2
    assert "would be written over" in capsys.readouterr().err
    assert (raw / "ptb.train.txt").read_text() == LINES
    assert script("ptb").main([str(tmp_path / "none")]) == 2
    assert "no file ptb.train.txt or train.txt" in capsys.readouterr().err


@pytest.mark.skipif(not (SHARED / "ptb").is_dir(), reason="Penn Treebank is not there")
def test_penn_treebank_is_as_published(script: Script, tmp_path: Path) -> None:
    assert script("ptb").main([str(SHARED / "ptb"), "--out", str(tmp_path)]) == 0
    assert manifest(tmp_path)["as_published"] is True


def test_yahoo_and_yelp(script: Script, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    for name, prefix in (("yahoo", ""), ("yelp", "4\t")):
        lines = "".join(f"{prefix}what is _UNK {i} ?\n" for i in range(5))
        files = {f"{name}.{split}.txt": lines for split in ("train", "valid", "test")}
        raw, out = put(tmp_path / f"{name}_data", files), tmp_path / name
        assert script(name).main([str(raw), "--out", str(out), "--excerpt"]) == 0
        assert manifest(out)["counts"]["valid"]["sentences"] == 5
    data = TextData(str(tmp_path / "yelp"), label_column="label", tokenizer=WordTokenizer())
    assert data.labels("train")[0] == "4" and data.texts("train")[0] == "what is _UNK 0 ?"
    put(tmp_path / "yelp_data", {"yelp.valid.txt": "1\tgood\nbad\n"})
    capsys.readouterr()
    assert script("yelp").main([str(tmp_path / "yelp_data"), "--out", str(tmp_path / "x")]) == 2
    assert "yelp.valid.txt, line 2: 1 columns, where there should be 2" in capsys.readouterr().err


def test_snli(script: Script, tmp_path: Path) -> None:
    pairs = [
        {"gold_label": label, "sentence1": f"A man {i}.", "sentence2": f"He sleeps {i}."}
        for i, label in enumerate(("neutral", "-", "entailment", "contradiction"))
    ]
    lines = "".join(json.dumps(pair) + "\n" for pair in pairs)
    names = [f"snli_1.0_{split}.jsonl" for split in ("train", "dev", "test")]
    raw = put(tmp_path / "snli_1.0", dict.fromkeys(names, lines))
    arguments = [str(raw), "--out", str(tmp_path / "out"), "--excerpt"]
    assert script("snli").main(arguments) == 0
    expected = "text\tlabel\nHe sleeps 0.\tneutral\nHe sleeps 2.\tentailment\n"
    assert (tmp_path / "out" / "valid.tsv").read_text().startswith(expected)
    assert script("snli").main([*arguments, "--sentence", "premise"]) == 0
    assert manifest(tmp_path / "out")["counts"]["test"]["sentences"] == 3
    for bad in ("{", '{"sentence2": "a"}', "3", b"\xff"):
        put(raw, {"snli_1.0_train.jsonl": bad})
        assert script("snli").main(arguments) == 2
    with pytest.raises(SystemExit, match="2"):
        script("snli").main([])


def test_a_folder_has_each_split_once(script: Script, tmp_path: Path) -> None:
    splits, out = ("train", "valid", "test"), tmp_path / "out"
    for lines in ("5\tgood\n", "fine\n", "1\tbad\n"):
        raw = put(tmp_path / "raw", {f"yelp.{split}.txt": f"{lines}\n" for split in splits})
        assert script("yelp").main([str(raw), "--out", str(out), "--excerpt"]) == 0
        kind = "tsv" if "\t" in lines else "txt"
        names = {f"{split}.{kind}" for split in splits} | {"manifest.json"}
        assert {path.name for path in out.iterdir()} == names


def test_tatoeba(script: Script, tmp_path: Path) -> None:
    rows = [f"{i}\t{'eng' if i % 2 else 'cmn'}\tsentence {i // 3}" for i in range(60)]
    content = bz2.compress("\n".join(rows).encode())
    raw = put(
        tmp_path, {"sentences.csv.bz2": content, "cmn.txt": "Hi.\t嗨。\tCC BY\nGo.\t走。\tCC\n"}
    )
    held = ["--valid", "4", "--test", "3"]
    out = tmp_path / "out"
    assert script("tatoeba").main([str(raw / "sentences.csv.bz2"), "--out", str(out), *held]) == 0
    splits = {s: (out / f"{s}.txt").read_text().splitlines() for s in ("train", "valid", "test")}
    assert sorted(sum(splits.values(), [])) == sorted({r.split("\t")[2] for r in rows[1::2]})
    assert {s: len(lines) for s, lines in splits.items()} == {"train": 13, "valid": 4, "test": 3}
    one = ["--column", "2", "--valid", "1", "--test", "0", "--out", str(out)]
    assert script("tatoeba").main([str(raw / "cmn.txt"), *one]) == 0
    assert manifest(out)["as_published"] is None
    assert script("tatoeba").main([str(raw / "cmn.txt"), "--column", "1", "--out", str(out)]) == 2


def test_poems(script: Script, tmp_path: Path) -> None:
    verses = ["春眠不覺曉，處處聞啼鳥。", "夜來風雨聲，花落知多少？"]
    poems = [
        {"author": "某", "paragraphs": [verses[0], verses[1].replace("花", chr(0x4E00 + i))]}
        for i in range(6)
    ]
    poems += [
        {"paragraphs": [verses[0]]},
        {"paragraphs": ["春眠不覺曉□，處處聞啼鳥。", verses[1]]},
    ]
    raw = put(tmp_path / "raw", {"poet.tang.0.json": json.dumps(poems, ensure_ascii=False)})
    arguments = [str(raw), "--out", str(tmp_path / "out"), "--valid", "1", "--test", "2"]
    assert script("poems").main(arguments) == 0
    counts = manifest(tmp_path / "out")["counts"]
    assert [counts[s]["sentences"] for s in ("train", "valid", "test")] == [3, 1, 2]
    assert counts["valid"]["characters"] == 25
    assert script("poems").main([str(tmp_path)]) == 2
    put(raw, {"poet.song.0.json": '[{"title": "x"}]'})
    assert script("poems").main(arguments) == 2


def test_molecules(script: Script, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    rows = "".join(f'"{"C" * (i + 1)}O\n",{i}.5,0.7,2.1\n' for i in range(9))
    raw = put(tmp_path, {"zinc.csv": f"smiles,logP,qed,SAS\n{rows}", "bad.csv": "a,b\n1,2\n"})
    held = ["--valid", "2", "--test", "2", "--out", str(tmp_path / "out")]
    assert script("smiles").main([str(raw / "zinc.csv"), *held]) == 1
    assert "train.sentences: 5, published 249,451" in capsys.readouterr().err
    assert "CCO" in "".join(
        (tmp_path / "out" / f"{s}.txt").read_text() for s in ("train", "test", "valid")
    )
    assert script("smiles").main([str(raw / "bad.csv"), *held]) == 2
    assert "no column smiles; there are: a, b" in capsys.readouterr().err


def test_the_synthetic_corpus_follows_its_recipe(script: Script) -> None:
    module = script("synthetic")
    rows = module.draw(400, seed=1)
    assert rows == module.draw(400, seed=1) and rows[:5] != module.draw(5, seed=2)
    assert all(len(text.split()) == 10 for text, _ in rows)
    assert {int(word) for text, _ in rows for word in text.split()} <= set(range(1000))
    # The components are drawn uniformly: five standard errors.
    for component in "0123":
        share = sum(label == component for _, label in rows) / 400
        assert abs(share - 0.25) <= 5 * (0.25 * 0.75 / 400) ** 0.5
    # z decides the words: two sentences of one component share more of them than others do.
    bags = {c: {w for t, label in rows if label == c for w in t.split()[1:]} for c in "0123"}
    assert len(bags["0"] & bags["3"]) < 0.5 * min(len(bags["0"]), len(bags["3"]))
