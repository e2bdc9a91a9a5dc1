"""The two tasks, control and regression, and the registries of built-in classes."""
