"""What a recorded dataset holds, and what is wrong with it."""
