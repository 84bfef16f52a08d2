"""LiteLLM's proxy on a real Postgres, stock or patched, and its admin API.

LiteLLM, its migrations, its Prisma client and Postgres are real. The query engine is Prisma's own,
as WebAssembly instead of the native binary (query_engine/server.mjs). The provider is a mock.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import httpx
import pytest

from litellm_overlay.errors import OverlayError
from litellm_overlay.local import environment, patching, processes
from pins import PINS
from support import postgres, prisma_engine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from support.postgres import Postgres, Sql

# LiteLLM's images have these for a database: prisma, in the version that the release requires. The
# other package is for /metrics.
EXTRA = ("litellm[extra-proxy]", next(it for it in PINS["litellm-extras"] if "prometheus" in it))


def require() -> None:
    """Install what a database needs; raises a pytest.UsageError that names what is missing."""
    try:
        prisma_engine.install()
        postgres.install()
    except OverlayError as error:
        raise pytest.UsageError(f"{error}; {error.hint}") from None


class Address(Protocol):
    """A proxy's base URLs, without a path."""

    @property
    def url(self) -> str:
        """Return the HTTP base URL."""

    @property
    def ws_url(self) -> str:
        """Return the WebSocket base URL."""


@dataclass(frozen=True)
class Proxy:
    """A proxy and its database, in processes or in a cluster."""

    server: Address
    postgres: Sql
    database: str
    master_key: str = processes.MASTER_KEY

    async def admin(self, path: str, **body: Any) -> dict[str, Any]:
        """POST to LiteLLM's admin API with the master key; return the JSON answer of a 200."""
        headers = {"Authorization": f"Bearer {self.master_key}"}
        async with httpx.AsyncClient(headers=headers, timeout=60, trust_env=False) as client:
            answer = await client.post(f"{self.server.url}{path}", json=body)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        told: dict[str, Any] = answer.json()
        return told

    def rows(self, query: str, **values: str) -> list[dict[str, Any]]:
        """Return the rows of a query; :'name' in the query stands for a value."""
        return self.postgres.rows(self.database, query, **values)


@dataclass(frozen=True)
class LocalProxy(Proxy):
    """A proxy that runs as a local process."""

    server: processes.Server

    def access_log(self, since: int = 0) -> str:
        """Return the proxy's log from byte `since` on."""
        return self.server.log.read_bytes()[since:].decode(errors="replace")


def environment_of(
    version: str, patch: str | None, settings: dict[str, Any] | None = None
) -> environment.LiteLLMEnvironment:
    """Return an environment with LiteLLM and its database client, stock or patched.

    `settings` are the patch's. A mutant gets an environment of its own, since mutants run in
    parallel with other tests.
    """
    name = f"database-{patch}" if patch else "database"
    if settings:
        name += "-set"
    if patch and "MUTANT" in os.environ:
        name += f"-mutant-{os.environ['MUTANT']}"
    env = environment.create(version, name=name, extra=EXTRA)
    prisma_engine.generate(env)
    if patch:
        patching.apply(env, patch, settings, on_fixed="patch")
    return env


def migrate(postgres: Postgres, version: str) -> str:
    """Create a database with the release's tables; return its name."""
    name = "litellm_" + re.sub(r"\W", "_", version)
    files = prisma_engine.migrations(environment_of(version, None))
    postgres.execute("postgres", f"CREATE DATABASE {name}")
    postgres.execute(name, "\n".join(file.read_text("utf-8") for file in files))
    return name


@dataclass(frozen=True)
class Provider:
    """The mock provider. It speaks TLS, since stock's relay connects only over TLS."""

    server: processes.Server
    certificates: processes.Certificates


@contextlib.contextmanager
def provider(env: environment.LiteLLMEnvironment, folder: Path) -> Iterator[Provider]:
    """Run one mock provider for all proxies: each finds the responses that others stored."""
    tls = processes.make_certificates(env, folder / "tls")
    with processes.start_mock(env, folder / "mock.jsonl", tls=tls) as mock:
        yield Provider(mock, tls)


@contextlib.contextmanager
def running(
    env: environment.LiteLLMEnvironment,
    source: Provider,
    postgres: Postgres,
    database: str,
    folder: Path,
    *,
    extra_args: tuple[str, ...] = (),
    settings: dict[str, Any] | None = None,
    timeout: float | None = None,
    environ: dict[str, str] | None = None,
    callbacks: Sequence[str] = (),
) -> Iterator[LocalProxy]:
    """Run one proxy on a database until the block ends.

    `settings` extend the general settings, `timeout` is set on each model, in seconds. `callbacks`
    are LiteLLM's; "prometheus" serves /metrics.
    """
    config = processes.standard_config(source.server.url)
    chat = {"model": "deepseek/gpt-5.4", "api_key": "sk-mock"}
    chat["api_base"] = f"{source.server.url}/v1"
    config["model_list"].append({"model_name": "chat-5.4", "litellm_params": chat})
    if timeout:
        for model in config["model_list"]:
            model["litellm_params"]["timeout"] = timeout
    # LiteLLM adds up to 5 s at random.
    config["general_settings"] |= {"proxy_batch_write_at": 1, **(settings or {})}
    if callbacks:
        config.setdefault("litellm_settings", {})["callbacks"] = [*callbacks]
    # Each model has one provider: an error that a test provokes must not put it into cooldown.
    config["router_settings"] = {"disable_cooldowns": True, "num_retries": 0}
    log = folder / "proxy.log"
    with prisma_engine.wrappers() as told:
        environ = {
            **(environ or {}),
            **told,
            **prisma_engine.environ_for(env),
            "DATABASE_URL": postgres.url(database),
            "LITELLM_SALT_KEY": "sk-salt",
            "SSL_CERT_FILE": str(source.certificates.bundle),
            # With `prisma` on the path LiteLLM would run its own migrations, for which there is no
            # engine.
            "PATH": os.defpath,
        }
        with processes.start_proxy(
            env, config, log, environ=environ, extra_args=extra_args
        ) as server:
            yield LocalProxy(server, postgres, database)
