"""Who asks the API server: the kubeconfig's user, or another one in whose name it does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubernetes.stream.ws_client import V4_CHANNEL_PROTOCOL, V5_CHANNEL_PROTOCOL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litellm_overlay.cluster.client import Cluster

_HEADER = "Impersonate-User"
_PROTOCOL = "sec-websocket-protocol"


def act_as(cluster: Cluster, user: str) -> None:
    """Make all requests from now on in this user's name, which must be a line of ASCII."""
    cluster.client.set_default_header(_HEADER, user)


def for_websocket(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a request so that the client's WebSocket sends who asks.

    The client copies two headers only. So ours is added to one of them as a further line.
    Otherwise a turn would be made with other rights than the list before it.
    """
    user = headers.get(_HEADER)
    if user is None:
        return dict(headers)
    protocols = f"{V5_CHANNEL_PROTOCOL},{V4_CHANNEL_PROTOCOL}"
    return {**headers, _PROTOCOL: f"{protocols}\r\n{_HEADER}: {user}"}
