"""The two kinds of run, control and regression, and the classes that come with the package."""
