"""The Responses protocol over WebSocket, as Codex uses it."""
