"""Certificates: bounds on the loss gap between two datasets over a class of predictors."""
