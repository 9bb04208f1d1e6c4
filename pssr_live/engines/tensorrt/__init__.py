"""TensorRT and TensorRT-RTX: a model's network made into a plan for one kind of GPU."""
