"""LiteLLM's proxy on a real Postgres, stock or patched, and its admin API.

Real are LiteLLM, its migrations, its Prisma client and Postgres. The query engine between the two is
Prisma's own as WebAssembly, not the native binary (query_engine/server.mjs); the provider is a mock.
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

# What LiteLLM's images have for a database, prisma in the version that the release asks for, and
# for /metrics.
EXTRA = ("litellm[extra-proxy]", next(it for it in PINS["litellm-extras"] if "prometheus" in it))


def require() -> None:
    """Install what a database needs; raises pytest.UsageError with what is missing, in one line."""
    try:
        prisma_engine.install()
        postgres.install()
    except OverlayError as error:
        raise pytest.UsageError(f"{error}; {error.hint}") from None


class Address(Protocol):
    """Where a proxy is reached: base URLs, without a path."""

    @property
    def url(self) -> str:
        """Return that for HTTP."""

    @property
    def ws_url(self) -> str:
        """Return that for WebSockets."""


@dataclass(frozen=True)
class Proxy:
    """A proxy and its database, wherever the two run."""

    server: Address
    postgres: Sql
    database: str
    master_key: str = processes.MASTER_KEY

    async def admin(self, path: str, **body: Any) -> dict[str, Any]:
        """POST to LiteLLM's admin API with the master key; return the answer."""
        headers = {"Authorization": f"Bearer {self.master_key}"}
        async with httpx.AsyncClient(headers=headers, timeout=60, trust_env=False) as client:
            answer = await client.post(f"{self.server.url}{path}", json=body)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        told: dict[str, Any] = answer.json()
        return told

    def rows(self, query: str, **values: str) -> list[dict[str, Any]]:
        """Return rows of the database; :'name' in the query is a value."""
        return self.postgres.rows(self.database, query, **values)


@dataclass(frozen=True)
class LocalProxy(Proxy):
    """One that is a process of ours."""

    server: processes.Server

    def access_log(self, since: int = 0) -> str:
        """Return what the proxy has printed from an offset on."""
        return self.server.log.read_bytes()[since:].decode(errors="replace")


def environment_of(
    version: str, patch: str | None, settings: dict[str, Any] | None = None
) -> environment.LiteLLMEnvironment:
    """Return LiteLLM with its database client, as released or patched; `settings` are the patch's.

    Mutants run beside other tests, and so have environments of their own to be put into.
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
    """Make a database with the release's tables; return its name."""
    name = "litellm_" + re.sub(r"\W", "_", version)
    files = prisma_engine.migrations(environment_of(version, None))
    postgres.execute("postgres", f"CREATE DATABASE {name}")
    postgres.execute(name, "\n".join(file.read_text("utf-8") for file in files))
    return name


@dataclass(frozen=True)
class Provider:
    """The mock provider, which speaks TLS: stock's relay reaches no other."""

    server: processes.Server
    certificates: processes.Certificates


@contextlib.contextmanager
def provider(env: environment.LiteLLMEnvironment, folder: Path) -> Iterator[Provider]:
    """Run the mock that is behind all proxies, so that each knows what another made it store."""
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
    """Run one proxy on a database; `settings` are further general settings, `timeout` a model's.

    `callbacks` are LiteLLM's; "prometheus" serves /metrics.
    """
    config = processes.standard_config(source.server.url)
    chat = {"model": "deepseek/gpt-5.4", "api_key": "sk-mock"}
    chat["api_base"] = f"{source.server.url}/v1"
    config["model_list"].append({"model_name": "chat-5.4", "litellm_params": chat})
    if timeout:
        for model in config["model_list"]:
            model["litellm_params"]["timeout"] = timeout
    # And up to 5 s more, by chance.
    config["general_settings"] |= {"proxy_batch_write_at": 1, **(settings or {})}
    if callbacks:
        config.setdefault("litellm_settings", {})["callbacks"] = [*callbacks]
    # One provider stands behind each model: a test's provoked error must not bench it.
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
            # Without the environment's `prisma` LiteLLM starts no migration of its own, for which
            # there is no engine.
            "PATH": os.defpath,
        }
        with processes.start_proxy(
            env, config, log, environ=environ, extra_args=extra_args
        ) as server:
            yield LocalProxy(server, postgres, database)
