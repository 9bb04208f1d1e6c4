"""A trained network as others use it: ONNX, weights, card, page, picture."""
