"""All access to a Kubernetes cluster; it changes no object there."""
