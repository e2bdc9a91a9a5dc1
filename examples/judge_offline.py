"""Distil a log of which no environment exists, and judge what the set teaches from data alone.

    python judge_offline.py log.npz set.npz

The log is of a thermostat: a room's temperature and that outside, heating off or on, a reward for
comfort less the cost of heat. Nothing can be simulated by whoever has the file alone; a teacher
that is fitted to all of it says what a policy's actions lose.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from harness import distill, load_dataset
from harness.core.learner import Learner
from harness.core.transitions import Transitions
from harness.labels.closed_form import ClosedFormTeacher
from harness.labels.use import Judge
from harness.learners.linear_fqi import LinearFQILearner

DISCOUNT = 0.9
DAYS = 60
STEPS = 48  # of a day


def write_log(path: Path) -> None:
    """Write what a thermostat with a few bad habits has done."""
    rng = np.random.default_rng(0)
    room, rows = 18.0, []
    for step in range(DAYS * STEPS):
        outside = 5.0 + 5.0 * np.sin(2 * np.pi * step / STEPS)
        heat = int(room < 20.0) if rng.random() < 0.6 else int(rng.integers(2))
        after = room + 0.05 * (outside - room) + 1.5 * heat + 0.1 * rng.normal()
        rows.append(((room, outside), heat, -abs(after - 21.0) - 0.3 * heat, (after, outside)))
        room = after
    states, actions, rewards, next_states = (np.array(column) for column in zip(*rows, strict=True))
    np.savez(
        path,
        observations=states,
        actions=actions,
        rewards=rewards,
        next_observations=next_states,
        terminations=np.zeros(len(rows), dtype=bool),
        truncations=np.arange(1, len(rows) + 1) % STEPS == 0,
    )


def policy_regret(judge: Judge, learner: Learner, rows: Transitions) -> float:
    """Train on rows, and let the judge say what the last policy's actions lose."""
    *_, last = learner.fit(rows, seed=0)
    return judge.assess(last.policy).regret


def main(log: Path, output: Path) -> None:
    """Write the log if there is none, distil it, and compare three ways to learn from it."""
    if not log.exists():
        write_log(log)
    full = load_dataset(str(log))
    teacher = ClosedFormTeacher().fit(full, DISCOUNT)
    judge = Judge.of(teacher, full)
    learner = LinearFQILearner(discount=DISCOUNT)
    print(f"{'trained on':<28}{'estimated regret':>18}")
    print(f"{'(actions at random)':<28}{judge.of_random.regret:>18.3f}")
    print(f"{f'all {len(full)} rows':<28}{policy_regret(judge, learner, full):>18.3f}")
    for labels in ("recorded", "advantage"):
        made = distill(full, "stratified", size=30, discount=DISCOUNT, labels=labels)
        regret = policy_regret(judge, learner, made.transitions)
        print(f"{f'30 rows, {labels}':<28}{regret:>18.3f}")
    made.transitions.save(output, {"method": made.method, "source": str(log)})


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
