"""The key of a connection: whose share of the process it uses, and whether it is still good."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Key:
    """`owner` is a hash of ours, good in this process only; `is_refused` asks LiteLLM again."""

    owner: bytes
    is_refused: Callable[[], Awaitable[bool]]


def owner_hash(identity: Any, credential: bytes | None, secret: bytes) -> bytes:
    """Return a name for whom LiteLLM's auth found, else for the credential that it was shown.

    LiteLLM's `api_key` can be the plain key; hashed with a secret that no log has it tells nobody
    anything.
    """
    name = getattr(identity, "api_key", None) or getattr(identity, "user_id", None)
    plain = str(name).encode("utf-8", "replace") if name else credential or b""
    return hashlib.blake2b(plain, key=secret, digest_size=16).digest()
