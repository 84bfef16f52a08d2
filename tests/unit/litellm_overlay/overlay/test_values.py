"""The operator's values: mistakes, and options that override them."""

from __future__ import annotations

import pytest

from litellm_overlay.errors import ValuesError
from litellm_overlay.overlay import values


def test_nothing_given_is_the_default():
    """An empty file gives the defaults."""
    default = values.OverlayValues()
    assert values.load("") == values.load("{}") == default
    assert values.load("modulePath: ''\npatch: {version: ''}\nonUnknown: null") == default


def test_an_option_overrules_the_file():
    """An option overrides the file only if it is given."""
    text = "onUnknown: fail\nlitellmVersion: 1.88.6\npatch: {version: 1.0.0, mode: http-fallback}\n"
    operator_values = values.load(
        text, on_unknown="passthrough", litellm_version=None, settings={"mode": "websocket"}
    )
    assert operator_values.on_unknown == "passthrough"
    assert operator_values.litellm_version == "1.88.6"
    assert (operator_values.patch_version, operator_values.settings) == (
        "1.0.0",
        {"mode": "websocket"},
    )


def test_settings_that_are_not_given_are_not_in_the_plan():
    """Settings that are not given are left out of the plan, for older payloads."""
    assert values.load("patch: {maxMessageBytes: 2048, drainFile: null}").settings == {
        "mode": "websocket",
        "maxMessageBytes": 2048,
    }


def test_the_init_container_does_not_limit_the_pods_storage():
    """The init container has no ephemeral-storage limit, since it would hold the whole pod."""
    assert "ephemeral-storage" not in values.OverlayValues().init_resources["limits"]


@pytest.mark.parametrize(
    ("image", "reference"),
    [
        ("{repository: r/litellm}", "r/litellm"),
        ("{repository: r/litellm, tag: v1}", "r/litellm:v1"),
        ("{repository: r/litellm, digest: 'sha256:00'}", "r/litellm@sha256:00"),
        ("{repository: r/litellm, tag: v1, digest: 'sha256:00'}", "r/litellm:v1@sha256:00"),
        ("{repository: '', tag: ''}", None),
    ],
)
def test_an_image_is_joined(image, reference):
    """An image is joined from repository, tag and digest."""
    assert values.load(f"image: {image}").image == reference


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: [", "the values file is not YAML"),
        ("[]", "the values file must be a mapping, not a list"),
        ("onUnkown: fail", "the values have no key 'onUnkown'"),
        ("image: {tg: v1}", "image has no key 'tg'"),
        ("image: {tag: v1}", "image has a tag, but no repository"),
        ("image: {repository: r, tag: 1.82}", "image.tag must be a text, not 1.82"),
        ("patch: 2.0.0", "patch must be a mapping"),
        ("patch: {version: 2.0}", "patchVersion must be a text"),
        ("patch: {keepNewest: 0}", "keepNewest must be a whole number, 1 or more"),
        ("patch: {keepNewest: true}", "keepNewest must be a whole number, 1 or more"),
        ("patch: {keepVersions: 1.0.0}", "keepVersions must be a list of texts"),
        ("patch: {keepVersions: [2.0]}", "keepVersions must be a list of texts"),
        ("keepNewest: 3", "no key 'keepNewest'"),
        ("patch: {mode: websockets}", 'patch.mode must be "websocket" or "http-fallback"'),
        ("patch: {modus: x}", "There is no setting 'modus'"),
        ("patch: {drainFile: '/tmp/$(HOME)'}", "patch.drainFile must be an absolute path"),
        ("patch: {offFile: '/tmp/$(HOME)'}", "patch.offFile must be an absolute path"),
        ("onUnknown: ignore", 'onUnknown must be "fail", "passthrough" or "patch"'),
        ("onUnknown: patch", 'onUnknown "patch" and expectedSha256 go together'),
        (f"expectedSha256: {'a' * 64}", 'onUnknown "patch" and expectedSha256 go together'),
        ("onUnknown: patch\nexpectedSha256: abc", "expectedSha256 must be 64 hex digits"),
        ("patch: {onFixed: fail}", 'onFixed must be "passthrough" or "patch"'),
        ("modulePath: endpoints.py", "modulePath must be an absolute path"),
        ("modulePath: /a/../b", "modulePath must be an absolute path"),
        ('modulePath: "/a{{b}}"', "modulePath must be an absolute path"),
        ("name: Overlay", "name must be of lower-case letters"),
        ("replicaCount: true", "replicaCount must be a whole number"),
        ("env: {PATH: /bin}", "env must be a list"),
        ("image: {repository: r, pullPolicy: always}", "imagePullPolicy must be Always"),
    ],
)
def test_a_mistake_is_named(text, sentence):
    """A mistake is an error with exit code 2 that names the key."""
    with pytest.raises(ValuesError) as refused:
        values.load(text)
    assert sentence in refused.value.message
    assert refused.value.exit_code == 2
