"""How far losses on two sets can differ, over all predictors of a class."""
