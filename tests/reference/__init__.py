"""An independent recomputation of what the product must output."""
