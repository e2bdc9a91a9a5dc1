"""Inspection of recorded datasets: statistics, problems, remarks and a figure."""
