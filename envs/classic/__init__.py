"""The embedded classic-control datasets: their behaviour policies and collection."""
