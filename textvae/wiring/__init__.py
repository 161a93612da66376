"""From a command line to a trained model: the one place that knows every part."""
