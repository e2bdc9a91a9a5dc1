"""Files that are whole or absent, and the locks between processes that share them."""
