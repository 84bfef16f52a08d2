"""From an operator's values to the overlay in manifests: values, plan, text. Pure."""
