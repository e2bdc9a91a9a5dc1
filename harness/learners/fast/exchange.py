"""Parameters and optimiser state of networks, from d3rlpy's algorithms and back into them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from harness.numerics.q_networks.steps import Networks, cosine_rate


def parameters_of(algo: Any) -> NDArray[np.float32]:
    """Return the parameters of a d3rlpy algorithm's networks, ``(critics, P)``."""
    flat = [parameters_to_vector(one.parameters()).detach() for one in algo.impl.q_function]
    return torch.stack(flat).numpy()


def restore(algo: Any, networks: Networks, step: int) -> None:
    """Put a d3rlpy algorithm where it would be had it taken the steps itself.

    Args:
        algo: Of the same configuration; is changed.
        networks: As they are after the steps.
        step: Gradient steps so far.
    """
    modules = algo.impl.modules
    optimiser = modules.optim.optim
    for critic, (q, target) in enumerate(zip(modules.q_funcs, modules.targ_q_funcs, strict=True)):
        _set(q, networks.parameters[critic])
        _set(target, networks.targets[critic])
        for parameter, mean, square in zip(
            q.parameters(),
            _parts(q, networks.means[critic]),
            _parts(q, networks.squares[critic]),
            strict=True,
        ):
            optimiser.state[parameter] = {
                "step": torch.tensor(float(step)),
                "exp_avg": mean,
                "exp_avg_sq": square,
            }
    _set_rate(modules.optim, step)
    algo.set_grad_step(step)


def _set(network: nn.Module, parameters: NDArray[Any]) -> None:
    vector_to_parameters(torch.tensor(parameters), network.parameters())


def _parts(network: nn.Module, flat: NDArray[Any]) -> list[torch.Tensor]:
    """Cut a flat array into copies of the shapes of a network's parameters."""
    shapes = [parameter.shape for parameter in network.parameters()]
    cuts = np.cumsum([shape.numel() for shape in shapes])[:-1]
    return [
        torch.tensor(part).reshape(shape)
        for part, shape in zip(np.split(flat, cuts), shapes, strict=True)
    ]


def _set_rate(optimiser: Any, step: int) -> None:
    """Set the learning rate and its schedule."""
    state = optimiser.state_dict()
    schedule = dict(state["lr_scheduler"])
    (initial,) = schedule["base_lrs"]
    rate = cosine_rate(initial, schedule["T_max"], step)
    schedule |= {"last_epoch": step, "_step_count": step + 1, "_last_lr": [float(rate)]}
    for group in state["optim"]["param_groups"]:
        group["lr"] = float(rate)
    optimiser.load_state_dict({"optim": state["optim"], "lr_scheduler": schedule})
