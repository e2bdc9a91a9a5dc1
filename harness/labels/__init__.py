"""What the rewards of a reduced dataset say: as recorded, shaped, or the fitted advantage."""
