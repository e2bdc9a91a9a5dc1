"""What teachers do in runs: they label reduced rows and judge policies."""
