"""From high-density images to a model folder: crappify, learn, export."""
