"""Ended runs in the programs that people follow their experiments with: a module each."""
