{{/* The overlay of one pod, said once: what manifests/_overlay.yaml.j2 says for `litellm-overlay
render` and `inject`. A test renders both and compares.

litellm-overlay.facts          JSON: what is known of image and patch; refuses what must not run
litellm-overlay.initContainer  reads the image's own endpoints.py, writes the patched one
litellm-overlay.volumes        the payload's ConfigMap, laid out as a package, and the result's emptyDir
litellm-overlay.mount          the one file that the proxy sees instead of its own
litellm-overlay.annotations    of the pod: patch version and payload; a change of either rolls the pods

All but facts want `facts` beside the root context. The catalogue behind it is long, so a template
reads it once, at its head, and hands on what came out. */}}

{{/* {release, known, doubt} and, with the overlay, {malicious, patchVersion, digest, index, payload,
modulePath}: `release` is "" where no name tells it; `known` is what the catalogue says of it, {state, paths, advisories} and
of a fixed one {gaps}, sentences, or null. A release that is newer is "unreviewed", and has {last}: the newest of
its line that is known. `doubt` is what the tag says against litellmVersion, or "". */}}
{{- define "litellm-overlay.facts" -}}
{{- $catalogue := .Files.Get "files/catalogue.json" | fromJson -}}
{{- include "litellm-overlay.refuseMalware" (merge (dict "malicious" $catalogue.malicious) .) -}}
{{- $release := include "litellm-overlay.release" (merge (dict "releases" $catalogue.releases) .) -}}
{{- $known := get $catalogue.releases $release | default nil -}}
{{- if and $known (eq $known.state "malicious") -}}
{{- fail (printf "LiteLLM %s is malware. Never run it; choose another image.tag" $release) -}}
{{- end -}}
{{- if and $release (not $known) -}}
{{- with include "litellm-overlay.newestOfLine" (dict "catalogue" $catalogue "release" $release) -}}
{{- $paths := (get $catalogue.releases .).paths -}}
{{- $known = dict "state" "unreviewed" "paths" $paths "advisories" list "last" . -}}
{{- end -}}
{{- else if and $known $known.gaps -}}
{{- $gaps := list -}}
{{- range $known.gaps -}}
{{- $gaps = append $gaps (index $catalogue.gaps (int .)) -}}
{{- end -}}
{{- $known = merge (dict "gaps" $gaps) $known -}}
{{- end -}}
{{- $facts := dict "release" $release "known" $known "doubt" (include "litellm-overlay.doubt" .) -}}
{{- if .Values.patch.enabled -}}
{{- $version := .Values.patch.version | default $catalogue.defaultPatchVersion -}}
{{- $digest := get $catalogue.patchVersions $version -}}
{{- if not $digest -}}
{{- fail (printf "there is no patch version %s in this chart; known: %s" $version (keys $catalogue.patchVersions | sortAlpha | join ", ")) -}}
{{- end -}}
{{- if and (eq .Values.patch.onFixed "patch") (hasPrefix "1." $version) -}}
{{- fail (printf "patch.onFixed=patch needs the bridge, and patch version %s is the relay. Leave patch.version empty, or set it to %s" $version $catalogue.defaultPatchVersion) -}}
{{- end -}}
{{- if ne (eq .Values.onUnknown "patch") (not (empty .Values.expectedSha256)) -}}
{{- fail "onUnknown=patch and expectedSha256 go together. The file's sha256 stands in the guard's refusal, and in what sha256sum prints" -}}
{{- end -}}
{{- $facts = merge $facts (dict "malicious" $catalogue.malicious.releases "patchVersion" $version "digest" $digest
  "index" (get (.Files.Get "files/payloads.json" | fromJson) $version)
  "payload" (include "litellm-overlay.payloadName" (merge (dict "version" $version "digest" $digest) .))
  "modulePath" (include "litellm-overlay.modulePath" (merge (dict "facts" $facts) .))) -}}
{{- end -}}
{{- toJson $facts -}}
{{- end -}}

