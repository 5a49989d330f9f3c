"""The recurrence itself: arrays and tensors only, no spaCy and no Thinc models."""
