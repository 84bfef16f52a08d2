"""A stock LiteLLM, a mock provider and the Codex CLI as processes on this machine."""
