"""The only input and output to a cluster. Changes nothing there."""
