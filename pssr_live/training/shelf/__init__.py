"""The models that are shipped: what they learn from, and what judges them."""
