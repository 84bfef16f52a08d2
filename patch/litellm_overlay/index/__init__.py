"""Questions to the package index about a release newer than the catalogue, only to warn."""
