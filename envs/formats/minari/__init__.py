"""Reading, writing and downloading of Minari datasets."""
