"""The searches and one-pass sketches that distillers are made of."""
