"""1.0.0 "relay": the untouched stock handler, behind a socket that reads the first frame."""

VERSION = "1.0.0"
PARTS = ("errors.py", "frames.py", "authority.py", "relay.py", "attach.py")
ATTACH = "attach_litellm_overlay"
ON_FIXED = False
