"""Returns of trained policies: tables and figures."""
