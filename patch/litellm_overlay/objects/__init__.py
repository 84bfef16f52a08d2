"""Kubernetes objects as plain data: what they say of a proxy and its overlay. Pure."""
