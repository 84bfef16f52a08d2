{{/* How every helper of this chart is called: with one dict. That is the root context, `.`, and what a
helper wants besides is a key more in it: `merge (dict "facts" $facts) .`. A helper that looks at
nothing in the root context says so, and gets its own keys alone. */}}

{{/* Part of the objects' names, and a label. The chart is named after the overlay, what it runs is not. */}}
{{- define "litellm-overlay.name" -}}
{{- .Values.nameOverride | default "litellm" -}}
{{- end -}}

{{/* The name of all objects. Helm takes release names that Kubernetes refuses for a Service: with a dot,
or with a digit first. Capitals it refuses itself. */}}
{{- define "litellm-overlay.fullname" -}}
{{- $name := include "litellm-overlay.name" . -}}
{{- $default := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- $fullname := .Values.fullnameOverride | default $default | trunc 63 | trimSuffix "-" -}}
{{- if not (regexMatch "(?i)^[a-z]([-a-z0-9]*[a-z0-9])?$" $fullname) -}}
{{- fail (printf "the objects of the release %s would be named %s, which Kubernetes refuses for a Service: only letters, digits and hyphens, a letter first. Choose another release name, or set fullnameOverride" .Release.Name $fullname) -}}
{{- end -}}
{{- $fullname -}}
{{- end -}}

{{/* What tells the pods of this release; it can never change. The component keeps the pod of
`helm test` out of the Service. */}}
{{- define "litellm-overlay.selectorLabels" -}}
app.kubernetes.io/name: {{ include "litellm-overlay.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: proxy
{{- end -}}

{{/* Labels of objects. Pods do not get them: a newer chart must not roll pods that it does not change. */}}
{{- define "litellm-overlay.labels" -}}
{{ include "litellm-overlay.selectorLabels" . }}
{{ include "litellm-overlay.chartLabels" . }}
{{- end -}}

{{/* What every object has, the pod of `helm test` and the payloads too. */}}
{{- define "litellm-overlay.chartLabels" -}}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ include "litellm-overlay.chart" . }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Chart and version, as a label may have them. */}}
{{- define "litellm-overlay.chart" -}}
{{- printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" -}}
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
$(NAME), which Kubernetes does. Nor is the path of a mounted file. Gets its own keys alone: `at`, where
the value stands, "env.X"; `name`, "X"; `value`. */}}
{{- define "litellm-overlay.refuseSecret" -}}
{{- $text := toString .value -}}
{{- $named := and
  (regexMatch "(?i)([_-]key|api_?keys?|passw(or)?d|pwd|(^|[_.-])pass|passphrase|secret|token|credentials|authorization)$" .name)
  (not (regexMatch "(?i)(public_key|(per|bos|eos)_token)$" .name)) -}}
{{- $looks := regexMatch "\\bsk-[A-Za-z0-9_-]{16}|\\bgh[oprsu]_[A-Za-z0-9]{20}|\\bgithub_pat_[A-Za-z0-9_]{20}|\\bxox[a-z]-[A-Za-z0-9-]{10}|(?i:AccountKey|SharedAccessKey)=[^;\\s]+|://[^/@\\s]*:[^/@\\s]+@|PRIVATE KEY-----" $text -}}
{{- $harmless := or (empty .value) (kindIs "bool" .value) (regexMatch "os\\.environ/|\\$\\(|^/\\S*\\.json$" $text) -}}
{{- if and (or $named $looks) (not $harmless) -}}
{{- fail (printf "%s holds a secret in clear text. Put it into a Secret; env and envFrom make it a variable, and config takes that as os.environ/NAME" .at) -}}
{{- end -}}
{{- end -}}

{{/* The same, with the same keys, for all that a value holds. What stands at `value` is of the name
above: api_key: {value: …}. */}}
{{- define "litellm-overlay.refuseSecrets" -}}
{{- $here := . -}}
{{- if kindIs "map" .value -}}
{{- range $key, $value := .value -}}
{{- include "litellm-overlay.refuseSecrets" (dict "at" (printf "%s.%s" $here.at $key) "name" (ternary $here.name $key (and (eq (lower $key) "value") (ne $here.name ""))) "value" $value) -}}
{{- end -}}
{{- else if kindIs "slice" .value -}}
{{- range $index, $value := .value -}}
{{- include "litellm-overlay.refuseSecrets" (dict "at" (printf "%s[%d]" $here.at $index) "name" $here.name "value" $value) -}}
{{- end -}}
{{- else -}}
{{- include "litellm-overlay.refuseSecret" . -}}
{{- end -}}
{{- end -}}

