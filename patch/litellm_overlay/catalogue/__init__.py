"""What is known of LiteLLM's releases and of the patch versions: data, and its readings. Pure."""
