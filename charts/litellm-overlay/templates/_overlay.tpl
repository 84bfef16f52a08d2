{{/* The overlay of one pod, said once: what manifests/_overlay.yaml.j2 says for `litellm-overlay
render` and `inject`. A test renders both and compares.

litellm-overlay.facts          JSON: what is known of image and patch (see below)
litellm-overlay.initContainer  reads the image's own endpoints.py, writes the patched one
litellm-overlay.volumes        the payload's ConfigMap, laid out as a package, and the result's emptyDir
litellm-overlay.mount          the one file that the proxy sees instead of its own
litellm-overlay.annotations    of the pod: patch version and payload; a change of either rolls the pods

All take the root context. */}}

{{/* {release, known, patchVersion, digest, payload, modulePath}: `release` is "" where no name tells it;
`known` is what the catalogue says of it, {state, paths, advisories}, or null. */}}
{{- define "litellm-overlay.facts" -}}
{{- $catalogue := .Files.Get "files/catalogue.json" | fromJson -}}
{{- $version := .Values.patch.version | default $catalogue.defaultPatchVersion -}}
{{- $digest := get $catalogue.patchVersions $version -}}
{{- if not $digest -}}
{{- fail (printf "there is no patch version %s in this chart; known: %s" $version (keys $catalogue.patchVersions | sortAlpha | join ", ")) -}}
{{- end -}}
{{- $release := include "litellm-overlay.release" (dict "root" . "known" $catalogue.releases) -}}
{{- $known := get $catalogue.releases $release | default nil -}}
{{- $path := include "litellm-overlay.modulePath" (dict "root" . "release" $release "known" $known) -}}
{{- dict "release" $release "known" $known "patchVersion" $version "digest" $digest
  "payload" (include "litellm-overlay.payloadName" (list . $version $digest)) "modulePath" $path | toJson -}}
{{- end -}}

{{/* The LiteLLM release inside, "" where no name tells it: litellmVersion, else the tag. As
patch/litellm_overlay/images.py reads tags. */}}
{{- define "litellm-overlay.release" -}}
{{- $text := .root.Values.litellmVersion | default .root.Values.image.tag | default "" -}}
{{- $parts := regexFindAll "[0-9]+\\.[0-9]+\\.[0-9]+" $text 1 -}}
{{- if $parts -}}
{{- $base := first $parts -}}
{{- $suffix := regexReplaceAll "^.*?[0-9]+\\.[0-9]+\\.[0-9]+" $text "" -}}
{{- $exact := $base -}}
{{- if regexMatch "^[.-]?(rc|dev)\\.?[0-9]+$" $suffix -}}
{{- $exact = printf "%s%s%s" $base (ternary "rc" ".dev" (contains "rc" $suffix)) (regexFind "[0-9]+$" $suffix) -}}
{{- end -}}
{{- ternary $exact $base (hasKey .known $exact) -}}
{{- end -}}
{{- end -}}

{{/* With the overlay or without it. */}}
{{- define "litellm-overlay.refuseMalware" -}}
{{- $releases := (.Files.Get "files/catalogue.json" | fromJson).releases -}}
{{- $release := include "litellm-overlay.release" (dict "root" . "known" $releases) -}}
{{- if eq (dig $release "state" "" $releases) "malicious" -}}
{{- fail (printf "LiteLLM %s is malware. Never run it; choose another image.tag" $release) -}}
{{- end -}}
{{- end -}}

{{/* Where the proxy mounts the file. A wrong path is refused by the guard in the pod. */}}
{{- define "litellm-overlay.modulePath" -}}
{{- $values := .root.Values -}}
{{- if not .known -}}
{{- if and $values.modulePath (not $values.litellmVersion) -}}
{{- $values.modulePath -}}
{{- else if .release -}}
{{- fail (printf "LiteLLM %s is not in this chart's catalogue. Set modulePath, and the guard in the pod decides by the file's hash; or, for a release with upstream's fix, patch.enabled=false" .release) -}}
{{- else -}}
{{- fail (printf "the image %s does not tell which LiteLLM is inside. Set litellmVersion, or modulePath" (include "litellm-overlay.image" .root)) -}}
{{- end -}}
{{- else if eq .known.state "no-endpoint" -}}
{{- fail (printf "LiteLLM %s has no Responses WebSocket endpoint; there is nothing to patch. Set patch.enabled=false" .release) -}}
{{- else if $values.modulePath -}}
{{- $values.modulePath -}}
{{- else if ne (len .known.paths) 1 -}}
{{- fail (printf "images of LiteLLM %s exist in %d layouts. Set modulePath to the right one: %s" .release (len .known.paths) (join " or " .known.paths)) -}}
{{- else -}}
{{- first .known.paths -}}
{{- end -}}
{{- end -}}

