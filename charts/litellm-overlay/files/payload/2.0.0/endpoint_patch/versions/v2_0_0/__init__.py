"""2.0.0 "bridge": every turn becomes one request to the proxy's own HTTP endpoint."""

VERSION = "2.0.0"
PARTS = (
    "errors.py",
    "frames.py",
    "sse.py",
    "answers.py",
    "memory.py",
    "session.py",
    "request.py",
    "turn.py",
    "bridge.py",
    "attach.py",
)
ATTACH = "attach_litellm_overlay"
