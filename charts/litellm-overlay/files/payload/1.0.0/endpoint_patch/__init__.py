"""Runs inside the stock image's own Python: standard library only, imports nothing of ours."""
