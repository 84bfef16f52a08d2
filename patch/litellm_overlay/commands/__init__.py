"""The verbs, one click command per module of its name, and modules that verbs share."""
