"""What is known of a sequence from one time point is what all of them tell."""

from __future__ import annotations

from typing import Any

import pytest
import useq
from useq import MDASequence

from pssr_live.scanners import arrivals
from pssr_live.scanners.arrivals import run_layout
from pssr_live.scanners.rounds import Rounds

TWICE = {"interval": 0.5, "loops": 2}
PHASES = [{"interval": 0.1, "loops": 3}, {"interval": 1, "loops": 2}]
PLACES = [(1, 2, 3), (4, 5, 6)]
OWN = useq.Position(x=1, sequence=MDASequence(z_plan={"range": 2, "step": 1}))
STACK = {"range": 2, "step": 1}
SPARSE = [{"config": "DAPI", "do_stack": False, "exposure": 3}, {"config": "FITC"}]
FOCUS = {"autofocus_motor_offset": 5, "axes": ("t", "p")}
POINTS = useq.RandomPoints(num_points=3, max_width=50, max_height=50)
WELLS = useq.WellPlatePlan(plate=24, a1_center_xy=(0, 0), selected_wells=([0], [1]))

ALIKE: list[dict[str, Any]] = [
    {"time_plan": TWICE},
    {"time_plan": PHASES, "channels": SPARSE, "z_plan": STACK},
    {"time_plan": TWICE, "stage_positions": PLACES, "autofocus_plan": FOCUS},
    {"time_plan": TWICE, "grid_plan": POINTS, "axis_order": "tgc"},
    {
        "time_plan": TWICE,
        "stage_positions": WELLS,
        "axis_order": "tzcp",
        "z_plan": STACK,
    },
]
DIFFERENT: list[dict[str, Any]] = [
    {"time_plan": TWICE, "channels": [{"config": "DAPI", "acquire_every": 2}]},
    {"time_plan": TWICE, "stage_positions": [(1, 2, 3), OWN]},
    {"time_plan": TWICE, "stage_positions": PLACES, "axis_order": "ptc"},
    {"channels": SPARSE},
]


@pytest.mark.parametrize("plan", ALIKE)
def test_one_time_point_tells_all(
    plan: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    sequence = MDASequence(**plan)
    rounds = Rounds.of(sequence)
    assert rounds is not None
    starts = [event.min_start_time for event in sequence]
    assert sorted(set(starts)) == sorted(set(rounds.starts_s))
    quick = run_layout(sequence)
    monkeypatch.setattr(arrivals.Rounds, "of", lambda sequence: None)
    thorough = run_layout(sequence)
    assert quick == thorough
    assert [list(i) for i in quick.indices or ()] == [
        list(i) for i in thorough.indices or ()
    ]


@pytest.mark.parametrize("plan", DIFFERENT)
def test_time_points_that_may_differ_are_all_looked_at(plan: dict[str, Any]) -> None:
    assert Rounds.of(MDASequence(**plan)) is None


def test_no_more_events_are_made_than_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    construct = useq.MDAEvent.model_construct.__func__  # type: ignore[attr-defined]

    def count(cls: Any, *given: Any, **named: Any) -> Any:
        made.append(1)
        return construct(cls, *given, **named)

    monkeypatch.setattr(useq.MDAEvent, "model_construct", classmethod(count))
    plan = MDASequence(time_plan={"interval": 0, "loops": 5000}, channels=["A", "B"])
    assert len(run_layout(plan)) == 10_000
    assert 0 < len(made) < 20
