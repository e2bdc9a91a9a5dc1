"""Distillation methods: reducers that return synthetic transitions or regression rows."""
