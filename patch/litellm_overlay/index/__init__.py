"""The package index, asked about a release newer than the catalogue; only ever to warn."""
