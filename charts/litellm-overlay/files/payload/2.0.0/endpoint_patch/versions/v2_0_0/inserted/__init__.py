"""The text that enters LiteLLM's module, part by part; never imported in the init container."""
