"""Model folders: sound ones, and every way to spoil one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from cli import Cli

from models import MODEL, copy_model, flip_a_byte, forge
from pssr_live import card
from pssr_live.card import load_model, model_folders
from pssr_live.errors import ModelError
from pssr_live.restorer import Restorer


def test_shipped_models_are_sound() -> None:
    folders = model_folders()
    assert {"mito-mf5-x4", "mito-mf5-x4-live"} <= set(folders)
    for name, folder in folders.items():
        model = load_model(name)
        assert (model.folder, model.card.name) == (folder, name)
        assert model.onnx.is_file() and model.self_test.is_file()


def test_a_folder_is_as_good_as_a_name(tmp_path: Path) -> None:
    folder = copy_model(tmp_path)
    assert load_model(folder).card == load_model(str(folder)).card
    assert load_model(folder).folder == folder


@pytest.mark.parametrize(
    "name", ["nope", "", ".", "x" * 300, "a\0b", "/", "models/mito", "card.toml"]
)
def test_what_is_no_model_is_said(name: str) -> None:
    with pytest.raises(
        ModelError, match=r"There is no model .*: give one of .*mito-mf5-x4"
    ):
        load_model(name)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("scale = 4", "scale = 4\ncolour = 1", "wrong at colour: Extra inputs .* '1'"),
        ("scale = 4", "scale = 'x'", "wrong at scale: .* valid integer.*, got 'x'"),
        ("scale = 4", "scale = 0", "wrong at scale: .*greater than or equal to 1"),
        ("scale = 4", "", "wrong at scale: Field required"),
        ("    0.1,\n", "    0.9,\n", "pixel_size_um is 0.9 to 0.4: smallest first"),
        ("lookahead = 2", "lookahead = 5", "lookahead 5 is not less than n_frames 5"),
        ("tolerance = ", "tolerance = 1.0\nother = ", "wrong at tolerance: .*0.05"),
        ('"model.onnx" = ', '"other" = ', "sha256 does not list model.onnx"),
        ('"self_test.npz" = ', '"other" = ', "sha256 does not list self_test.npz"),
        ('"weights.safetensors" = ', '"../w" = ', "names '../w' outside its folder"),
        ('"weights.safetensors" = ', '"/etc/w" = ', "names '/etc/w' outside its fol"),
        ('"weights.safetensors" = ', '"w" = ', "The model file .*w is missing"),
        ("[sample]", "[sample", "cannot be read .*: take the model folder anew"),
    ],
)
def test_a_spoilt_card_is_refused(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    folder = copy_model(tmp_path, (old, new))
    with pytest.raises(ModelError, match=message) as caught:
        load_model(folder)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_card_saved_by_an_editor_of_windows_is_read(tmp_path: Path) -> None:
    folder = copy_model(tmp_path)
    lines = (folder / "card.toml").read_text("utf-8").splitlines()
    (folder / "card.toml").write_text("\r\n".join(lines), "utf-8-sig", newline="")
    assert load_model(folder).card.name == MODEL


def remove(path: Path) -> None:
    path.unlink()


def garble(path: Path) -> None:
    path.write_bytes(b"\xff\x00")


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("file", "harm", "message"),
    [
        ("model.onnx", flip_a_byte, r"model\.onnx has sha256 .* altered or damaged"),
        ("weights.safetensors", flip_a_byte, "altered or damaged, take the folder"),
        ("self_test.npz", flip_a_byte, "altered or damaged"),
        ("model.onnx", remove, r"model\.onnx is missing: take the folder anew"),
        ("model.onnx", make_folder, r"model\.onnx is missing"),
        ("card.toml", remove, "There is no model"),
        ("card.toml", garble, r"The card .*card\.toml cannot be read"),
    ],
)
def test_a_spoilt_file_is_refused(
    tmp_path: Path, file: str, harm: Callable[[Path], None], message: str
) -> None:
    folder = copy_model(tmp_path)
    harm(folder / file)
    with pytest.raises(ModelError, match=message):
        load_model(folder)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("scale = 4", "scale = 2", r"turns \d+ x \d+ pixels into .* its card says x2"),
        ("n_frames = 5", "n_frames = 3", "takes 5 frames and its card says 3"),
    ],
)
def test_a_card_that_does_not_fit_its_network(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    folder = copy_model(tmp_path, (old, new))
    with pytest.raises(ModelError, match=message):
        Restorer(folder)


def test_a_network_that_cannot_run_leaves_bicubic(tmp_path: Path) -> None:
    folder = copy_model(tmp_path)
    for file in ("model.onnx", "weights.safetensors"):
        forge(folder / file, b"no network")
    restorer = Restorer(folder)
    assert restorer.ladder.engine.restores is False
    assert {"onnxruntime", "torch"} <= set(restorer.engine_report()["refused"])


def test_weights_alone_are_enough(tmp_path: Path) -> None:
    """The next rung reads another file."""
    folder = copy_model(tmp_path)
    forge(folder / "model.onnx", b"no network")
    assert Restorer(folder).ladder.engine.name == "torch"


def test_somebody_elses_broken_package_is_passed_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> object:
        raise ImportError("no module named theirs")

    theirs = SimpleNamespace(value="theirs:models", load=fail)
    ours = SimpleNamespace(value="ours:models", load=lambda: card.shipped_models)
    empty = SimpleNamespace(value="empty:models", load=lambda: lambda: tmp_path / "no")
    monkeypatch.setattr(card, "entry_points", lambda group: [theirs, ours, empty])
    assert MODEL in model_folders()
    assert "theirs:models cannot be listed: no module named theirs" in caplog.text


def test_two_models_of_one_name_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    copy_model(tmp_path).rename(tmp_path / MODEL)
    ours = SimpleNamespace(value="ours:models", load=lambda: card.shipped_models)
    mine = SimpleNamespace(value="mine:models", load=lambda: lambda: tmp_path)
    monkeypatch.setattr(card, "entry_points", lambda group: [ours, ours])
    shipped = model_folders()[MODEL]
    assert caplog.text == ""  # two installations of one package
    monkeypatch.setattr(card, "entry_points", lambda group: [ours, mine])
    assert model_folders()[MODEL] == tmp_path / MODEL
    assert f"Two models are called {MODEL}: the one in {tmp_path}" in caplog.text
    assert f"give the path of {shipped} for the other" in caplog.text


def test_a_folder_with_the_name_of_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    copy_model(tmp_path, ('version = "', 'version = "mine '))
    (tmp_path / "model").rename(tmp_path / MODEL)
    monkeypatch.chdir(tmp_path)
    shipped = model_folders()[MODEL]
    for path in (Path(MODEL), f"./{MODEL}", f"{MODEL}/"):
        assert load_model(path).card.version.startswith("mine ")
    assert caplog.text == ""
    assert load_model(MODEL).folder == shipped
    assert f"the model in {shipped} is taken, give ./{MODEL}" in caplog.text
    caplog.clear()
    monkeypatch.chdir(shipped.parent)  # where the name and the folder are one
    assert load_model(MODEL).folder.samefile(shipped)
    monkeypatch.chdir(tmp_path.parent)  # where there is no such folder
    assert load_model(Path(MODEL)).folder == shipped
    assert caplog.text == ""


def test_a_page_shows_what_the_card_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cli = Cli(monkeypatch, capsys)
    odd = [('licence = "', 'licence = "CC [/by] '), ('version = "', 'version = "[/a] ')]
    odd += [('modality = "', 'modality = "[red]x '), ("psnr_db = ", "other = inf #")]
    folder = copy_model(tmp_path, *odd)
    told = cli("models", folder)
    assert told.code == 0, told
    for words in ("CC [/by]", "[/a] ", "[red]x"):
        assert words in told.out
    told = cli("models", folder, "--json")
    assert "Infinity" not in told.out
    assert None in [m.get("other") for m in told.json["metrics"].values()]
