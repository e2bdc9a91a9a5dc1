"""Closed-form mathematics of predictors, features and moments."""
