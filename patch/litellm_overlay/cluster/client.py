"""Read objects from a Kubernetes cluster through the `kubernetes` package; never change any.

Objects are dictionaries, as in the API's JSON: the package's own models take seconds for a fleet.
"""

from __future__ import annotations

import json
import logging
import os
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import urllib3
from kubernetes.client import ApiClient, Configuration
from kubernetes.client.exceptions import ApiException
from kubernetes.config import ConfigException
from kubernetes.config.incluster_config import InClusterConfigLoader
from kubernetes.config.kube_config import KubeConfigLoader, KubeConfigMerger

from litellm_overlay.errors import ClusterError
from litellm_overlay.objects import access, kinds, yaml_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

Object = dict[str, Any]
Objects = list[Object]

_PAGE = 500  # objects in one response, as in kubectl
_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_RBAC_HINT = "status, verify and doctor print with --rbac the rights that they need"


class ExpiredError(Exception):
    """HTTP 410: the resource version that a list or a watch continues from has expired."""


class Cluster:
    """A connection to a cluster. kinds.py explains how a `kind` is written.

    `context` is None for an in-cluster connection. `namespace` is the default namespace.
    """

    def __init__(
        self, configuration: Configuration, context: str | None, namespace: str, timeout: float
    ) -> None:
        configuration.retries = False  # report it now, not after four timeouts
        self.client = ApiClient(configuration)
        self.timeout = timeout
        self._versions: dict[tuple[str, str | None], str] = {}
        self.context = context
        self.namespace = namespace
        self.server = _without_secrets(str(configuration.host))

    def list(self, kind: str, namespace: str | None = None, labels: str = "") -> Objects:
        """Return all objects of a kind, in one namespace or in all; `labels` is a selector.

        A custom resource that is not installed has no objects.
        """
        try:
            return self._list(kind, namespace, labels)
        except ExpiredError:  # the pages took too long
            try:
                return self._list(kind, namespace, labels)
            except ExpiredError as error:
                raise ClusterError(
                    f"the list of {kind} expired twice while it was read",
                    "the API server is busy; try again, or one --namespace at a time",
                ) from error

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        """Return one object, None if it does not exist."""
        path = f"{kinds.path(kind, namespace)}/{quote(name, safe='', errors='replace')}"
        return self._ask(path, {}, f"get {kinds.plural(kind)}", namespace)

    def wait_for_change(self, kind: str, namespace: str | None, seconds: int) -> None:
        """Wait until an object of this kind changes after the last `list`, at most `seconds`.

        Return at once if that resource version has expired: the caller lists again anyway.
        """
        began = {"watch": "1", "timeoutSeconds": str(seconds)}
        if version := self._versions.get((kind, namespace)):
            began["resourceVersion"] = version
        with self._expected_errors():
            answer = self._send(kinds.path(kind, namespace), began, seconds + self.timeout)
            try:
                if answer.status != 410:
                    self._refuse(answer, f"watch {kinds.plural(kind)}", namespace)
                    next(iter(answer.stream(65536)), b"")
            finally:
                answer.close()

    def _list(self, kind: str, namespace: str | None, labels: str) -> Objects:
        items: Objects = []
        query = {"limit": str(_PAGE)} | ({"labelSelector": labels} if labels else {})
        path, what = kinds.path(kind, namespace), f"list {kinds.plural(kind)}"
        while True:
            page = self._ask(path, query, what, namespace)
            if page is None:
                if kind in kinds.BUILT_IN:
                    raise ClusterError(f"{self.server} is no Kubernetes API: it has no {kind}")
                return []
            if not isinstance(page.get("items") or [], list):
                raise self._no_api()
            items += access.items(page, "items")
            metadata = access.mapping(page, "metadata")
            if not access.string_at(metadata, "continue"):
                self._versions[kind, namespace] = str(metadata.get("resourceVersion", ""))
                return items
            query["continue"] = metadata["continue"]

    def _ask(
        self, path: str, query: dict[str, str], what: str, namespace: str | None
    ) -> Object | None:
        with self._expected_errors():
            answer = self._send(path, query, self.timeout)
            try:
                body = answer.data
            finally:
                answer.release_conn()
            if answer.status == 404:
                return None
            if answer.status == 410:
                raise ExpiredError
            self._refuse(answer, what, namespace)
            decoded = json.loads(body)
        if not isinstance(decoded, dict):
            raise self._no_api()
        yaml_tree.require_flat(decoded, f"an answer of {self.server}")
        return decoded

    def _send(self, path: str, query: dict[str, str], timeout: float) -> urllib3.BaseHTTPResponse:
        request = self.client.param_serialize(
            "GET",
            f"/{path}",
            query_params=list(query.items()),
            header_params={"Accept": "application/json", "Accept-Encoding": "gzip"},
            auth_settings=["BearerToken"],
        )
        answer = self.client.call_api(*request, _request_timeout=(self.timeout, timeout))
        response: urllib3.BaseHTTPResponse = answer.response
        return response

    def _refuse(self, answer: urllib3.BaseHTTPResponse, what: str, namespace: str | None) -> None:
        where = f"in the namespace {namespace}" if namespace else "in all namespaces"
        if answer.status == 401:
            raise ClusterError(
                f"{self.server} does not accept the credentials (401)",
                "have they expired? Log in again; kubectl config view shows which are used",
            )
        if answer.status == 403:
            raise ClusterError(f"not allowed to {what} {where} (403)", _RBAC_HINT)
        if answer.status >= 300:
            raise ClusterError(
                f"{self.server} answered {answer.status} to: {what} {where}",
                "try again; kubectl get --raw /readyz tells whether the API server is well",
            )

    @contextmanager
    def _expected_errors(self) -> Iterator[None]:
        try:
            yield
        except urllib3.exceptions.NewConnectionError as error:  # which is a TimeoutError
            raise self._unreachable(error) from error
        except (urllib3.exceptions.TimeoutError, TimeoutError) as error:
            raise ClusterError(
                f"{self.server} did not answer within {self.timeout:g} s",
                "is it busy, or does a firewall drop the connection? --timeout allows more",
            ) from error
        except ApiException as error:
            raise ClusterError(
                f"no secure connection to {self.server}: {_without_query(str(error.reason))}",
                "the kubeconfig's certificate-authority is not that of this server",
            ) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._unreachable(error) from error
        except (ValueError, RecursionError) as error:
            raise self._no_api() from error

    def _unreachable(self, error: Exception) -> ClusterError:
        cause = error.__cause__ or error.__context__ or error
        reason = getattr(cause, "strerror", None) or type(cause).__name__
        return ClusterError(f"{self.server} cannot be reached", f"{reason}; does the cluster run?")

    def _no_api(self) -> ClusterError:
        return ClusterError(f"{self.server} does not speak the Kubernetes API", "a proxy, perhaps?")


