"""Our own charts that read the same values as LiteLLM's chart `litellm`, in both its layouts."""

from __future__ import annotations

import gzip
import io
import tarfile

CHART = "apiVersion: v2\nname: {name}\nversion: 1.2.3\nappVersion: v1.88.6\n"
_POD = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: gateway}
spec:
  selector:
    matchLabels: {app: gateway}
  template:
    metadata:
      labels: {app: gateway}
      {{- with .Values.gateway.podAnnotations }}
      annotations: {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      INIT
      containers:
      - name: gateway
        image: "{{ IMAGE.repository }}:{{ IMAGE.tag | default .Chart.AppVersion }}"
        args: [--config, /etc/litellm/config.yaml]
        {{- with .Values.gateway.volumeMounts }}
        volumeMounts: {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with .Values.gateway.volumes }}
      volumes: {{- toYaml . | nindent 6 }}
      {{- end }}
"""
_INIT = """\
{{- with .Values.gateway.extraInitContainers }}
      initContainers: {{- tpl (toYaml .) $ | nindent 6 }}
      {{- end }}"""
_RESOURCES = "{{- range .Values.extraResources }}\n---\n{{ tpl (toYaml .) $ }}\n{{- end }}\n"
_IMAGE = "{repository: ghcr.io/berriai/litellm, tag: v1.86.2}"


def shared_image(*, resources=True):
    """Return {path: text} of a chart with a top-level `image` and `extraInitContainers`."""
    pod = _POD.replace("      INIT\n", f"      {_INIT}\n").replace("IMAGE", ".Values.image")
    more = {"templates/extra-resources.yaml": _RESOURCES} if resources else {}
    values = f"image: {_IMAGE}\ngateway: {{}}\nextraResources: []\n"
    return {
        "Chart.yaml": CHART.format(name="litellm"),
        "values.yaml": values,
        "templates/_workload.tpl": f'{{{{- define "pod" -}}}}\n{pod}{{{{- end -}}}}\n',
        "templates/deployment.yaml": '{{ include "pod" . }}\n',
        **more,
    }


def own_image():
    """Return {path: text} of a chart with `gateway.image` and no value for init containers."""
    pod = _POD.replace("      INIT\n", "").replace("IMAGE", ".Values.gateway.image")
    return {
        "Chart.yaml": CHART.format(name="litellm"),
        "values.yaml": f"gateway: {{image: {_IMAGE}}}\nextraResources: []\n",
        "templates/gateway/deployment.yaml": pod,
        "templates/extra-resources.yaml": _RESOURCES,
    }


def umbrella(inner, alias=None):
    """Return {path: text} of a chart that has the chart `inner` as its dependency."""
    named = f", alias: {alias}" if alias else ""
    about = f"dependencies: [{{name: litellm, version: 1.2.3{named}}}]\n"
    inside = {f"charts/litellm/{path}": text for path, text in inner.items()}
    return {"Chart.yaml": CHART.format(name="mine") + about, "values.yaml": "{}\n", **inside}


def write(files, folder):
    """Write a chart into a folder; return the folder."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def pack(files, path, name="litellm"):
    """Write a chart as a .tgz archive; return its path."""
    path.write_bytes(packed(files, name))
    return path


def packed(files, name="litellm"):
    """Return a chart's .tgz archive; the same files always give the same bytes."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for each, text in files.items():
            content = text if isinstance(text, bytes) else text.encode(errors="surrogatepass")
            member = tarfile.TarInfo(f"{name}/{each}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return gzip.compress(plain.getvalue(), 1, mtime=0)
