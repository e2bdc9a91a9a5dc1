"""How numbers and figures are shown to readers."""
