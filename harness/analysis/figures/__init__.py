"""How figures look: styles of arms, panels, curves and axes."""
