{{- define "list" -}}
{{- if eq .root.Values.generation "tpl" -}}{{ tpl (toYaml .items) .root }}{{- else -}}{{ toYaml .items }}{{- end -}}
{{- end -}}

{{- define "deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .name }}
spec:
  selector:
    matchLabels: {app: {{ .name }}}
  template:
    metadata:
      labels: {app: {{ .name }}}
      {{- with .root.Values.podAnnotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      securityContext:
        {{- toYaml .root.Values.podSecurityContext | nindent 8 }}
      {{- if and .root.Values.extraInitContainers (ne .root.Values.generation "old") }}
      initContainers:
        {{- include "list" (dict "root" .root "items" .root.Values.extraInitContainers) | nindent 8 }}
      {{- end }}
      containers:
        - name: {{ .root.Values.nameOverride }}
          securityContext:
            {{- toYaml .root.Values.securityContext | nindent 12 }}
          image: "{{ .root.Values.image.repository }}:{{ .root.Values.image.tag }}"  # no digest
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          args: [--config, /etc/litellm/config.yaml]
          {{- with .root.Values.extraEnvVars }}
          env:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          readinessProbe:
            httpGet: {path: /health/readiness, port: 4000}
            periodSeconds: 2
            timeoutSeconds: 5
          volumeMounts:
            - {name: config, mountPath: /etc/litellm}
            {{- with .root.Values.volumeMounts }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
      volumes:
        - {name: config, configMap: {name: {{ .root.Release.Name }}-config}}
        {{- with .root.Values.volumes }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
{{- end -}}
