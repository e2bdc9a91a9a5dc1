"""From what degree on a finding in a dataset is told as a problem, each with its reason."""

from __future__ import annotations

from typing import Final

# --- the order of rows

SHUFFLED: Final = 0.5
"""Share of steps inside episodes whose s' is not the next row's s, above which the rows are a set
without episodes: where most neighbours are strangers, no return or length is an episode's. Without
s', the share is told by how little a number resembles itself a row later."""

FEW_STEPS: Final = 100
"""Steps inside episodes below which neighbours are too few to be compared with chance."""

LEAP: Final = 4.0
"""Change of an observation's number, relative to the 90 % quantile of its changes and to those two
rows before and after, that counts as far: bounces reach it in single numbers, resets in most."""

LEAP_SPREAD: Final = 0.5
"""The same, relative to the number's standard deviation: a reset leads anywhere in its range, and
motion that has all but stopped may start again."""

LEAPT_NUMBERS: Final = 0.5
"""Share of the varying numbers of an observation that must change far at once to be a jump."""

# --- ends of episodes

GOES_ON: Final = 0.1
"""Share of the time-outs after which the next row simply goes on, from which on they are named:
a reset lands beside the last state now and then by chance."""

CHANCE: Final = 3.0
"""How many times as often as after a random other time-out the next row must go on."""

FEW_ENDS: Final = 3
"""Ends of episodes below which a share of them is not conclusive."""

TERMINAL_RUN: Final = 0.1
"""Share of the terminated rows that directly follow another one, from which on they are named:
episodes of a single step occur, but not as every tenth."""

ONE_STEP: Final = 0.1
"""Share of episodes of a single step, from which on they are named, as above."""

LIMIT_MERGED: Final = 0.5
"""Share of the episodes at the time limit that must be flagged terminated to be named: some may
have ended just then."""

# --- values

FAR: Final = 1e3
"""Distance of an outlier from the median, relative to the range of the middle 98 %: real states
with heavy tails reach a hundred, a wrong unit a thousand."""

HEAVY: Final = 100.0
"""Ratio of a weight to the median, in either direction, from which on few rows dominate."""

MANY_REPEATS: Final = 0.1
"""Share of repeated rows above which they are copies unless states lie on a grid: a deterministic
environment returns to a state now and then."""

# --- actions

OFFSET_GAIN: Final = 0.2
"""By how much the share of the change of state that the action of a neighbouring row explains must
exceed that of the row's own: errors of estimation are some hundredths."""

OFFSET_OWN: Final = 0.3
"""How much the row's own action may then explain, relative to the neighbour's: where a policy adds
no noise, actions tell little that states do not, and the next one tells where the step led."""

OFFSET_NUMBERS: Final = 0.1
"""Share of a number's change that some row's action must explain for the number to be counted:
most numbers of a state are not moved by an action at once."""

OFFSET_POLICY: Final = 0.5
"""Error of predicting an action from its row's state and the state before, relative to that from
its row's state alone, above which the action is a choice in that state and no step that led there:
of such a step both states together tell the action, and even stochastic ones tell half."""

OFFSET_ROWS: Final = 300
"""Rows with both neighbours in their episode, below which nothing is said of actions."""
