"""The operator's toolkit: what is affected, what the patch changes, and proof that it works."""

__version__ = "0.1.0"
