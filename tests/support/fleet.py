"""Real LiteLLM proxies, stock or patched, each with a mock provider of its own."""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from litellm_overlay.local import environment, patching, processes
from pins import PINS

if TYPE_CHECKING:
    from collections.abc import Iterator

FAKES = Path(__file__).parents[1] / "fakes"
# As in the images: without the database client LiteLLM rejects a key with 500 instead of 401.
EXTRA = tuple(PINS["litellm-extras"])
ALIVE = 3  # proxies at once; each takes about 350 MB

KEYS: dict[str, dict[str, Any]] = {
    "sk-all-00000001": {},
    "sk-limited-0001": {"models": ["gpt-4o"]},
    "sk-blocked-0001": {"blocked": True},
    "sk-budget-00001": {"max_budget": 1.0, "spend": 2.0},
    "sk-rpm1-0000001": {"rpm_limit": 1},
}


@dataclass(frozen=True)
class Live:
    """A running proxy, its mock provider, its virtual keys and their spend."""

    version: str
    patch: str | None
    proxy: processes.Server
    mock: processes.Server
    folder: Path
    keys: dict[str, dict[str, Any]] = field(default_factory=lambda: dict(KEYS))
    generation: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def ws_url(self) -> str:
        """Return the URL that Codex connects to."""
        return f"{self.proxy.ws_url}/v1/responses"

    def new_key(self, **fields: Any) -> str:
        """Return a new key, with fields of LiteLLM's UserAPIKeyAuth such as `rpm_limit`."""
        key = f"sk-test-{time.time_ns()}"
        self.keys[key] = fields
        self.publish()
        return key

    def revoke(self, key: str) -> None:
        """Delete a key; on return LiteLLM no longer accepts it."""
        del self.keys[key]
        self.publish()

    def publish(self) -> None:
        """Write the keys file; wait up to 30 s until LiteLLM has read it."""
        number = next(self.generation)
        part, keys = self.folder / "keys.part", self.folder / "keys.json"
        part.write_text(json.dumps({"generation": number, "keys": self.keys}))
        part.replace(keys)
        seen = self.folder / "keys.json.seen"
        deadline = time.monotonic() + 30
        while not seen.exists() or seen.read_text() != str(number):
            assert time.monotonic() < deadline, f"keys not taken in; see {self.proxy.log}"
            time.sleep(0.05)

    def provider_log(self) -> list[dict[str, Any]]:
        """Return the records of the mock provider so far; see mock_provider.py."""
        return json_lines(self.mock.log)

    def spend_log(self) -> list[dict[str, Any]]:
        """Return the records of LiteLLM's logging callback so far."""
        return json_lines(self.folder / "spend.jsonl")


def json_lines(path: Path) -> list[dict[str, Any]]:
    """Return the records of a JSON lines file without an unfinished last line; [] if no file."""
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def environment_of(
    version: str, patch: str | None, settings: dict[str, Any] | None = None
) -> environment.LiteLLMEnvironment:
    """Return LiteLLM as released, or a separate environment with the overlay applied."""
    if patch is None:
        return environment.create(version, extra=EXTRA)
    env = environment.create(version, name=f"patched-{patch}", extra=EXTRA)
    on_fixed = "passthrough" if patch.startswith("1.") else "patch"
    patching.apply(env, patch, settings, on_fixed=on_fixed)
    return env


@contextlib.contextmanager
def running(
    version: str,
    patch: str | None,
    folder: Path,
    *,
    env: environment.LiteLLMEnvironment | None = None,
    config: dict[str, Any] | None = None,
    environ: dict[str, str] | None = None,
    extra_args: tuple[str, ...] = (),
    port: int | None = None,
    settings: dict[str, Any] | None = None,
    models: tuple[dict[str, Any], ...] = (),
) -> Iterator[Live]:
    """Run one proxy until the block ends. `config` is merged over the standard one, by section.

    `models` are added to the model list; one without `api_base` uses the mock provider. The mock
    speaks TLS, since LiteLLM's native relay connects only over TLS.
    """
    env = env or environment_of(version, patch, settings)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(FAKES / "keys_and_spend.py", folder)  # LiteLLM looks beside its config
    (folder / "keys.json").write_text(json.dumps({"generation": 0, "keys": KEYS}))
    tls = processes.make_certificates(env, folder / "tls")
    with processes.start_mock(env, folder / "mock.jsonl", tls=tls) as mock:
        laid: dict[str, Any] = processes.standard_config(mock.url)
        chat = {"model": "deepseek/gpt-5.4", "api_base": f"{mock.url}/v1", "api_key": "sk-mock"}
        laid["model_list"].append({"model_name": "chat-5.4", "litellm_params": chat})
        for model in models:
            own = {"api_base": f"{mock.url}/v1", "api_key": "sk-mock", **model["litellm_params"]}
            laid["model_list"].append({**model, "litellm_params": own})
        laid["litellm_settings"] = {"callbacks": ["keys_and_spend.handler"]}
        # Each model has one provider: an error that a test provokes must not put it into cooldown.
        laid["router_settings"] = {"disable_cooldowns": True, "num_retries": 0}
        for section, values in (config or {}).items():
            mapping = isinstance(values, dict)
            laid[section] = {**laid.get(section, {}), **values} if mapping else values
        told = {
            "KEYS_FILE": str(folder / "keys.json"),
            "SPEND_LOG": str(folder / "spend.jsonl"),
            "SSL_CERT_FILE": str(tls.bundle),
            **(environ or {}),
        }
        log = folder / "proxy.log"
        with processes.start_proxy(
            env, laid, log, environ=told, extra_args=extra_args, port=port
        ) as proxy:
            live = Live(version, patch, proxy, mock, folder)
            live.publish()
            yield live


class Fleet:
    """Proxies that start when first asked for; only the last few used stay alive."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.alive: OrderedDict[tuple[str, str | None], tuple[Live, contextlib.ExitStack]]
        self.alive = OrderedDict()

    def get(self, version: str, patch: str | None = None) -> Live:
        """Return the running proxy of a LiteLLM release; `patch` None means stock."""
        key = (version, patch)
        if key not in self.alive:
            while len(self.alive) >= ALIVE:
                self.alive.popitem(last=False)[1][1].close()
            stack = contextlib.ExitStack()
            folder = self.folder / f"{version}-{patch or 'stock'}-{time.time_ns()}"
            self.alive[key] = stack.enter_context(running(version, patch, folder)), stack
        self.alive.move_to_end(key)
        return self.alive[key][0]

    def close(self) -> None:
        """Stop all proxies."""
        for _, stack in self.alive.values():
            stack.close()
