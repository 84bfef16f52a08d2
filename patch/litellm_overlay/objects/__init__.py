"""Read Kubernetes objects, as plain data: workloads, pods, a proxy and its overlay. Pure."""
