"""The Responses protocol over WebSocket, seen as Codex sees it."""
