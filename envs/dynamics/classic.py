"""Steps of CartPole, MountainCar and Acrobot for many episodes at once, compiled.

Each follows gymnasium's code operation by operation, in its order: sums of floating-point numbers
depend on it. Every function changes ``states``, ``(B, state_dim)``, ``observations``,
``(B, obs_dim)``, ``rewards``, ``(B,)``, and ``terminated``, ``(B,)``, for actions ``(B,)``. An
episode that is terminated stays as it is, and is rewarded no more.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from harness.core.computing.compiling import compiled

PI = math.pi


@compiled
def step_cartpole(
    states: Any, actions: Any, observations: Any, rewards: Any, terminated: Any
) -> None:
    """Step CartPole, integrated by Euler's method."""
    gravity, pole_mass, total_mass, length, tau = 9.8, 0.1, 0.1 + 1.0, 0.5, 0.02
    pole_moment = pole_mass * length
    angle_limit, position_limit = 12 * 2 * PI / 360, 2.4
    for i in range(len(states)):
        rewards[i] = 0.0
        if terminated[i]:
            continue
        x, x_dot, theta, theta_dot = states[i]
        force = 10.0 if actions[i] == 1 else -10.0
        cosine, sine = math.cos(theta), math.sin(theta)
        push = (force + pole_moment * (theta_dot * theta_dot) * sine) / total_mass
        theta_acc = (gravity * sine - cosine * push) / (
            length * (4.0 / 3.0 - pole_mass * (cosine * cosine) / total_mass)
        )
        x_acc = push - pole_moment * theta_acc * cosine / total_mass
        x, x_dot = x + tau * x_dot, x_dot + tau * x_acc
        theta, theta_dot = theta + tau * theta_dot, theta_dot + tau * theta_acc
        states[i] = x, x_dot, theta, theta_dot
        observations[i] = states[i]
        rewards[i] = 1.0
        terminated[i] = not (
            -position_limit <= x <= position_limit and -angle_limit <= theta <= angle_limit
        )


@compiled
def step_mountain_car(
    states: Any, actions: Any, observations: Any, rewards: Any, terminated: Any
) -> None:
    """Step MountainCar."""
    for i in range(len(states)):
        rewards[i] = 0.0
        if terminated[i]:
            continue
        position, velocity = states[i]
        velocity += (actions[i] - 1) * 0.001 + math.cos(3 * position) * (-0.0025)
        velocity = min(max(velocity, -0.07), 0.07)
        position = min(max(position + velocity, -1.2), 0.6)
        if position == -1.2 and velocity < 0:
            velocity = 0.0
        states[i] = position, velocity
        observations[i] = states[i]
        rewards[i] = -1.0
        terminated[i] = position >= 0.5 and velocity >= 0


def step_acrobot(
    states: Any, actions: Any, observations: Any, rewards: Any, terminated: Any
) -> None:
    """Step Acrobot, integrated by the Runge-Kutta method of fourth order.

    gymnasium squares by a power, whose last bit may differ from a product's. The compiler would
    make a product of it if it saw the exponent.
    """
    _step_acrobot(states, actions, observations, rewards, terminated, 2.0)


@compiled
def _step_acrobot(
    states: Any, actions: Any, observations: Any, rewards: Any, terminated: Any, two: float
) -> None:
    step = 0.2
    for i in range(len(states)):
        rewards[i] = 0.0
        if terminated[i]:
            continue
        torque, begin = float(actions[i] - 1), states[i].copy()
        first = _acrobot_slope(begin, torque, two)
        second = _acrobot_slope(begin + step / 2.0 * first, torque, two)
        third = _acrobot_slope(begin + step / 2.0 * second, torque, two)
        fourth = _acrobot_slope(begin + step * third, torque, two)
        state = begin + step / 6.0 * (first + 2 * second + 2 * third + fourth)
        for angle in range(2):
            while state[angle] > PI:
                state[angle] -= 2 * PI
            while state[angle] < -PI:
                state[angle] += 2 * PI
        state[2] = min(max(state[2], -4 * PI), 4 * PI)
        state[3] = min(max(state[3], -9 * PI), 9 * PI)
        states[i] = state
        one, other = state[0], state[1]
        observations[i, 0], observations[i, 1] = math.cos(one), math.sin(one)
        observations[i, 2], observations[i, 3] = math.cos(other), math.sin(other)
        observations[i, 4:] = state[2:]
        terminated[i] = -math.cos(one) - math.cos(other + one) > 1.0
        rewards[i] = 0.0 if terminated[i] else -1.0


@compiled
def _acrobot_slope(state: Any, torque: float, two: float) -> Any:
    """Time derivative of a state ``(4,)``; both links have mass, length and inertia 1."""
    gravity, centre = 9.8, 0.5
    one, other, one_dot, other_dot = state
    cosine, sine = math.cos(other), math.sin(other)
    d1 = centre**2 + (1.0 + centre**2 + 2 * centre * cosine) + 1.0 + 1.0
    d2 = (centre**2 + centre * cosine) + 1.0
    phi2 = centre * gravity * math.cos(one + other - PI / 2.0)
    phi1 = (
        -centre * math.pow(other_dot, two) * sine
        - 2 * centre * other_dot * one_dot * sine
        + (centre + 1.0) * gravity * math.cos(one - PI / 2)
        + phi2
    )
    other_acc = (torque + d2 / d1 * phi1 - centre * math.pow(one_dot, two) * sine - phi2) / (
        centre**2 + 1.0 - math.pow(d2, two) / d1
    )
    one_acc = -(d2 * other_acc + phi1) / d1
    slope = np.empty(4)
    slope[0], slope[1], slope[2], slope[3] = one_dot, other_dot, one_acc, other_acc
    return slope
