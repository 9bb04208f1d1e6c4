"""The networks of others, rebuilt from what was published, to be measured against."""
