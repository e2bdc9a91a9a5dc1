"""The embedded classic-control datasets: what they are, who plays, and collecting them."""
