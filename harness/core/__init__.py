"""What every part speaks; it imports nothing else of this project."""
