"""Our own steps of a fitted object, beside scikit-learn's; each has an ONNX form."""
