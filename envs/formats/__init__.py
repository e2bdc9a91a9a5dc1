"""Dataset formats, one module each; all are read into a `Recording`."""
