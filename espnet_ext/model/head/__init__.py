"""One branch of the model for each attribute: layer mix, pooling over time, projection."""
