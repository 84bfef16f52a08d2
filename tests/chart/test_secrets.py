"""The chart puts no key in clear text into a ConfigMap or a pod."""

from __future__ import annotations

import pytest
import yaml

from support import helm

TWENTY = "0123456789abcdefABCD"
LOOKS_LIKE_A_KEY = "sk-proj-0123456789abcdef"


@pytest.fixture
def rendered(tmp_path):
    """Return a function that renders values."""

    def render(values):
        path = tmp_path / "values.yaml"
        path.write_text(yaml.safe_dump(values))
        return helm.template(*helm.LEAST, "--values", path)

    return render


@pytest.mark.parametrize(
    ("values", "where", "secret"),
    [
        ({"config": {"general_settings": {"master_key": "hush"}}}, "master_key", "hush"),
        ({"config": {"general_settings": {"master_key": 98765}}}, "master_key", "98765"),
        ({"config": {"a": [{"b": {"api_key": "hush"}}]}}, "config.a[0].b.api_key", "hush"),
        ({"config": {"a": {"aws_secret_access_key": "hush"}}}, "access_key", "hush"),
        ({"config": {"a": {"api_keys": ["hush"]}}}, "config.a.api_keys[0]", "hush"),
        ({"config": {"environment_variables": {"HF_TOKEN": "hush"}}}, "HF_TOKEN", "hush"),
        ({"config": {"a": {"extra_headers": {"x-api-key": "hush"}}}}, "x-api-key", "hush"),
        ({"config": {"a": {"Authorization": "Bearer hush"}}}, "a.Authorization", "hush"),
        ({"config": {"a": {"vertex_credentials": '{"hush": 1}'}}}, "credentials", "hush"),
        ({"config": {"a": [LOOKS_LIKE_A_KEY]}}, "config.a[0]", LOOKS_LIKE_A_KEY),
        ({"config": {"a": {"url": "redis://:hush@redis:6379"}}}, "config.a.url", "hush"),
        ({"config": {"a": "-----BEGIN PRIVATE KEY-----\nhush"}}, "config.a", "hush"),
        ({"env": [{"name": "OPENAI_API_KEY", "value": "hush"}]}, "env.OPENAI_API_KEY", "hush"),
        ({"env": [{"name": "DB_URL", "value": "postgresql://u:hush@h/d"}]}, "env.DB_URL", "hush"),
        ({"env": [{"name": "X", "value": LOOKS_LIKE_A_KEY}]}, "env.X", LOOKS_LIKE_A_KEY),
        ({"config": {"db_pwd": "hush", "a": 1}}, "config.db_pwd", "hush"),
        ({"config": {"a": {"db_pass": "hush"}}}, "config.a.db_pass", "hush"),
        ({"config": {"a": {"pass": "hush"}}}, "config.a.pass", "hush"),
        ({"config": {"a": {"api_key": {"value": "hush"}}}}, "config.a.api_key.value", "hush"),
        ({"config": {"a": {"token": [{"Value": "hush"}]}}}, "config.a.token[0].Value", "hush"),
        ({"config": {"a": [f"ghp_{TWENTY}"]}}, "config.a[0]", TWENTY),
        ({"config": {"a": f"github_pat_{TWENTY}"}}, "config.a", TWENTY),
        ({"config": {"a": f"xoxb-{TWENTY}"}}, "config.a", TWENTY),
        ({"config": {"a": "Endpoint=x;AccountName=y;AccountKey=hush=="}}, "config.a", "hush"),
        ({"env": [{"name": "DB_PWD", "value": "hush"}]}, "env.DB_PWD", "hush"),
        ({"env": [{"name": "X", "value": f"Bearer gho_{TWENTY}"}]}, "env.X", TWENTY),
        ({"podAnnotations": {"acme.io/api-key": "hush"}}, "podAnnotations.acme.io/api-key", "hush"),
        ({"service": {"annotations": {"x": f"ghs_{TWENTY}"}}}, "service.annotations.x", TWENTY),
        (
            {
                "ingress": {
                    "enabled": True,
                    "hosts": [{"host": "h"}],
                    "annotations": {"a/password": "hush"},
                }
            },
            "ingress.annotations.a/password",
            "hush",
        ),
        (
            {"serviceAccount": {"annotations": {"a/token": "hush"}}},
            "serviceAccount.annotations.a/token",
            "hush",
        ),
        ({"extraArgs": ["--ssl_keyfile_password", "hush"]}, "extraArgs[1]", "hush"),
        ({"extraArgs": [f"--x={LOOKS_LIKE_A_KEY}"]}, "extraArgs[0]", LOOKS_LIKE_A_KEY),
    ],
)
def test_a_key_in_clear_text_is_refused(rendered, values, where, secret):
    """A key is refused by its field's name or its form; the error names the field, not the key."""
    with pytest.raises(helm.Refused) as refusal:
        rendered(values)
    message = str(refusal.value)
    assert f"{where} holds a secret in clear text. " in message
    assert secret not in message


@pytest.mark.parametrize(
    "values",
    [
        {"config": {"general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"}}},
        {"config": {"a": {"Authorization": "Bearer os.environ/COHERE_API_KEY"}}},
        {"config": {"a": {"password": ""}}},
        {"config": {"a": {"vertex_credentials": "/var/run/vertex/account.json"}}},
        {"config": {"a": {"input_cost_per_token": 0.000001, "max_tokens": "10"}}},
        {"config": {"a": {"input_cost_per_token": "0.000001", "eos_token": "</s>"}}},
        {"config": {"a": {"allow_client_side_credentials": True}}},
        {"config": {"a": {"langfuse_public_key": "pk-1", "hosted_keys": ["A_KEY"]}}},
        {"config": {"a": {"api_base": "http://vllm:8000/v1", "database_url": "postgresql://h/d"}}},
        {"config": {"model_list": [{"model_name": "task-classification-model"}]}},
        {"env": [{"name": "DATABASE_URL", "value": "postgresql://$(USER):$(PASSWORD)@h/d"}]},
        {"env": [{"name": "A_KEY", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}]},
        {"env": [{"name": "GOOGLE_APPLICATION_CREDENTIALS", "value": "/var/run/account.json"}]},
        {"extraArgs": ["--num_workers", "2"]},
        {"config": {"a": {"bypass": "x", "compass": "x", "value": "x", "model": {"value": "x"}}}},
        {"config": {"a": {"api_key": {"value": "os.environ/A_KEY"}}}},
        {"podAnnotations": {"nginx.ingress.kubernetes.io/auth-secret": "basic-auth"}},
        {"podAnnotations": {"prometheus.io/scrape": "true"}},
    ],
)
def test_a_reference_is_no_secret(rendered, values):
    """References to keys, and fields with similar names, are accepted."""
    assert rendered(values)
