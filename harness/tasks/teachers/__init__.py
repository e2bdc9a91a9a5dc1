"""Teachers fitted once for all that share them: labels, judges and learners."""
