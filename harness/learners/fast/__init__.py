"""The fast engine: networks of Q-values trained in compiled code, step by step as d3rlpy does.

Numba was kept of three prototypes of the same work. JAX, ten networks at once, took 0.6 to 0.85
of its time a step, and compiled for a second at every new number of rows, steps and networks;
batches of products in torch took 1.4 to 1.9 times its time, and torch.func three to five times.
Numba compiles once for all shapes, trains one run after another, so that time-outs, kills and
resumption stay as they are, and compiles environments as well.
"""
