"""Impersonate a user in requests to the API server, as `kubectl --as` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubernetes.stream.ws_client import V4_CHANNEL_PROTOCOL, V5_CHANNEL_PROTOCOL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_overlay.cluster.client import Cluster

_HEADER = "Impersonate-User"
_PROTOCOL = "sec-websocket-protocol"


def act_as(cluster: Cluster, user: str) -> None:
    """Send all later requests as this user. The name must be one line of ASCII."""
    cluster.client.set_default_header(_HEADER, user)


def for_websocket(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers with which the client's WebSocket impersonates the same user.

    The client copies only two headers to a WebSocket. So Impersonate-User is appended to one of
    them, on a new line. Without it, a WebSocket would have other rights than the requests before.
    """
    user = headers.get(_HEADER)
    if user is None:
        return dict(headers)
    protocols = f"{V5_CHANNEL_PROTOCOL},{V4_CHANNEL_PROTOCOL}"
    return {**headers, _PROTOCOL: f"{protocols}\r\n{_HEADER}: {user}"}
