"""One recurrent layer on arrays and tensors; no spaCy and no Thinc models."""
