"""Optimisers and one-pass sketches that the distillation methods use."""