{{/* The same by how a value looks alone, for objects of others: in them a name such as `password` may stand before
what is sealed. Gets its own keys alone: `at`, `value`. */}}
{{- define "litellm-overlay.refuseLooks" -}}
{{- $at := .at -}}
{{- if kindIs "map" .value -}}
{{- range $key, $value := .value -}}
{{- include "litellm-overlay.refuseLooks" (dict "at" (printf "%s.%s" $at $key) "value" $value) -}}
{{- end -}}
{{- else if kindIs "slice" .value -}}
{{- range $index, $value := .value -}}
{{- include "litellm-overlay.refuseLooks" (dict "at" (printf "%s[%d]" $at $index) "value" $value) -}}
{{- end -}}
{{- else -}}
{{- include "litellm-overlay.refuseSecret" (dict "at" $at "name" "" "value" .value) -}}
{{- end -}}
{{- end -}}

{{/* The same for annotations, where a name that ends in "secret" is a Secret's: auth-secret. Gets its
own keys alone: `at`, "podAnnotations"; `annotations`. Prints them. */}}
{{- define "litellm-overlay.furtherAnnotations" -}}
{{- $at := .at -}}
{{- range $name, $value := .annotations -}}
{{- include "litellm-overlay.refuseSecret" (dict "at" (printf "%s.%s" $at $name) "name" (ternary "" $name (hasSuffix "secret" (lower $name))) "value" $value) -}}
{{- end -}}
{{- toYaml .annotations -}}
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

{{/* The probe of a name, with the time that a hanging proxy gets. Wants `probe`, and `grace` or not. */}}
{{- define "litellm-overlay.probe" -}}
httpGet: {path: {{ .probe.path }}, port: http}
{{ omit .probe "path" | toYaml }}
{{- end -}}

{{/* Containers that an operator adds; a key in clear text in their environment is refused. Gets its own
keys alone: `at`, "extraContainers"; `containers`. Prints them. */}}
{{- define "litellm-overlay.furtherContainers" -}}
{{- $at := .at -}}
{{- range $index, $container := .containers -}}
{{- range $container.env -}}
{{- include "litellm-overlay.refuseSecret" (dict "at" (printf "%s[%d].env.%s" $at $index .name) "name" .name "value" .value) -}}
{{- end -}}
{{- range $number, $argument := concat ($container.command | default list) ($container.args | default list) -}}
{{- include "litellm-overlay.refuseSecret" (dict "at" (printf "%s[%d].args" $at $index) "name" "" "value" $argument) -}}
{{- end -}}
{{- end -}}
{{- toYaml .containers -}}
{{- end -}}

{{/* DATABASE_URL from the Secret that is there, and who migrates it. */}}
{{- define "litellm-overlay.databaseUrl" -}}
- name: DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ .Values.database.secretName | quote }}
      key: {{ .Values.database.secretKey | quote }}
{{- end -}}

{{/* The proxy's environment. Of two with one name Kubernetes takes the last or, with server-side apply,
refuses both. */}}
{{- define "litellm-overlay.env" -}}
{{- $names := list "LITELLM_MASTER_KEY" -}}
{{- if .Values.database.secretName -}}
{{- $names = append $names "DATABASE_URL" -}}
{{- end -}}
{{- if .Values.migrations.enabled -}}
{{- $names = append $names "DISABLE_SCHEMA_UPDATE" -}}
{{- end -}}
{{- if .Values.disableAiohttpTransport -}}
{{- $names = append $names "DISABLE_AIOHTTP_TRANSPORT" -}}
{{- end -}}
{{- range .Values.env -}}
{{- if has .name $names -}}
{{- fail (printf "env: %s is given twice; masterKey sets LITELLM_MASTER_KEY, database DATABASE_URL, migrations DISABLE_SCHEMA_UPDATE, disableAiohttpTransport DISABLE_AIOHTTP_TRANSPORT" .name) -}}
{{- end -}}
{{- $names = append $names .name -}}
{{- include "litellm-overlay.refuseSecret" (dict "at" (printf "env.%s" .name) "name" .name "value" .value) -}}
{{- end -}}
- name: LITELLM_MASTER_KEY
  {{- include "litellm-overlay.masterKey" . | nindent 2 }}
{{- if .Values.database.secretName }}
{{ include "litellm-overlay.databaseUrl" . }}
{{- end }}
{{- if .Values.migrations.enabled }}
- name: DISABLE_SCHEMA_UPDATE
  value: "true"
{{- end }}
{{- if .Values.disableAiohttpTransport }}
- name: DISABLE_AIOHTTP_TRANSPORT
  value: "True"
{{- end }}
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
