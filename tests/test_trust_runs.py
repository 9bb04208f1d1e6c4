"""Agreement with the scan, from a calibration to the report of a run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli import Cli
from sessions import LIVE, small_scanner, timelapse
from test_calibration_repeats import still_frames

import pssr_live as pl
from pssr_live.calibration.repeats import fit_repeats
from pssr_live.calibration.values import Calibration, Source
from pssr_live.commands.console import by_channel
from pssr_live.errors import ScannerError, SettingsError, StorageError
from pssr_live.offline import restore_file
from pssr_live.restorer import Restorer
from pssr_live.scanners.hook import LiveRestoration
from pssr_live.scanners.profiles import load_profile, noise_from, profile_files
from pssr_live.scanners.scan_core import ScanCore
from pssr_live.scanners.simulated import ScanSettings, calibration_file
from pssr_live.storage.movie import open_movie
from pssr_live.storage.session import read_log
from pssr_live.trust import consistency

MITO = calibration_file("mito")


@pytest.fixture
def core() -> Iterator[ScanCore]:
    with small_scanner() as core:
        yield core


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(monkeypatch, capsys)


# -- from a calibration --------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [
        ScanSettings(seed=1),
        ScanSettings(sample="em", seed=2, gain_adu=60, offset_adu=200),
        # Offset and read noise cannot be told apart here; their sum can.
        ScanSettings(resolution=256, seed=5, photons_per_us=80, read_noise_adu=80),
    ],
    ids=["mito", "em", "no offset"],
)
def test_the_noise_of_a_scan_is_known_at_every_level(settings: ScanSettings) -> None:
    noise = fit_repeats(still_frames(settings)).calibration.scan_noise("here")
    photons = np.array([1, 5, 10], np.float32)
    level = settings.offset_adu + settings.gain_adu * photons
    true = settings.gain_adu**2 * photons + settings.read_noise_adu**2
    np.testing.assert_allclose(np.sqrt(noise.variance(level)), np.sqrt(true), rtol=0.06)
    assert noise.source == "here"


@pytest.mark.parametrize(("sample", "gain"), [("mito", 40.0), ("em", 20.0)])
def test_the_shipped_calibration_is_true(sample: str, gain: float) -> None:
    noise = pl.read_scan_noise(calibration_file(sample))[""]
    assert noise.gain_adu_per_photon == pytest.approx(gain, rel=0.03)
    level = np.array([100 + 10 * gain], np.float32)
    true = np.sqrt(10 * gain**2 + 12**2)
    assert np.sqrt(noise.variance(level)) == pytest.approx(true, rel=0.05)


def test_a_calibration_that_does_not_tell_the_noise(tmp_path: Path) -> None:
    source = Source(kind="pair", files=("a", "b"), frames=1, shape_px=(8, 8))
    Calibration(source=source).write(tmp_path / "pair.toml")
    with pytest.raises(SettingsError, match=r"pair.toml does not tell the noise"):
        pl.read_scan_noise(tmp_path / "pair.toml")
    with pytest.raises(StorageError, match="cannot be read"):
        pl.read_scan_noise(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("gain_adu_per_photon", "0"),
        ("gain_adu_per_photon", "-40.0"),
        ("gain_adu_per_photon", "1e300"),
        ("noise_at_bright_adu", "0.0"),
        ("line_jitter_px", "-1.0"),
        ("bright_adu", "90.0"),  # and the offset is 100
        ("bright_adu", "nan"),
    ],
)
def test_a_calibration_that_cannot_be_is_refused(
    cli: Cli, tmp_path: Path, name: str, value: str
) -> None:
    lines = MITO.read_text().splitlines()
    lines[lines.index(f"[{name}]") + 1] = f"value = {value}"
    (tmp_path / "odd.toml").write_text("\n".join(lines))
    told = cli(
        *("run", write_sequence(tmp_path), "--out", tmp_path / "s"),
        *("--calibration", tmp_path / "odd.toml"),
    )
    said = " ".join(told.err.split())
    assert told.code == 2 and not (tmp_path / "s").exists()
    assert "odd.toml" in said and name in said and "again" in said


# -- in a run ------------------------------------------------------------------------


def agreements(folder: Path) -> dict[int, dict[str, float]]:
    lines = read_log(folder / "frames.jsonl")
    return {n["ordinal"]: n["consistency"] for n in lines if "consistency" in n}


def test_the_diary_tells_what_the_files_tell(core: ScanCore, tmp_path: Path) -> None:
    shown: list[pl.Restored] = []
    with LiveRestoration(
        LIVE, tmp_path / "s", core=core, calibration=MITO, on_restored=shown.append
    ) as live:
        core.mda.run(timelapse(8), output=live)
    noise, told = pl.read_scan_noise(MITO), agreements(tmp_path / "s")
    with (
        open_movie(tmp_path / "s/raw.ome.tiff") as raw,
        open_movie(tmp_path / "s/restored.ome.tiff") as restored,
    ):
        found = {
            n: consistency(
                raw.frame(n).pixels, restored.frame(n).pixels, noise[""]
            ).facts()
            for n in range(8)
        }
    assert told == found
    assert all(r.consistency and r.consistency.facts() in found.values() for r in shown)
    report = live.report["quality"]["consistency"]
    assert report["calibration"] == asdict(noise[""])
    assert (report["frames"], report["frames_doubtful"]) == (8, 0)
    assert (
        report
        == json.loads((tmp_path / "s/report.json").read_text())["quality"][
            "consistency"
        ]
    )


def test_live_agreement_equals_offline(core: ScanCore, tmp_path: Path) -> None:
    with LiveRestoration(LIVE, tmp_path / "s", core=core, calibration=MITO) as live:
        core.mda.run(timelapse(8), output=live)
    restorer = Restorer(LIVE, noise=pl.read_scan_noise(MITO))
    again = restore_file(tmp_path / "s/raw.ome.tiff", tmp_path / "r.tif", restorer)
    restorer.close()
    assert again["consistency"] == live.report["quality"]["consistency"]
    for path in (tmp_path / "r.tif", tmp_path / "s/restored.ome.tiff"):
        with open_movie(path) as movie:
            told = movie.provenance["details"]["consistency"]
            assert told == again["consistency"]


def test_without_a_calibration_nothing_is_claimed(
    core: ScanCore, tmp_path: Path
) -> None:
    with LiveRestoration(LIVE, tmp_path / "s", core=core) as live:
        core.mda.run(timelapse(3), output=live)
    assert "quality" not in live.report and agreements(tmp_path / "s") == {}
    assert live.latest is None or live.latest.consistency is None


def test_pictures_unlike_their_scans_are_told(core: ScanCore, tmp_path: Path) -> None:
    """A cell that is another one at each frame, and a model that averages five."""
    with LiveRestoration(
        "mito-mf5-x4", tmp_path / "s", core=core, calibration=MITO
    ) as live:
        core.setProperty("Scanner", "Rest_ms", 60_000)
        core.setProperty("Scanner", "Dwell_us", 5)
        core.mda.run(timelapse(8), output=live)
    report = live.report["quality"]["consistency"]
    assert report["frames_doubtful"] > 1
    assert report["worst"]["ordinal"] in report["doubtful_ordinals"]
    (said,) = [w for w in live.report["warnings"] if "do not agree" in w]
    assert said.startswith(f"{report['frames_doubtful']} of 8 restored frames")


def test_a_restorer_has_its_own_calibration(core: ScanCore, tmp_path: Path) -> None:
    noise = pl.read_scan_noise(MITO)
    own = LiveRestoration(Restorer(LIVE, noise=noise), tmp_path / "own", core=core)
    same = LiveRestoration(
        Restorer(LIVE, noise=noise), tmp_path / "same", core=core, calibration=MITO
    )
    for live in (own, same):
        with live:
            core.mda.run(timelapse(2), output=live)
        assert live.report["quality"]["consistency"]["frames"] == 2
    restorer = Restorer(LIVE)
    with (
        pytest.raises(SettingsError, match="A Restorer was given, and beside it"),
        LiveRestoration(restorer, tmp_path / "no", core=core, calibration=MITO),
    ):
        pass
    restorer.close()
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize(
    "noise", [pl.read_scan_noise(MITO)[""], str(MITO), {"": str(MITO)}, [MITO]]
)
def test_what_is_no_noise_is_refused_before_a_run(noise: Any) -> None:
    with pytest.raises(SettingsError, match="read_scan_noise"):
        Restorer(LIVE, noise=noise)


# -- of several channels -------------------------------------------------------------


def two_channels() -> list[pl.Frame]:
    rng = np.random.default_rng(3)
    level = rng.normal(500, 130, (2, 4, 32, 32)).clip(0).astype(np.uint16)
    return [
        pl.Frame(level[c, t], 2 * t + c, {"t": t, "c": c}, channel_name=name)
        for t in range(4)
        for c, name in enumerate(("GFP", "RFP"))
    ]


@pytest.mark.parametrize(
    ("files", "held"),
    [
        ({"GFP": MITO, "RFP": calibration_file("em")}, ["mito", "em"]),
        ({"": MITO, "RFP": calibration_file("em")}, ["mito", "em"]),
        ({"GFP": MITO}, ["mito", None]),
        (MITO, ["mito", "mito"]),
        (None, [None, None]),
    ],
)
def test_each_channel_has_its_own_noise(files: Any, held: list[str | None]) -> None:
    restorer = Restorer(LIVE, noise=pl.read_scan_noise(files))
    made = {one.frame.ordinal: one for one in restorer.restore(two_channels())}
    restorer.close()
    for ordinal, sample in enumerate(held):
        one = made[ordinal]
        if sample is None:
            assert one.consistency is None
            continue
        noise = pl.read_scan_noise(calibration_file(sample))[""]
        wanted = consistency(one.frame.pixels, one.pixels, noise)
        assert one.consistency and one.consistency.facts() == wanted.facts()


def test_a_calibration_of_a_channel_that_there_is_not(
    core: ScanCore, tmp_path: Path
) -> None:
    with LiveRestoration(
        LIVE, tmp_path / "s", core=core, calibration={"GFX": MITO}
    ) as live:
        core.mda.run(timelapse(3), output=live)
    (said,) = [w for w in live.report["warnings"] if "calibrations" in w]
    assert "of the channels GFX, and the others are of other" in said
    assert "quality" not in live.report


def test_the_command_takes_one_for_each_channel(cli: Cli, tmp_path: Path) -> None:
    odd = tmp_path / "a=b.toml"
    odd.write_text(MITO.read_text())
    words = [f"GFP={MITO}", f"RFP={odd}", str(odd)]
    assert by_channel(words) == {"GFP": str(MITO), "RFP": str(odd), "": str(odd)}
    two = ("--calibration", MITO, "--calibration", odd)
    told = cli("restore", tmp_path / "raw.tif", "-o", tmp_path / "o.tif", *two)
    with pytest.raises(SettingsError, match="'GFP=' names no file"):
        by_channel(["GFP="])
    assert told.code == 2 and "for all channels" in told.err


# -- on the command line -------------------------------------------------------------


def test_a_movie_is_held_against_itself(
    cli: Cli, core: ScanCore, tmp_path: Path
) -> None:
    with LiveRestoration(LIVE, tmp_path / "s", core=core) as live:
        core.mda.run(timelapse(6), output=live)
    words = ("restore", tmp_path / "s/raw.ome.tiff", "--calibration", MITO)
    told = cli(*words, "-o", tmp_path / "a.ome.tiff")
    assert told.code == 0
    assert "Against the scans: 6 of 6 frames agree within noise" in told.out
    told = cli(*words, "-o", tmp_path / "b.ome.tiff", "--json")
    (report,) = told.json["movies"]
    assert report["consistency"]["frames_doubtful"] == 0


def test_a_calibration_that_is_not_there_stops_before_anything(
    cli: Cli, tmp_path: Path
) -> None:
    none = tmp_path / "none.toml"
    for words in (
        ("restore", tmp_path / "raw.tif", "-o", tmp_path / "o.tif"),
        ("run", write_sequence(tmp_path), "--out", tmp_path / "s"),
    ):
        told = cli(*words, "--calibration", none)
        assert told.code == 2
        assert "none.toml cannot be read" in " ".join(told.err.split())
    assert not (tmp_path / "s").exists()


def write_sequence(folder: Path) -> Path:
    path = folder / "sequence.yaml"
    path.write_text("time_plan: {interval: 0, loops: 3}\n", "utf-8")
    return path


def test_a_run_takes_the_calibration_of_its_profile(cli: Cli, tmp_path: Path) -> None:
    told = cli(
        *("run", write_sequence(tmp_path), "--profile", "simulated"),
        *("--out", tmp_path / "s", "--json"),
    )
    found = told.json["quality"]["consistency"]
    assert found["frames"] == 3
    assert Path(found["calibration"]["source"]).samefile(MITO)


# -- in a profile --------------------------------------------------------------------


def profile_with(folder: Path, calibration: str) -> Any:
    text = profile_files()["simulated"].read_text()
    old = next(line for line in text.splitlines() if line.startswith("calibration"))
    folder.mkdir(exist_ok=True)
    path = folder / "mine.toml"
    path.write_text(text.replace(old, f"calibration = {calibration}"))
    return load_profile(path)


def test_a_profile_names_a_calibration_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/c.toml").write_text(MITO.read_text())
    profile = profile_with(tmp_path / "a", '"c.toml"')
    monkeypatch.chdir(tmp_path)
    noise = noise_from(None, profile)
    assert noise[""].source == str(tmp_path / "a/c.toml")
    other = noise_from(calibration_file("em"), profile)
    assert other[""].source == str(calibration_file("em"))
    assert noise_from(None, None) == {} == noise_from({}, None)


def test_a_profile_names_one_for_each_channel(tmp_path: Path) -> None:
    for name in ("green", "red"):
        (tmp_path / f"{name}.toml").write_text(MITO.read_text())
    table = '{ GFP = "green.toml", RFP = "red.toml" }'
    noise = noise_from(None, profile_with(tmp_path, table))
    assert {name: Path(one.source).name for name, one in noise.items()} == {
        "GFP": "green.toml",
        "RFP": "red.toml",
    }


def test_a_profile_whose_calibration_is_gone(tmp_path: Path) -> None:
    with pytest.raises(ScannerError, match=r"c\.toml, which is not there: put it"):
        profile_with(tmp_path, '"c.toml"')
