"""Scripted controllers of the embedded datasets."""

from __future__ import annotations

import math

import numpy as np

from harness.core.arrays import FloatArray


def balance_pole(observation: FloatArray) -> int:
    """CartPole: push in the direction in which the pole, and a little the cart, is moving."""
    position, velocity, angle, angular_velocity = observation
    return int(angle + 0.5 * angular_velocity + 0.05 * position + 0.1 * velocity > 0)


def rock_car(observation: FloatArray) -> int:
    """MountainCar: push in the direction of motion, which adds energy at every step."""
    return 2 if observation[1] >= 0 else 0


def swing_links(observation: FloatArray) -> int:
    """Acrobot: turn the second joint against the first link's angular velocity."""
    return 0 if observation[4] > 0 else 2


def swing_pendulum(observation: FloatArray) -> FloatArray:
    """Pendulum: swing up by energy control, and balance at the upright position.

    Energy shaping as in Åström and Furuta (2000), and a proportional-derivative law near the top;
    in units in which gravity's share of the acceleration is 15 sin(angle).
    """
    cosine, sine, velocity = observation.astype(np.float64)
    if cosine > 0.9:
        torque = -12 * sine - 3 * velocity
    else:
        missing_energy = 15 - (velocity**2 / 2 + 15 * cosine)
        torque = velocity * missing_energy
    return np.array([np.clip(torque, -2, 2)], dtype=np.float32)


def land(observation: FloatArray) -> int:
    """LunarLander: tilt against drift, and fire the main engine where the descent is too fast.

    Two proportional-derivative laws, of the tilt that position and speed ask for and of the height
    over a funnel that ends at the pad; on its legs it only brakes.
    """
    x, y, x_speed, y_speed, tilt, spin, *legs = observation.tolist()
    wanted_tilt = min(max(0.62 * x + 1.26 * x_speed, -0.38), 0.38)
    turn, lift = 0.73 * (wanted_tilt - tilt) - 0.65 * spin, 0.33 * (0.56 * abs(x) - y)
    if any(legs):
        turn, lift = 0.0, 0.0
    lift -= 0.49 * y_speed
    if lift > max(abs(turn), 0.05):
        return 2  # main engine
    if abs(turn) > 0.045:
        return 1 if turn > 0 else 3  # side engines
    return 0


def balance_cart(observation: FloatArray) -> FloatArray:
    """InvertedPendulum: a linear-quadratic regulator about the upright position."""
    position, angle, velocity, angular_velocity = observation.tolist()
    force = 2.7 * position + 17.5 * angle + 3.1 * velocity + 2.7 * angular_velocity
    return np.array([np.clip(force, -3, 3)], dtype=np.float32)


def balance_two_links(observation: FloatArray) -> FloatArray:
    """InvertedDoublePendulum: a linear-quadratic regulator about the upright position."""
    position, sine_1, sine_2, _, _, velocity, spin_1, spin_2, _ = observation.tolist()
    links = sine_1 + 4.1 * sine_2 + 0.59 * spin_1 + 0.61 * spin_2
    force = -0.12 * position - 0.19 * velocity - links
    return np.array([np.clip(force, -1, 1)], dtype=np.float32)


def reach(observation: FloatArray) -> FloatArray:
    """Reacher: turn the joints to the angles at which the fingertip is at the target.

    The inverse kinematics of two links, 0.1 and 0.11 long, bent to the side to which they are bent,
    and a proportional-derivative law for each joint.
    """
    cos_1, cos_2, sin_1, sin_2, x, y, spin_1, spin_2, _, _ = observation.tolist()
    cosine = (x * x + y * y - 0.1**2 - 0.11**2) / (2 * 0.1 * 0.11)
    bend = math.copysign(math.acos(min(max(cosine, -1), 1)), sin_2)
    aim = math.atan2(y, x) - math.atan2(0.11 * math.sin(bend), 0.1 + 0.11 * math.cos(bend))
    turn = math.remainder(aim - math.atan2(sin_1, cos_1), 2 * math.pi)
    bow = bend - math.atan2(sin_2, cos_2)
    torques = np.array([0.3 * turn - 0.06 * spin_1, 0.3 * bow - 0.06 * spin_2], dtype=np.float32)
    return torques.clip(-1, 1)