{{/* The name carries the content. Takes (list root version digest). */}}
{{- define "litellm-overlay.payloadName" -}}
{{ include "litellm-overlay.fullname" (index . 0) }}-{{ index . 1 }}-{{ trunc 12 (index . 2) }}
{{- end -}}

{{/* The plan that the guard reads: patch/endpoint_patch/__main__.py. A setting that was not given is
left out, since an older patch version may not know it. */}}
{{- define "litellm-overlay.guardPlan" -}}
{{- $facts := include "litellm-overlay.facts" . | fromJson -}}
{{- $settings := dict "mode" .Values.patch.mode "drainFile" "/litellm-overlay/drain/now" -}}
{{- range $name := list "maxMessageBytes" "firstMessageTimeoutSeconds" "sessionLifetimeSeconds" -}}
{{- $value := get $.Values.patch $name -}}
{{- if not (kindIs "invalid" $value) -}}
{{- $_ := set $settings $name $value -}}
{{- end -}}
{{- end -}}
{{- dict "patchVersion" $facts.patchVersion "modulePath" $facts.modulePath "onUnknown" .Values.onUnknown
  "outputPath" "/litellm-overlay/output/endpoints.py" "terminationMessagePath" "/dev/termination-log"
  "settings" $settings | toJson -}}
{{- end -}}

{{/* Whom the proxy runs as, under the rules of Pod Security "restricted"; nothing that would
contradict the proxy, so no user of our own. */}}
{{- define "litellm-overlay.confined" -}}
{{- $own := .Values.securityContext | default dict -}}
{{- $pod := .Values.podSecurityContext | default dict -}}
{{- $context := dict "allowPrivilegeEscalation" false "capabilities" (dict "drop" (list "ALL")) "readOnlyRootFilesystem" true -}}
{{- range $key := list "runAsUser" "runAsGroup" "runAsNonRoot" "seLinuxOptions" "appArmorProfile" "seccompProfile" -}}
{{- if and (hasKey $own $key) (not (kindIs "invalid" (get $own $key))) -}}
{{- $_ := set $context $key (get $own $key) -}}
{{- end -}}
{{- end -}}
{{- if not (or $context.seccompProfile $pod.seccompProfile) -}}
{{- $_ := set $context "seccompProfile" (dict "type" "RuntimeDefault") -}}
{{- end -}}
{{- toYaml $context -}}
{{- end -}}

{{/* What decides which Python and which LiteLLM the proxy runs. */}}
{{- define "litellm-overlay.interpreterEnv" -}}
{{- range .Values.env -}}
{{- if has .name (list "PATH" "PYTHONPATH") }}
- {{ toJson . }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "litellm-overlay.initContainer" -}}
- name: litellm-overlay
  {{- include "litellm-overlay.imageLines" . | nindent 2 }}
  command: ["python3", "-S", "-s", "-m", "endpoint_patch"]
  workingDir: /litellm-overlay/payload
  env:
    - name: LITELLM_OVERLAY_PLAN
      value: {{ include "litellm-overlay.guardPlan" . | squote }}
    {{- with include "litellm-overlay.interpreterEnv" . }}
    {{- trim . | nindent 4 }}
    {{- end }}
  {{- with .Values.initResources }}
  resources:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- include "litellm-overlay.confined" . | nindent 4 }}
  terminationMessagePath: /dev/termination-log
  terminationMessagePolicy: File
  volumeMounts:
    - name: litellm-overlay-payload
      mountPath: /litellm-overlay/payload
      readOnly: true
    - name: litellm-overlay-output
      mountPath: /litellm-overlay/output
{{- end -}}

{{- define "litellm-overlay.volumes" -}}
{{- $facts := include "litellm-overlay.facts" . | fromJson -}}
{{- $folder := printf "files/payload/%s/" $facts.patchVersion -}}
- name: litellm-overlay-payload
  configMap:
    name: {{ $facts.payload }}
    defaultMode: 292  # 0444, which YAML 1.2 would read as a decimal number
    items:
      {{- range $path, $_ := .Files.Glob (printf "%s**" $folder) }}
      {{- $inside := trimPrefix $folder $path }}
      - {key: {{ replace "/" "." $inside }}, path: {{ $inside }}}
      {{- end }}
- name: litellm-overlay-output
  emptyDir:
    sizeLimit: 4Mi
{{- end -}}

{{- define "litellm-overlay.mount" -}}
- name: litellm-overlay-output
  mountPath: {{ (include "litellm-overlay.facts" . | fromJson).modulePath }}
  subPath: endpoints.py
  readOnly: true
{{- end -}}

{{- define "litellm-overlay.annotations" -}}
{{- $facts := include "litellm-overlay.facts" . | fromJson -}}
litellm-overlay/patch-version: {{ $facts.patchVersion | quote }}
litellm-overlay/payload-digest: {{ $facts.digest | quote }}
{{- end -}}
