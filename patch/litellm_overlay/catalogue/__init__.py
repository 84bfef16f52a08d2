"""Facts about LiteLLM's releases and the patch versions, and answers from them. Pure."""
