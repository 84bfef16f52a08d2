"""What the overlay does in each workload and pod of a cluster. Pure."""