def _without_secrets(url: str) -> str:
    """Return a URL without user, password, query and fragment, for messages."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{re.split('[?#]', rest)[0].rpartition('@')[2]}"


def _without_query(text: str) -> str:
    """Return an error message on one line, with the query strings of its URLs removed."""
    return re.sub(r"\?\S*", "", " ".join(text.split()))


def connect(
    context: str | None = None, kubeconfig: Path | None = None, timeout: float = 30
) -> Cluster:
    """Return a connection for a context of the kubeconfig, or without one in-cluster.

    `timeout` is in seconds, for each request. No request is made yet.
    """
    files = _kubeconfigs(kubeconfig)
    if not files and kubeconfig is None and context is None:
        return _in_cluster(timeout)
    if not files:
        raise _no_kubeconfig(kubeconfig)
    try:
        loaded = KubeConfigMerger(os.pathsep.join(map(str, files))).config
        contexts = [item["name"] for item in loaded["contexts"]]
        name = context or loaded.safe_get("current-context")
    except Exception as error:  # the file may hold any YAML instead of a kubeconfig
        raise _unusable(files) from error
    if name not in contexts:
        names = ", ".join(sorted(map(str, contexts))) or "none"
        missing = f"there is no context {name}" if name else "the kubeconfig has no current context"
        raise ClusterError(missing, f"choose with --context; there are: {names}")
    return _from_kubeconfig(loaded, name, files, timeout)


def _from_kubeconfig(loaded: Any, name: str, files: list[Path], timeout: float) -> Cluster:
    configuration = Configuration()
    try:
        loader = KubeConfigLoader(loaded, active_context=name, config_base_path=None)
        chosen = loaded["contexts"].get_with_name(name)["context"]
        with _quiet():
            loader.load_and_set(configuration)
        command = _credentials_command(loaded, chosen)
    except Exception as error:  # its message may hold the token, so it is not shown
        raise _unusable(files) from error
    if command and not (configuration.api_key or configuration.cert_file):
        raise ClusterError(
            f"the kubeconfig's command for credentials, {command}, gave none",
            f"run {command} by hand: is it installed, and are you logged in?",
        )
    return Cluster(configuration, name, chosen.safe_get("namespace") or "default", timeout)


def _credentials_command(loaded: Any, chosen: Any) -> str | None:
    user = chosen.safe_get("user") and loaded["users"].get_with_name(chosen["user"], safe=True)
    plugin = user["user"].safe_get("exec") if user and user["user"] else None
    return str(plugin["command"]) if plugin else None


def _in_cluster(timeout: float) -> Cluster:
    if "KUBERNETES_SERVICE_HOST" not in os.environ:
        raise _no_kubeconfig(None)
    configuration = Configuration()
    try:
        InClusterConfigLoader(
            str(_SERVICE_ACCOUNT / "token"), str(_SERVICE_ACCOUNT / "ca.crt")
        ).load_and_set(configuration)
        namespace = (_SERVICE_ACCOUNT / "namespace").read_text("utf-8").strip()
    except (ConfigException, OSError) as error:
        raise ClusterError(
            "this pod has no service account token",
            "set automountServiceAccountToken: true, or give a --kubeconfig",
        ) from error
    return Cluster(configuration, None, namespace, timeout)


def _kubeconfigs(kubeconfig: Path | None) -> list[Path]:
    if kubeconfig:
        return [kubeconfig] if kubeconfig.is_file() else []
    named = os.environ.get("KUBECONFIG") or "~/.kube/config"
    paths = [Path(part).expanduser() for part in named.split(os.pathsep) if part]
    return [path for path in paths if path.is_file()]


def _no_kubeconfig(kubeconfig: Path | None) -> ClusterError:
    return ClusterError(
        f"there is no kubeconfig {kubeconfig}" if kubeconfig else "there is no kubeconfig",
        "give --kubeconfig, set KUBECONFIG, or run in a pod with a service account",
    )


def _unusable(files: list[Path]) -> ClusterError:
    return ClusterError(
        f"the kubeconfig {', '.join(map(str, files))} cannot be used",
        "kubectl config view shows it without its secrets: does the context name a user and a "
        "cluster that are there, and do the files exist that they name?",
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Disable logging: the client would log the output of a command for credentials."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
