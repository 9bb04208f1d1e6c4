"""`pssr-live train` from a recipe to a model, stopped, killed, and gone on with."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from cli import Cli
from PIL import Image
from recipes import image, laboratory, learned, write_recipe
from sessions import pixels

from pssr_live.card import load_model
from pssr_live.engines import EngineLadder
from pssr_live.training.learning.checkpoint import load
from pssr_live.training.learning.loop import Loop
from pssr_live.training.learning.run_folder import RunFolder
from pssr_live.training.learning.trainer import Trainer
from pssr_live.training.model_folder.finish import behind
from pssr_live.weights import network_of, read_weights

FILES = {
    *("run.json", "validation.npy", "last.safetensors", "best.safetensors"),
    *("history.jsonl", "progress.json", "progress.png", "tiny-x2"),
}


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(monkeypatch, capsys)


def history(run: Path) -> list[dict[str, float]]:
    lines = (run / "history.jsonl").read_text().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def same_weights(one: Path, other: Path) -> bool:
    a, b = (load(run / "last.safetensors")[0] for run in (one, other))
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def interrupt_after(monkeypatch: pytest.MonkeyPatch, step: int, error: Any) -> None:
    """Let the training meet an error once it has noted a step."""
    noted = Loop._note

    def note(self: Loop, loss: float) -> None:
        noted(self, loss)
        if self._trainer.steps == step:
            raise error

    monkeypatch.setattr(Loop, "_note", note)


def test_a_recipe_becomes_a_model(cli: Cli, tmp_path: Path) -> None:
    recipe = laboratory(tmp_path, data__simulated_share=0.25, training__loss="mix")
    told = cli("train", recipe)
    run = tmp_path / "recipe_run"
    assert told.code == 0, told
    assert "100.0 %  step 6  loss " in told.out
    assert "Note: Worse than " in told.out
    assert f"Model: {run / 'tiny-x2'}" in told.out
    usual = (run / "run.json").stat().st_mode
    assert {p.stat().st_mode for p in run.rglob("*") if p.is_file()} == {usual}
    pools = {path.name for path in run.glob("pool_*.npy")}
    assert {path.name for path in run.iterdir()} == FILES | pools
    model = load_model(run / "tiny-x2")
    card = model.card
    assert (card.name, card.scale, card.n_frames) == ("tiny-x2", 2, 1)
    assert card.sample.pixel_size_um == pytest.approx((0.09, 0.11))
    assert card.training.data[:3] == ("0.tif", "1.tif", "2.tif")
    assert card.training.seconds > 0
    assert card.training.device == "CPU"
    assert "from 3 files and judged on 1 held out" in card.limits[0]
    # So few steps teach nothing; the card says so to whom it is given.
    assert card.limits[-1].startswith("Worse than ") and behind(card.metrics)
    better = {name: m | {"psnr_db": 99.0} for name, m in card.metrics.items()}
    assert behind(better) == []
    for scores in card.metrics.values():
        assert {"psnr_db", "bicubic_psnr_db", "classical_psnr_db"} <= set(scores)
    assert "Learned from:" in (model.folder / "README.md").read_text()
    for picture in (run / "progress.png", model.folder / "preview.png"):
        with Image.open(picture) as shown:
            assert np.asarray(shown.convert("L")).std() > 10
    assert EngineLadder(model, only="onnxruntime").self_test_error <= 1e-5
    raw = tmp_path / "raw.tif"
    film = np.stack([image(n, 33) for n in range(3)])
    tifffile.imwrite(raw, film, photometric="minisblack")
    out = tmp_path / "restored.ome.tiff"
    assert cli("restore", raw, "-o", out, "--model", model.folder).code == 0
    assert [page.shape for page in pixels(out) if page is not None] == [(66, 66)] * 3


def test_stopped_and_gone_on_with_equals_never_stopped(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = laboratory(tmp_path, network__frames=5)
    straight, stopped = tmp_path / "straight", tmp_path / "stopped"
    learned(recipe, straight)
    with monkeypatch.context() as patched:
        interrupt_after(patched, 4, KeyboardInterrupt())
        told = cli("train", recipe, "-o", stopped)
    assert told.code == 130
    assert f"what was learned is in {stopped}: go on with --resume" in told.out
    again = cli("train", recipe, "-o", stopped)
    again.assert_refused("holds a training already", "--resume", "--overwrite")
    pool = next(stopped.glob("pool_*.npy"))
    made = pool.stat().st_mtime_ns
    learned(recipe, stopped, resume=True)
    assert pool.stat().st_mtime_ns == made
    assert history(stopped) == history(straight)
    assert same_weights(stopped, straight)


@pytest.mark.slow
def test_a_killed_training_goes_on(tmp_path: Path) -> None:
    recipe = laboratory(tmp_path, training__steps=300)
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    words = [sys.executable, "-m", "pssr_live", "train", recipe, "-o", killed]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:
        while len(history(killed)) < 40 if (killed / "history.jsonl").exists() else 1:
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert 0 < load(killed / "last.safetensors")[1]["steps"] < 300
    learned(recipe, killed, resume=True)
    learned(recipe, straight)
    assert history(killed) == history(straight)
    assert same_weights(killed, straight)


def test_two_processes_train_together(tmp_path: Path) -> None:
    recipe = laboratory(tmp_path)
    words = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    words += ["-m", "pssr_live", "train", str(recipe), "--json"]
    done = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["metrics"]
    assert len(history(tmp_path / "recipe_run")) == 12  # losses and scores, once each


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), ["batch of 2", "training.crop"]),
        (MemoryError(), ["not enough memory", "--resume"]),
    ],
)
def test_a_device_without_memory(
    cli: Cli,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    words: list[str],
) -> None:
    recipe = laboratory(tmp_path)
    with monkeypatch.context() as patched:
        interrupt_after(patched, 3, error)
        told = cli("train", recipe)
    assert told.code == 2
    assert all(word in told.err for word in words)
    write_recipe(recipe, training__batch=1)
    learned(recipe, tmp_path / "recipe_run", resume=True)
    assert history(tmp_path / "recipe_run")[-1]["step"] == 6


def test_a_resume_holds_to_what_was_begun(cli: Cli, tmp_path: Path) -> None:
    recipe = laboratory(tmp_path)
    nothing = cli("train", recipe, "--resume")
    nothing.assert_refused("no training in", "leave out --resume")
    run = tmp_path / "recipe_run"
    learned(recipe, run)
    write_recipe(recipe, network__scale=4)
    cli("train", recipe, "--resume").assert_refused("'network'", "--overwrite")
    write_recipe(recipe, training__begins_from="fluo-sf-x4")
    cli("train", recipe, "--resume").assert_refused("'training.begins_from'")
    write_recipe(recipe, training__steps=9)
    learned(recipe, run, resume=True)
    assert history(run)[-1]["step"] == 9
    told = cli("train", recipe, "--overwrite", "--json")
    assert told.json["model"] == str(run / "tiny-x2")
    assert len(history(run)) == 18


@pytest.mark.parametrize(
    ("name", "entry"), [("good/3.tif", "data.train"), ("other.tif", "data.validate")]
)
def test_a_resume_goes_on_with_the_images_it_was_begun_with(
    cli: Cli, tmp_path: Path, name: str, entry: str
) -> None:
    recipe = laboratory(tmp_path)
    learned(recipe, tmp_path / "recipe_run")
    tifffile.imwrite(tmp_path / name, image(7))
    before = history(tmp_path / "recipe_run")
    told = cli("train", recipe, "--resume")
    told.assert_refused(f"{entry} names other images", "--overwrite")
    assert history(tmp_path / "recipe_run") == before


def test_a_resume_with_smaller_crops_is_judged_on_the_same_clips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, run = laboratory(tmp_path), tmp_path / "run"
    learned(recipe, run)
    judged, pool = (run / "validation.npy").read_bytes(), set(run.glob("pool_*"))
    # From elsewhere the same images have other paths, and need no new clips.
    monkeypatch.chdir(tmp_path)
    learned(Path(recipe.name), run, resume=True)
    assert set(run.glob("pool_*")) == pool
    write_recipe(recipe, training__crop=8, training__steps=9)
    learned(recipe, run, resume=True)
    assert (run / "validation.npy").read_bytes() == judged
    assert history(run)[-1]["step"] == 9


def test_two_trainings_do_not_share_a_folder(cli: Cli, tmp_path: Path) -> None:
    recipe, run = laboratory(tmp_path), tmp_path / "recipe_run"
    with RunFolder(run).held():
        told = cli("train", recipe)
    told.assert_refused("Another training writes to", "choose another --out")
    assert list(run.iterdir()) == []
    learned(recipe, run)


def test_stopped_while_clips_were_made_there_is_nothing_to_go_on_with(
    cli: Cli, tmp_path: Path
) -> None:
    recipe, run = laboratory(tmp_path), tmp_path / "recipe_run"
    run.mkdir()
    (run / "pool_0123456789ab.npy.part").touch()
    cli("train", recipe, "--resume").assert_refused("no training", "leave out --resume")


@pytest.mark.parametrize("loss", ["psnr", "ahead"])
def test_a_loss_may_be_negative(tmp_path: Path, loss: str) -> None:
    learned(laboratory(tmp_path, training__loss=loss), tmp_path / "run")
    losses = [row["loss"] for row in history(tmp_path / "run") if "loss" in row]
    assert min(losses) < 0
    assert (tmp_path / "run" / "progress.png").exists()


def test_stopped_before_the_first_score_and_gone_on_with_for_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, run = laboratory(tmp_path, training__steps=1000), tmp_path / "run"
    with monkeypatch.context() as patched:
        interrupt_after(patched, 10, KeyboardInterrupt())
        patched.setattr("pssr_live.training.learning.loop.CHECKPOINT_S", 0.0)
        with pytest.raises(KeyboardInterrupt):
            learned(recipe, run)
    assert not (run / "best.safetensors").exists()
    write_recipe(recipe, training__steps=3)
    learned(recipe, run, resume=True)
    assert math.isfinite(load(run / "best.safetensors")[1]["psnr_db"])


def test_a_loss_that_explodes_is_named(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stepped = Trainer.step

    def step(self: Trainer, make: Any) -> torch.Tensor:
        loss = stepped(self, make)
        return loss * (math.nan if self.steps == 4 else 1)

    monkeypatch.setattr(Trainer, "step", step)
    told = cli("train", laboratory(tmp_path))
    assert told.code == 2
    assert "loss is nan after 4 steps: lower training.learning_rate" in told.err
    steps = load(tmp_path / "recipe_run" / "last.safetensors")[1]["steps"]
    assert steps == 3


def test_fine_tuning_begins_from_a_model(tmp_path: Path) -> None:
    recipe = laboratory(tmp_path, network__frames=5, network__scale=4)
    write_recipe(
        recipe,
        **{"network__frames": 5, "network__scale": 4, "training__steps": 1},
        training__begins_from="mito-mf5-x4",
        training__learning_rate=1e-9,
    )
    learned(recipe, tmp_path / "run")
    tuned = load(tmp_path / "run" / "best.safetensors")[0]
    for name, tensor in read_weights(load_model("mito-mf5-x4")).items():
        assert torch.allclose(tensor, tuned[name], atol=1e-6)


def test_models_are_exported_again(cli: Cli, tmp_path: Path) -> None:
    recipe = laboratory(tmp_path, training__steps=2)
    run = tmp_path / "recipe_run"
    learned(recipe, run)
    best, last, copy = (tmp_path / name for name in ("best", "last", "copy"))
    assert cli("export", run, "-o", best).code == 0
    assert cli("export", run, "-o", last, "--last").code == 0
    assert cli("export", best, "-o", copy).code == 0
    for folder in (best, last, copy):
        assert load_model(folder).card.name == folder.name
    one, two = (load_model(folder) for folder in (best, copy))
    assert one.card.metrics == two.card.metrics
    assert (
        one.card.sha256["weights.safetensors"]
        == (two.card.sha256["weights.safetensors"])
    )
    assert network_of(two).architecture.scale == 2
    cli("export", run, "-o", best).assert_refused("holds a model already")
    assert cli("export", run, "-o", best, "--overwrite").code == 0
    cli("export", best, "-o", tmp_path / "new", "--last").assert_refused("no training")
    cli("export", tmp_path / "none", "-o", tmp_path / "new").assert_refused("no model")
    cli("export", run, "-o", tmp_path / "My Model").assert_refused("small letters")
    (tmp_path / "things").mkdir()
    (tmp_path / "things" / "note.txt").touch()
    cli("export", run, "-o", tmp_path / "things").assert_refused("other things")


@pytest.mark.slow
def test_the_smoke_test_passes(cli: Cli) -> None:
    told = cli("train", "--smoke", "--json")
    assert told.code == 0, told
    assert told.json["psnr_db"] >= told.json["classical_db"] + 1.5
    assert told.json["passed"] is True
    cli("train", "x.toml", "--smoke").assert_refused("alone")
