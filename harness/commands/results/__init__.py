"""Commands that show what a results folder says."""
