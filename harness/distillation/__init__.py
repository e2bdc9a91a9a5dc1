"""Distillers: reducers whose transitions are synthetic."""
