"""Reading of HDF5 files in the layouts of D4RL and of d3rlpy."""
