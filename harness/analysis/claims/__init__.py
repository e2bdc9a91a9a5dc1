"""Claims of published papers, and what records say to them."""
