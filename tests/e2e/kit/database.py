"""A database for a story: Postgres in its namespace, and an image of LiteLLM that can reach it.

The image is the other stories' image plus Postgres' programs, the release's Prisma client, our
substitute for Prisma's query engine, and Node.js. All come from package registries.
"""

from __future__ import annotations

import shlex
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from e2e.kit.stories import CONFINED, CONFINED_POD, MASTER_KEY, PROXY_ENV, deployment, proxy_config
from kind import docker, litellm
from kind.steps import fingerprint
from litellm_overlay.local.environment import ENDPOINTS
from pins import PINS
from support import client_packages, database, postgres, prisma_engine

if TYPE_CHECKING:
    from e2e.kit.stories import Door, Json, Namespace, World

IMAGE = "database"  # one of the stories' image names
DATABASE = "litellm"
SECRET = "litellm-database"
PASSWORD = "of-the-stories"  # the database is temporary
RECIPE = Path(__file__).with_name("database.Dockerfile")
PLACE = "/opt/database"  # in the image
# In a pod Postgres must also be reachable from other pods, and needs a folder for its socket.
SETTINGS = {**postgres.SETTINGS, "listen_addresses": "*", "unix_socket_directories": "/tmp"}
START = f"""
initdb -D /data/pg -U {postgres.USER} --auth=scram-sha-256 --pwfile=/secret/password {" ".join(postgres.INITDB)}
echo host all all all scram-sha-256 >> /data/pg/pg_hba.conf
exec postgres -D /data/pg {shlex.join(postgres.as_options(SETTINGS))}
"""


class Database(postgres.Sql):
    """Postgres in a story's namespace, with LiteLLM's tables."""

    def __init__(self, namespace: Namespace) -> None:
        self.namespace = namespace

    def start(self) -> None:
        """Run Postgres, then LiteLLM's migrations."""
        url = f"postgresql://{postgres.USER}:{PASSWORD}@postgres:5432/{DATABASE}"
        told = {"password": PASSWORD, "url": url, "salt": "sk-salt-of-the-stories"}
        secret = {"kind": "Secret", "metadata": {"name": SECRET}, "stringData": told}
        selector = {"app": "postgres"}
        service = {"selector": selector, "ports": [{"port": 5432}]}
        self.namespace.apply(
            secret,
            deployment("postgres", selector, pod(image(self.namespace.world))),
            {"kind": "Service", "metadata": {"name": "postgres"}, "spec": service},
        )
        self.namespace.wait_for_rollout("postgres")
        self.execute("postgres", f"CREATE DATABASE {DATABASE}")
        env = database.environment_of(release(self.namespace.world), None)
        files = prisma_engine.migrations(env)
        self.execute(DATABASE, "\n".join(file.read_text("utf-8") for file in files))

    def psql(self, database: str, sql: str, *options: str) -> str:
        """Run SQL with psql in the pod; return its output."""
        inside = ("exec", "-i", "deployment/postgres", "--")
        return self.namespace.kubectl(*inside, "psql", *options, "-d", database, stdin=sql)

    def values(self, **more: object) -> Json:
        """Return values of our chart for a proxy on this database."""
        config = proxy_config()
        config["general_settings"]["proxy_batch_write_at"] = 1  # seconds; LiteLLM adds up to 5 more
        reference = {"secretKeyRef": {"name": SECRET, "key": "salt"}}
        salt = {"name": "LITELLM_SALT_KEY", "valueFrom": reference}
        told = {"config": config, "env": [*PROXY_ENV, salt]}
        url = {"secretName": SECRET, "secretKey": "url"}
        return self.namespace.values(IMAGE, database=url, **told, **more)

    def proxy(self, door: Door) -> database.Proxy:
        """Return the proxies behind a door, in the form that tests/database uses."""
        return database.Proxy(door, self, DATABASE, MASTER_KEY)


def pod(image: str) -> Json:
    """Return the pod spec of Postgres; its data is lost with the pod."""
    password = {"secretKeyRef": {"name": SECRET, "key": "password"}}
    programs = f"{PLACE}/{programs_in_image()}"
    container = {
        "name": "postgres",
        "image": image,
        "command": ["sh", "-ec", START],
        "env": [
            {"name": "PATH", "value": f"{programs}:/usr/bin:/bin"},
            {"name": "PGHOST", "value": "/tmp"},
            {"name": "PGUSER", "value": postgres.USER},
            {"name": "PGPASSWORD", "valueFrom": password},
        ],
        "readinessProbe": {
            "exec": {"command": ["pg_isready", "-q"]},
            "periodSeconds": 1,
            "timeoutSeconds": 10,
        },
        "securityContext": CONFINED,
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}},
        "volumeMounts": [
            {"name": "data", "mountPath": "/data"},
            {"name": "tmp", "mountPath": "/tmp"},
            {"name": "secret", "mountPath": "/secret"},
        ],
    }
    volumes = [
        {"name": "data", "emptyDir": {}},
        {"name": "tmp", "emptyDir": {}},
        {"name": "secret", "secret": {"secretName": SECRET}},
    ]
    return {**CONFINED_POD, "containers": [container], "volumes": volumes}


def programs_in_image() -> Path:
    """Return the folder of Postgres' programs, relative to PLACE."""
    installed = postgres.install()
    return Path("postgres") / postgres.bin_below(installed).relative_to(installed)


def release(world: World) -> str:
    """Return the LiteLLM release of the image."""
    return litellm.release_in(world.image("venv"))


def image(world: World) -> str:
    """Return the reference of the image, loaded into the node."""
    return world.bring(IMAGE, lambda: build(world.image("venv")))


def build(base: str) -> str:
    """Return the image's tag; build the image if Docker does not have it."""
    parts = [*prisma_engine.SERVER.parent.iterdir(), Path(prisma_engine.__file__)]
    pins = [PINS["postgres"], PINS["node"], PINS["query-engine"]]
    mark = fingerprint(RECIPE, Path(__file__), docker.id_of(base), pins, *sorted(parts))
    built = f"litellm-overlay/litellm-database:{litellm.release_in(base)}-{mark}"
    if not docker.has(built):
        with tempfile.TemporaryDirectory() as context:
            gather(litellm.release_in(base), Path(context))
            site = litellm.module_in(base).removesuffix(f"/{ENDPOINTS}")
            arguments = {"LITELLM": base, "SITE": site, "PLACE": PLACE}
            docker.build(built, RECIPE.read_text(), Path(context), **arguments)
    # Named like LiteLLM's own; the chart reads the release from the tag.
    tag = f"stand-in/litellm-database:{base.rpartition(':')[2]}"
    docker.tag(built, tag)
    return tag


def gather(release: str, context: Path) -> None:
    """Copy the image's files into the build context."""
    schema = prisma_engine.schema_below(database.environment_of(release, None))
    for part in schema.parents[2].glob("prisma*"):
        compiled = shutil.ignore_patterns("__pycache__")
        shutil.copytree(part, context / "client" / part.name, ignore=compiled)
    place = context / "database"
    shutil.copytree(prisma_engine.SERVER.parent, place / "server")
    shutil.copytree(prisma_engine.install(), place / "packages", symlinks=True)
    shutil.copytree(postgres.install(), place / "postgres", symlinks=True)
    shutil.copy(client_packages.node(), place / "node")
    server = f"{PLACE}/server/{prisma_engine.SERVER.name}"
    prisma_engine.write_wrappers(place, f"{PLACE}/node", server, f"{PLACE}/packages")
