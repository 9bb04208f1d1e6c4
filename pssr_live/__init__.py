"""pssr-live."""
