"""The trainable components: docs, examples, labels, annotations and scores."""
