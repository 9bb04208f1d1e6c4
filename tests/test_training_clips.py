"""Many clips at once, in processes of their own that come and go as they should."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pssr_live.errors import SettingsError
from pssr_live.training.films.many import FEW, make_clips

SHAPE = (2, 8, 8)


def noisy(number: int) -> np.ndarray:
    return np.random.default_rng(number).random(SHAPE)


def test_clips_are_the_same_however_many_processes_make_them() -> None:
    told: list[int] = []
    many = make_clips(noisy, FEW + 1, SHAPE, lambda made, _: told.append(made))
    few = make_clips(noisy, 5, SHAPE, lambda made, total: None)
    assert np.array_equal(many[:5], few)
    assert np.array_equal(many[-1], noisy(FEW).astype(np.float16))
    assert told == list(range(1, FEW + 2))


def no_good(number: int) -> np.ndarray:
    raise ValueError(f"number {number} is no good")


def test_what_goes_wrong_in_another_process_is_told_here() -> None:
    with pytest.raises(ValueError, match="is no good"):
        make_clips(no_good, FEW, SHAPE, lambda made, total: None)


def killed(number: int) -> np.ndarray:
    os.kill(os.getpid(), signal.SIGKILL)
    return noisy(number)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_helper_that_was_killed_is_named() -> None:
    with pytest.raises(SettingsError, match=r"ended from outside.*lower data\.clips"):
        make_clips(killed, FEW, SHAPE, lambda made, total: None)


def napping(number: int) -> np.ndarray:
    import fcntl

    file = Path("lock").open("rb")  # closed, and the lock given up, with its process
    fcntl.flock(file, fcntl.LOCK_SH)
    Path("napping").touch()
    time.sleep(120)
    return noisy(number)


@pytest.mark.skipif(sys.platform == "win32", reason="locks and kills of other systems")
def test_helpers_end_with_a_killed_parent(tmp_path: Path) -> None:
    import fcntl

    (tmp_path / "lock").touch()
    (tmp_path / "clips.py").write_text(
        "from test_training_clips import FEW, SHAPE, make_clips, napping\n"
        "if __name__ == '__main__':\n"
        "    make_clips(napping, FEW, SHAPE, print)\n"
    )
    here = str(Path(__file__).parent)
    with subprocess.Popen(
        [sys.executable, "clips.py"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": here},
    ) as parent:
        wait_until((tmp_path / "napping").exists)
        parent.kill()
    with (tmp_path / "lock").open("rb") as file:

        def free() -> bool:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

        wait_until(free)


def wait_until(true: Callable[[], bool], patience_s: float = 60) -> None:
    ends = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.05)
