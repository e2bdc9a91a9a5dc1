"""Methods that distillation is compared with: subsets of the rows, and other papers' sets."""
