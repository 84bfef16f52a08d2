"""A kind cluster and the images that go into it, pulled or built: see scripts/kind_e2e.py."""
