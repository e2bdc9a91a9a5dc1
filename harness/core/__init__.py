"""Types and services that every part uses; it imports nothing else of this project."""
