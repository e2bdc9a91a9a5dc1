"""Reference scores and time limits of D4RL's tasks.

Source: Fu et al., "D4RL: Datasets for Deep Data-Driven Reinforcement Learning"
(arXiv:2004.07219), by the values that its package registers, in full precision.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple


class Task(NamedTuple):
    """A task of D4RL; scores are returns, normalised as ``(return - min) / (max - min)``."""

    reference_min: float  # mean return of a random policy
    reference_max: float  # mean return of the reference expert
    time_limit: int  # steps after which an episode is truncated
    environment_id: str | None = None  # in gymnasium 1.0, if its observations are the same
    obs_dim: int | None = None  # dimension of that environment's observations


def find_task(path: str) -> Task | None:
    """Return the task that a file is named after, or None.

    Known are D4RL's ids (``hopper-medium-v2.hdf5``) and the names under which its files are
    published (``hopper_medium-v2.hdf5``, ``maze2d-umaze-sparse-v1.hdf5``).
    """
    name = Path(path).stem.lower().replace("_", "-").replace("-sparse", "")
    return next((task for pattern, task in _TASKS.items() if re.fullmatch(pattern, name)), None)


_POLICIES = "-(random|medium|expert|mixed|(medium|full)-replay|(medium|random)-expert)"
_HAND = "({0}-(human|cloned|expert)-v[01]|{0}-v0-(demos|expert)-clipped|{0}-demos-v0-bc-combined)"
_LONG = "{}-human-longhorizon-v[01]"

_TASKS = {
    f"halfcheetah{_POLICIES}(-v[0-2])?": Task(-280.178953, 12135.0, 1000, "HalfCheetah-v4", 17),
    f"hopper{_POLICIES}(-v[0-2])?": Task(-20.272305, 3234.3, 1000, "Hopper-v4", 11),
    f"walker(2d)?{_POLICIES}(-v[0-2])?": Task(1.629008, 4592.3, 1000, "Walker2d-v4", 17),
    # gymnasium's Ant-v4 lacks the contact forces of D4RL's observations.
    f"ant{_POLICIES}(-v[0-2])?": Task(-325.6, 3879.7, 1000),
    f"bullet-halfcheetah{_POLICIES}(-v0)?": Task(-1275.766996, 2381.6725, 1000),
    f"bullet-hopper{_POLICIES}(-v0)?": Task(20.058972, 1441.8059623430963, 1000),
    f"bullet-ant{_POLICIES}(-v0)?": Task(373.705955, 2650.495, 1000),
    f"bullet-walker2d{_POLICIES}(-v0)?": Task(16.523877, 1623.6476303317536, 1000),
    "maze2d-open(-v0)?": Task(0.01, 20.66, 150),
    "maze2d-umaze(-v0)?": Task(0.94, 62.6, 150),
    "maze2d-medium(-v0)?": Task(5.77, 85.14, 250),
    "maze2d-large(-v0)?": Task(4.83, 191.99, 600),
    "maze2d-umaze-v1": Task(23.85, 161.86, 300),
    "maze2d-medium-v1": Task(13.13, 277.39, 600),
    "maze2d-large-v1": Task(6.7, 273.99, 800),
    "maze2d-eval-umaze-v1": Task(36.63, 141.4, 300),
    "maze2d-eval-medium-v1": Task(13.07, 204.93, 600),
    "maze2d-eval-large-v1": Task(16.4, 302.22, 800),
    "maze2d-open-dense(-v0)?": Task(11.17817, 27.166538620695782, 150),
    "maze2d-umaze-dense(-v0)?": Task(23.249793, 81.78995240126592, 150),
    "maze2d-medium-dense(-v0)?": Task(19.477620, 96.03474232952358, 250),
    "maze2d-large-dense(-v0)?": Task(27.388310, 215.09965671563742, 600),
    "maze2d-umaze-dense-v1": Task(68.537689, 193.66285642381482, 300),
    "maze2d-medium-dense-v1": Task(44.264742, 297.4552547777125, 600),
    "maze2d-large-dense-v1": Task(30.569041, 303.4857382709002, 800),
    "maze2d-eval-umaze-dense-v1": Task(56.95455, 178.21373133248397, 300),
    "maze2d-eval-medium-dense-v1": Task(42.28578, 235.5658957482388, 600),
    "maze2d-eval-large-dense-v1": Task(56.95455, 326.09647655082637, 800),
    "bullet-maze2d-open(-v0)?": Task(8.75, 64.15, 150),
    "bullet-maze2d-umaze(-v0)?": Task(32.46, 153.99, 300),
    "bullet-maze2d-medium(-v0)?": Task(14.87, 238.05, 600),
    "bullet-maze2d-large(-v0)?": Task(1.82, 285.92, 800),
    "antmaze-(eval-)?umaze(-diverse)?-v[0-2]": Task(0.0, 1.0, 700),
    "antmaze-(eval-)?(medium|large)-(play|diverse)-v[0-2]": Task(0.0, 1.0, 1000),
    "ant-maze-u-maze-noisy-.+": Task(0.0, 1.0, 700),
    "ant-maze-(big|hardest)-maze-noisy-.+": Task(0.0, 1.0, 1000),
    _HAND.format("pen"): Task(96.262799, 3076.8331017826877, 100),
    _LONG.format("pen"): Task(96.262799, 3076.8331017826877, 200),
    _HAND.format("hammer"): Task(-274.856578, 12794.134825156867, 200),
    _LONG.format("hammer"): Task(-274.856578, 12794.134825156867, 600),
    _HAND.format("door"): Task(-56.512833, 2880.5693087298737, 200),
    _LONG.format("door"): Task(-56.512833, 2880.5693087298737, 300),
    _HAND.format("relocate"): Task(-6.425911, 4233.877797728884, 200),
    _LONG.format("relocate"): Task(-6.425911, 4233.877797728884, 500),
    "kitchen-(complete|partial|mixed)-v0|(mini-)?kitchen-microwave-.+-v0": Task(0.0, 4.0, 280),
    "flow-ring-((random|controller)-v0|v0-(random|idm))": Task(-165.22, 24.42, 500),
    "flow-merge-((random|controller)-v0|v0-(random|idm))": Task(118.67993, 330.03179, 750),
    "minigrid-fourrooms(-random)?-v0|minigrid4rooms(-random)?": Task(0.01442, 2.89685, 50),
    "carla-lane(-follow-flat)?-v0": Task(-0.8503839912088142, 1023.5784385429523, 250),
    "carla-town(-full|-flat|-subsamp-flat)?-v0": Task(
        -114.81579500772153, 2440.1772022247314, 1000
    ),
}
