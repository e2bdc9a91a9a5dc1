"""Learners: offline-RL algorithms and regression models."""
