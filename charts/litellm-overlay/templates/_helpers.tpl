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

{{/* Refuses keys in clear text: everybody who may read ConfigMaps or pods would read them.
Takes (dict "path" "config" "value" …). */}}
{{- define "litellm-overlay.refuseSecrets" -}}
{{- $path := .path -}}
{{- if kindIs "map" .value -}}
{{- range $key, $value := .value -}}
{{- $at := printf "%s.%s" $path $key -}}
{{- if and (kindIs "string" $value) (regexMatch "(?i)(^|_)(api_?key|master_key|salt_key|access_key|password|secret|client_secret|token|database_url|redis_url|credentials)$" $key) -}}
{{- if and $value (not (hasPrefix "os.environ/" $value)) -}}
{{- fail (printf "%s holds a secret in clear text. Write os.environ/NAME there, and give NAME by env or envFrom from a Secret" $at) -}}
{{- end -}}
{{- else -}}
{{- include "litellm-overlay.refuseSecrets" (dict "path" $at "value" $value) -}}
{{- end -}}
{{- end -}}
{{- else if kindIs "slice" .value -}}
{{- range $index, $value := .value -}}
{{- include "litellm-overlay.refuseSecrets" (dict "path" (printf "%s[%d]" $path $index) "value" $value) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The proxy's environment. */}}
{{- define "litellm-overlay.env" -}}
{{- range .Values.env -}}
{{- if and .value (regexMatch "(?i)(KEY|TOKEN|SECRET|PASSWORD|DATABASE_URL)$" .name) -}}
{{- fail (printf "env: %s holds a secret in clear text. Put it into a Secret, and write valueFrom.secretKeyRef" .name) -}}
{{- end -}}
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
