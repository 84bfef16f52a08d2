"""The key of a connection: who owns it, and whether LiteLLM still accepts it."""

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
    """Return a hash of the identity that LiteLLM's auth found, else of the credential itself.

    LiteLLM's `api_key` can be the plain key. The hash has a secret that no log holds, so it does
    not give the key away.
    """
    name = getattr(identity, "api_key", None) or getattr(identity, "user_id", None)
    plain = str(name).encode("utf-8", "replace") if name else credential or b""
    return hashlib.blake2b(plain, key=secret, digest_size=16).digest()
