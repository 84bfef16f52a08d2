"""`render` of values for LiteLLM's charts: each layout is supported or refused."""

from __future__ import annotations

import pytest
import yaml

from support import litellm_chart

FORMAT = ("render", "--format", "litellm-chart-values")
TOP = "image: {repository: ghcr.io/berriai/litellm, tag: v1.86.2}\ngateway: {replicaCount: 2}\n"
OWN = "gateway: {image: {repository: ghcr.io/berriai/litellm-gateway, tag: v1.86.2}}\n"


@pytest.fixture
def values(tmp_path):
    """Return a function that writes the operator's values and returns the path."""

    def write(text):
        (tmp_path / "mine.yaml").write_text(text)
        return tmp_path / "mine.yaml"

    return write


def images(made):
    """Return the images of init container and proxy in a values file."""
    inner = made["gateway"]
    at = made["image"] if "image" in made else inner["image"]
    return inner["extraInitContainers"][0]["image"], f"{at['repository']}:{at['tag']}"


def test_an_image_at_the_top_is_read_and_written_there(cli, values):
    """A top-level `image` is read and written there, so that both containers have one image."""
    done = cli(*FORMAT, "--chart-values", values(TOP))
    assert done.code == 0, done.err
    made = yaml.safe_load(done.out)
    assert images(made) == ("ghcr.io/berriai/litellm:v1.86.2",) * 2
    assert "image" not in made["gateway"]
    other = cli(
        *FORMAT, "--chart-values", values(TOP), "--image", "ghcr.io/berriai/litellm:v1.88.6"
    )
    assert images(yaml.safe_load(other.out)) == ("ghcr.io/berriai/litellm:v1.88.6",) * 2


def test_an_image_alone_is_written_at_the_top(cli):
    """With only an --image, it is written at the top level."""
    made = yaml.safe_load(cli(*FORMAT, "--image", "ghcr.io/berriai/litellm:v1.88.6").out)
    assert images(made) == ("ghcr.io/berriai/litellm:v1.88.6",) * 2
    assert "image" in made


def test_an_image_of_the_gateway_is_doubted_on_stderr(cli, values):
    """`gateway.image` gets a warning: no known chart has it and takes init containers."""
    done = cli(*FORMAT, "--chart-values", values(OWN))
    assert done.code == 0
    assert "warning: no chart with gateway.image is known that reads" in done.err
    assert "hint: --chart FOLDER looks into the chart" in done.err


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "archive"])
@pytest.mark.parametrize("mine", [TOP, OWN, "{}\n"])
def test_a_chart_that_takes_no_init_container_is_refused(cli, values, tmp_path, packed, mine):
    """A chart whose templates take no init container is refused, whatever its values."""
    files = litellm_chart.own_image()
    chart = (
        litellm_chart.pack(files, tmp_path / "litellm-1.2.3.tgz")
        if packed
        else litellm_chart.write(files, tmp_path / "chart")
    )
    done = cli(*FORMAT, "--chart", chart, "--chart-values", values(mine))
    assert (done.code, done.out) == (2, "")
    assert "no template of litellm 1.2.3 reads gateway.extraInitContainers" in done.err
    assert "--post-renderer-args inject" in done.err


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "archive"])
def test_a_chart_that_fits_raises_no_doubt(cli, values, tmp_path, packed):
    """A chart with the right layout gives no warning."""
    files = litellm_chart.shared_image()
    chart = (
        litellm_chart.pack(files, tmp_path / "litellm-1.2.3.tgz")
        if packed
        else litellm_chart.write(files, tmp_path / "chart")
    )
    done = cli(*FORMAT, "--chart", chart, "--chart-values", values(TOP + OWN[:0]))
    assert done.code == 0
    assert "no chart" not in done.err
    assert images(yaml.safe_load(done.out)) == ("ghcr.io/berriai/litellm:v1.86.2",) * 2


def test_a_chart_without_further_objects_gets_the_payload_by_hand(cli, values, tmp_path):
    """With a chart that takes no further objects, a message says to apply the payload by hand."""
    chart = litellm_chart.write(litellm_chart.shared_image(resources=False), tmp_path / "chart")
    done = cli(*FORMAT, "--chart", chart, "--chart-values", values(TOP))
    assert "extraResources" not in yaml.safe_load(done.out)
    assert "hint: litellm-overlay render --format payload | kubectl apply" in done.err


@pytest.mark.parametrize(("name", "alias"), [("litellm", None), ("llm", "llm")])
def test_an_umbrella_has_the_values_below_the_name_of_the_subchart(
    cli, values, tmp_path, name, alias
):
    """For a subchart the values are under its name or alias."""
    files = litellm_chart.umbrella(litellm_chart.shared_image(), alias)
    chart = litellm_chart.write(files, tmp_path / "chart")
    mine = values(f"{name}:\n  image: {{repository: ghcr.io/berriai/litellm, tag: v1.86.2}}\n")
    done = cli(*FORMAT, "--chart", chart, "--subchart", name, "--chart-values", mine)
    assert done.code == 0, done.err
    made = yaml.safe_load(done.out)
    assert set(made) == {name}
    assert images(made[name]) == ("ghcr.io/berriai/litellm:v1.86.2",) * 2
    assert "extraResources" in made[name]


def test_a_subchart_may_be_an_archive_in_an_archive(cli, values, tmp_path):
    """A subchart can be an archive inside an archive."""
    inner = litellm_chart.pack(litellm_chart.own_image(), tmp_path / "inner.tgz").read_bytes()
    outer = {**litellm_chart.umbrella({}), "charts/litellm-1.2.3.tgz": inner}
    chart = litellm_chart.pack(outer, tmp_path / "mine-1.2.3.tgz", "mine")
    done = cli(*FORMAT, "--chart", chart, "--subchart", "litellm", "--image", "litellm:v1.88.6")
    assert "no template of litellm 1.2.3 reads gateway.extraInitContainers" in done.err
    other = cli(*FORMAT, "--chart", chart, "--subchart", "redis", "--image", "litellm:v1.88.6")
    assert "the chart has no subchart redis" in other.err
    assert "there are: litellm" in other.err


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["render", "--chart", "."], 2, "--chart goes with litellm-helm-values"),
        (["render", "--subchart", "x"], 2, "--subchart goes with litellm-helm-values"),
        ([*FORMAT, "--chart", "none"], 2, "does not exist"),
        ([*FORMAT, "--chart", "."], 1, "is no Helm chart: it has no Chart.yaml"),
        ([*FORMAT, "--chart", "torn.tgz"], 1, "could not read the chart torn.tgz"),
    ],
)
def test_what_is_no_chart_is_refused(cli, tmp_path, monkeypatch, arguments, code, sentence):
    """A path that is no chart is refused."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "torn.tgz").write_bytes(b"\x1f\x8b\x08\x00torn")
    done = cli(*arguments)
    assert (done.code, done.out) == (code, "")
    assert sentence in done.err
