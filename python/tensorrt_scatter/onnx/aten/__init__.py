"""PyTorch's own scatters, segments and embedding bags as the plugins' nodes, for both of PyTorch's exporters.

- `calls` lists the operators: which overload of PyTorch becomes what.
- `scatters`, `index_put` and `segments` say what each of them is in ONNX, with a `Graph`.
- `graph` is what they need of an exporter; `dynamo` and `torchscript` are the two exporters.
"""
