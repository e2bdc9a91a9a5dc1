"""What teachers do in runs: fitted once, they label reduced rows and judge policies."""
