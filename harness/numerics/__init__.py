"""Numerical methods: predictors, feature maps, moments, certificates and stratification."""
