"""The commands on one dataset: collect, convert, inspect."""
