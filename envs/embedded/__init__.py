"""The embedded datasets: their behaviour policies, the training of some, and collection."""
