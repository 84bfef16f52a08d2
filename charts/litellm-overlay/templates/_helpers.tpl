{{/* The name of all objects. */}}
{{- define "litellm-overlay.fullname" -}}
{{- $name := .Values.nameOverride | default "litellm" -}}
{{- $default := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- .Values.fullnameOverride | default $default | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* What tells the pods of this release; it can never change. The component keeps the pod of
`helm test` out of the Service. */}}
{{- define "litellm-overlay.selector" -}}
app.kubernetes.io/name: {{ .Values.nameOverride | default "litellm" }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: proxy
{{- end -}}

{{/* Labels of objects. Pods do not get them: a newer chart must not roll pods that it does not change. */}}
{{- define "litellm-overlay.labels" -}}
{{ include "litellm-overlay.selector" . }}
{{ include "litellm-overlay.chartLabels" . }}
{{- end -}}

{{- define "litellm-overlay.chartLabels" -}}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "litellm-overlay.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary (include "litellm-overlay.fullname" .) "default" .Values.serviceAccount.create) -}}
{{- end -}}

{{- define "litellm-overlay.image" -}}
{{- .Values.image.repository -}}
{{- with .Values.image.tag }}:{{ . }}{{ end -}}
{{- with .Values.image.digest }}@{{ . }}{{ end -}}
{{- end -}}

{{/* The lines that init container, proxy and test have in common. */}}
{{- define "litellm-overlay.imageLines" -}}
image: {{ include "litellm-overlay.image" . | quote }}
{{- with .Values.image.pullPolicy }}
imagePullPolicy: {{ . }}
{{- end }}
{{- end -}}

{{- define "litellm-overlay.configMap" -}}
{{- .Values.existingConfigMap | default (printf "%s-config" (include "litellm-overlay.fullname" .)) -}}
{{- end -}}

{{- define "litellm-overlay.gracePeriod" -}}
{{- $least := add (int .Values.drain.timeoutSeconds) 30 -}}
{{- if kindIs "invalid" .Values.terminationGracePeriodSeconds -}}
{{ $least }}
{{- else if lt (int .Values.terminationGracePeriodSeconds) (int $least) -}}
{{- fail (printf "terminationGracePeriodSeconds must be drain.timeoutSeconds and 30 more, %d or above: the drain would be cut short" $least) -}}
{{- else -}}
{{ int .Values.terminationGracePeriodSeconds }}
{{- end -}}
{{- end -}}

{{/* Refuses a key in clear text, which everybody who may read ConfigMaps or pods could read: by the
name before it or by how it looks. A reference is none: os.environ/NAME, which LiteLLM resolves, or
$(NAME), which Kubernetes does. Nor is the path of a mounted file. Takes (dict "at" "env.X" "name" "X"
"value" …). */}}
{{- define "litellm-overlay.refuseSecret" -}}
{{- $text := toString .value -}}
{{- $named := and
  (regexMatch "(?i)([_-]key|api_?keys?|passw(or)?d|passphrase|secret|token|credentials|authorization)$" .name)
  (not (regexMatch "(?i)(public_key|(per|bos|eos)_token)$" .name)) -}}
{{- $looks := regexMatch "\\bsk-[A-Za-z0-9_-]{16}|://[^/@\\s]*:[^/@\\s]+@|PRIVATE KEY-----" $text -}}
{{- $harmless := or (empty .value) (kindIs "bool" .value) (regexMatch "os\\.environ/|\\$\\(|^/\\S*\\.json$" $text) -}}
{{- if and (or $named $looks) (not $harmless) -}}
{{- fail (printf "%s holds a secret in clear text. Put it into a Secret; env and envFrom make it a variable, and config takes that as os.environ/NAME" .at) -}}
{{- end -}}
{{- end -}}

{{/* The same for all that a value holds. */}}
{{- define "litellm-overlay.refuseSecrets" -}}
{{- $here := . -}}
{{- if kindIs "map" .value -}}
{{- range $key, $value := .value -}}
{{- include "litellm-overlay.refuseSecrets" (dict "at" (printf "%s.%s" $here.at $key) "name" $key "value" $value) -}}
{{- end -}}
{{- else if kindIs "slice" .value -}}
{{- range $index, $value := .value -}}
{{- include "litellm-overlay.refuseSecrets" (dict "at" (printf "%s[%d]" $here.at $index) "name" $here.name "value" $value) -}}
{{- end -}}
{{- else -}}
{{- include "litellm-overlay.refuseSecret" . -}}
{{- end -}}
{{- end -}}

{{/* The proxy's further arguments; a value stands behind its name. */}}
{{- define "litellm-overlay.extraArgs" -}}
{{- $name := "" -}}
{{- range $index, $argument := .Values.extraArgs -}}
{{- include "litellm-overlay.refuseSecret" (dict "at" (printf "extraArgs[%d]" $index) "name" $name "value" $argument) -}}
{{- $name = $argument -}}
{{- end -}}
{{- with .Values.extraArgs -}}
{{ toYaml . }}
{{- end -}}
{{- end -}}

{{/* The proxy's environment. Of two with one name Kubernetes takes the last or, with server-side apply,
refuses both. */}}
{{- define "litellm-overlay.env" -}}
{{- $names := list "LITELLM_MASTER_KEY" -}}
{{- range .Values.env -}}
{{- if has .name $names -}}
{{- fail (printf "env: %s is given twice; masterKey sets LITELLM_MASTER_KEY" .name) -}}
{{- end -}}
{{- $names = append $names .name -}}
{{- include "litellm-overlay.refuseSecret" (dict "at" (printf "env.%s" .name) "name" .name "value" .value) -}}
{{- end -}}
- name: LITELLM_MASTER_KEY
  {{- include "litellm-overlay.masterKey" . | nindent 2 }}
{{- with .Values.env }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "litellm-overlay.masterKey" -}}
valueFrom:
  secretKeyRef:
    name: {{ required "masterKey.secretName is required: the Secret that holds LiteLLM's master key. To make one: kubectl create secret generic litellm-keys --from-literal=master-key=sk-…, then --set masterKey.secretName=litellm-keys" .Values.masterKey.secretName | quote }}
    key: {{ .Values.masterKey.secretKey | quote }}
{{- end -}}
