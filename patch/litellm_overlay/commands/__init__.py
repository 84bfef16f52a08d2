"""One file a verb. Each module holds one click command of the module's name."""