{{/* Refuses what names a malicious release: the digest, or tag and litellmVersion anywhere in them. Neither
of the two excuses the other. A pre-release is another release. Wants `malicious`, the catalogue's. */}}
{{- define "litellm-overlay.refuseMalware" -}}
{{- $image := .Values.image -}}
{{- with get .malicious.images ($image.digest | default "") -}}
{{- fail (printf "image.digest is that of LiteLLM %s, which is malware. Never run it; choose another image" .) -}}
{{- end -}}
{{- $names := printf "%s %s" ($image.tag | default "") (.Values.litellmVersion | default "") -}}
{{- $names = regexReplaceAll "[0-9]+\\.[0-9]+\\.[0-9]+[.-]?(rc|dev)\\.?[0-9]+" $names "-" -}}
{{- range .malicious.releases -}}
{{- if regexMatch (printf "(^|[^0-9])%s([^0-9]|$)" (replace "." "\\." .)) $names -}}
{{- fail (printf "LiteLLM %s is malware. Never run it; choose another image.tag" .) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The LiteLLM release inside, "" where no name tells it: litellmVersion, else the tag. As
patch/litellm_overlay/catalogue/image_tags.py reads tags. Wants `releases`, the catalogue's. */}}
{{- define "litellm-overlay.release" -}}
{{- $text := .Values.litellmVersion | default .Values.image.tag | default "" -}}
{{- $parts := regexFindAll "(^|[-_])v?[0-9]+\\.[0-9]+\\.[0-9]+" $text 1 -}}
{{- $base := regexFind "[0-9].*" (first $parts | default "") -}}
{{- if and $base (not (regexMatch "^[0-9]{4}" $base)) -}}{{/* 2026.11.26 is a date */}}
{{- $suffix := regexReplaceAll "^(.*?[-_])??v?[0-9]+\\.[0-9]+\\.[0-9]+" $text "" -}}
{{- $exact := $base -}}
{{- if regexMatch "^[.-]?(rc|dev)\\.?[0-9]+$" $suffix -}}
{{- $exact = printf "%s%s%s" $base (ternary "rc" ".dev" (contains "rc" $suffix)) (regexFind "[0-9]+$" $suffix) -}}
{{- end -}}
{{- ternary $exact $base (hasKey .releases $exact) -}}
{{- end -}}
{{- end -}}

{{/* The newest release that is known of a newer one's line (1.106), else of all; "" where it is not newer:
upstream goes on with several lines at once. Gets its own keys alone: `catalogue` and `release`. */}}
{{- define "litellm-overlay.newestOfLine" -}}
{{- $newest := get .catalogue.lines (regexFind "^[0-9]+\\.[0-9]+" .catalogue.newest) -}}
{{- $last := get .catalogue.lines (regexFind "^[0-9]+\\.[0-9]+" .release) | default $newest -}}
{{- if semverCompare (printf ">%s" (index $last 1)) .release -}}
{{- first $last -}}
{{- end -}}
{{- end -}}

{{/* A tag of upstream's own form that names another release than litellmVersion, "" if there is none. */}}
{{- define "litellm-overlay.doubt" -}}
{{- $tag := .Values.image.tag | default "" -}}
{{- if and .Values.litellmVersion (regexMatch "^(main-)?v?[0-9]{1,3}\\.[0-9]+\\.[0-9]+(-stable)?$" $tag) -}}
{{- $named := regexFind "[0-9]+\\.[0-9]+\\.[0-9]+" $tag -}}
{{- ternary "" $named (eq $named .Values.litellmVersion) -}}
{{- end -}}
{{- end -}}

{{/* Where the proxy mounts the file. A wrong path is refused by the guard in the pod. Wants of `facts`
release and known. */}}
{{- define "litellm-overlay.modulePath" -}}
{{- $release := .facts.release -}}
{{- $known := .facts.known -}}
{{- if not $known -}}
{{- if and .Values.modulePath (not .Values.litellmVersion) -}}
{{- .Values.modulePath -}}
{{- else if $release -}}
{{- fail (printf "LiteLLM %s is not in this chart's catalogue. Set modulePath, and the guard in the pod decides by the file's hash; or, for a release with upstream's fix, patch.enabled=false" $release) -}}
{{- else -}}
{{- fail (printf "the image %s does not tell which LiteLLM is inside. Set litellmVersion, or modulePath" (include "litellm-overlay.image" .)) -}}
{{- end -}}
{{- else if eq $known.state "no-endpoint" -}}
{{- fail (printf "LiteLLM %s has no Responses WebSocket endpoint; there is nothing to patch. Set patch.enabled=false" $release) -}}
{{- else if .Values.modulePath -}}
{{- .Values.modulePath -}}
{{- else if ne (len $known.paths) 1 -}}
{{- fail (printf "images of LiteLLM %s exist in %d layouts. Set modulePath to the right one: %s" $release (len $known.paths) (join " or " $known.paths)) -}}
{{- else -}}
{{- first $known.paths -}}
{{- end -}}
{{- end -}}

{{/* The versions whose payloads are there, as a JSON array, oldest first: the newest ones, the pinned one,
those that are named. As `Planner.rendered` in patch/litellm_overlay/overlay/plan.py. Wants `catalogue`. */}}
{{- define "litellm-overlay.keptVersions" -}}
{{- $every := .catalogue.patchVersionsByAge -}}
{{- $named := list (.Values.patch.version | default .catalogue.defaultPatchVersion) -}}
{{- range .Values.patch.keepVersions -}}
{{- if not (has . $every) -}}
{{- fail (printf "patch.keepVersions: there is no patch version %s in this chart; known: %s" . (join ", " $every)) -}}
{{- end -}}
{{- $named = append $named . -}}
{{- end -}}
{{- $older := sub (len $every) (int (.Values.patch.keepNewest | default 2)) | int -}}
{{- $kept := list -}}
{{- range $index, $version := $every -}}
{{- if or (ge $index $older) (has $version $named) -}}
{{- $kept = append $kept $version -}}
{{- end -}}
{{- end -}}
{{- toJson $kept -}}
{{- end -}}

{{/* Refuses what Helm could not store: it keeps chart, values and manifests of a release in one Secret,
compressed, and a Secret is 1 MiB at most. The factors are measured: docs/release.md. Wants `kept`, the
versions that are rendered, and `files`, the index of payloads. */}}
{{- define "litellm-overlay.refuseTooLarge" -}}
{{- $carried := 0 -}}
{{- range $_, $content := .Files.Glob "files/payload/**" -}}
{{- $carried = add $carried (len $content) -}}
{{- end -}}
{{- $rendered := 0 -}}
{{- range $version := .kept -}}
{{- range $_, $name := get (get $.files $version) "files" -}}
{{- $rendered = add $rendered (len ($.Files.Get $name)) -}}
{{- end -}}
{{- end -}}
{{- $values := len (toJson .Values) -}}
{{- $size := add 60000 (div (mul $carried 62) 100) (div (mul $rendered 44) 100) $values -}}
{{- if gt $size 1000000 -}}
{{- fail (printf "this release would be about %d kB, and Helm can store 1,048: the payloads of %d patch versions (%d kB) and values of %d kB. Lower patch.keepNewest, take versions out of patch.keepVersions, or give the config as existingConfigMap" (div $size 1000) (len .kept) (div $rendered 1000) (div $values 1000)) -}}
{{- end -}}
{{- end -}}

{{/* The name carries the content. Wants `version` and `digest`. */}}
{{- define "litellm-overlay.payloadName" -}}
{{ include "litellm-overlay.fullname" . }}-{{ .version }}-{{ trunc 12 .digest }}
{{- end -}}

{{/* The plan that the guard reads: patch/endpoint_patch/__main__.py. A setting that was not given is
left out, since an older patch version may not know it. `compromised`: a payload that was frozen before
the next malware was known learns of it here. */}}
{{- define "litellm-overlay.guardPlan" -}}
{{- $settings := dict "mode" .Values.patch.mode "drainFile" "/litellm-overlay/drain/now" "offFile" "/litellm-overlay/switch/off" -}}
{{- range $name := list "maxMessageBytes" "firstMessageTimeoutSeconds" "sessionLifetimeSeconds" "heartbeatSeconds" "heartbeatMaxSeconds" -}}
{{- $value := get $.Values.patch $name -}}
{{- if not (kindIs "invalid" $value) -}}
{{- $_ := set $settings $name $value -}}
{{- end -}}
{{- end -}}
{{- with include "litellm-overlay.historyBytes" . -}}
{{- $_ := set $settings "historyBytes" (int64 .) -}}
{{- end -}}
{{- $plan := dict "patchVersion" .facts.patchVersion "modulePath" .facts.modulePath
  "onFixed" .Values.patch.onFixed "onUnknown" .Values.onUnknown "compromised" .facts.malicious
  "outputPath" "/litellm-overlay/output/endpoints.py" "terminationMessagePath" "/dev/termination-log"
  "settings" $settings -}}
{{- with .Values.expectedSha256 -}}
{{- $_ := set $plan "expectedSha256" . -}}
{{- end -}}
{{- toJson $plan -}}
{{- end -}}

{{/* What each worker may remember: what was set, else a sixteenth of the memory limit, shared by the
workers. "" where that is the patch's own default, or the limit cannot be told. */}}
{{- define "litellm-overlay.historyBytes" -}}
{{- $limit := dig "limits" "memory" "" (.Values.resources | default dict) | toString -}}
{{- if not (kindIs "invalid" .Values.patch.historyBytes) -}}
{{- int64 .Values.patch.historyBytes -}}
{{- else if regexMatch "^[0-9]+(Ki|Mi|Gi|Ti|k|M|G|T)?$" $limit -}}
{{- $units := dict "" 1 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000 -}}
{{- $bytes := mul (regexFind "^[0-9]+" $limit | int64) (get $units (regexFind "[A-Za-z]*$" $limit) | int64) -}}
{{- $derived := max 1048576 (div (div $bytes 16) (include "litellm-overlay.workers" . | int64)) -}}
{{- if ne $derived 268435456 -}}
{{- $derived -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* How many processes LiteLLM starts: --num_workers, else NUM_WORKERS, else 1. */}}
{{- define "litellm-overlay.workers" -}}
{{- $told := "" -}}
{{- range .Values.env -}}
{{- if eq .name "NUM_WORKERS" -}}
{{- $told = .value | default "" | toString -}}
{{- end -}}
{{- end -}}
{{- with regexFind "--num_workers[ =]+[0-9]+" (join " " .Values.extraArgs) -}}
{{- $told = regexFind "[0-9]+$" . -}}
{{- end -}}
{{- max 1 (int64 $told) -}}
{{- end -}}

{{/* Whom the proxy runs as, under the rules of Pod Security "restricted"; nothing that would
contradict the proxy, so no user of our own. */}}
{{- define "litellm-overlay.confined" -}}
{{- $own := .Values.securityContext | default dict -}}
{{- $context := dict "allowPrivilegeEscalation" false "capabilities" (dict "drop" (list "ALL")) "readOnlyRootFilesystem" true -}}
{{- range $key := list "runAsUser" "runAsGroup" "runAsNonRoot" "seLinuxOptions" "appArmorProfile" "seccompProfile" -}}
{{- if and (hasKey $own $key) (not (kindIs "invalid" (get $own $key))) -}}
{{- $_ := set $context $key (get $own $key) -}}
{{- end -}}
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
  command:
    - python3
    - "-I"
    - "-S"
    - "-c"
    - |
      {{- .Files.Get (get .facts.index "proof") | trim | nindent 6 }}
    - /litellm-overlay/payload/endpoint_patch
    - {{ .facts.digest | quote }}
    - /dev/termination-log
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
- name: litellm-overlay-payload
  configMap:
    name: {{ .facts.payload }}
    defaultMode: 292  # 0444, which YAML 1.2 would read as a decimal number
    items:
      {{- range $path, $_ := get .facts.index "files" }}
      - {key: {{ replace "/" "." $path }}, path: {{ $path }}}
      {{- end }}
- name: litellm-overlay-output
  emptyDir:
    sizeLimit: 4Mi
{{- end -}}

{{- define "litellm-overlay.mount" -}}
- name: litellm-overlay-output
  mountPath: {{ .facts.modulePath }}
  subPath: endpoints.py
  readOnly: true
{{- end -}}

{{- define "litellm-overlay.annotations" -}}
litellm-overlay/patch-version: {{ .facts.patchVersion | quote }}
litellm-overlay/payload-digest: {{ .facts.digest | quote }}
{{- end -}}
