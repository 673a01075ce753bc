"""What TensorRT releases would refuse in a model, or misread. `check` is for users; each other module has rules."""
