{{/* Names, labels and pieces that several objects share. What may be called `off` or `1` is quoted where it
stands alone: YAML would take it for something else than a text. */}}

{{- define "memgraph-ha.set" -}}
{{- if eq .Values.names "fixed" -}}memgraph-ha{{- else -}}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{- end -}}
{{- end -}}

{{- define "memgraph-ha.prefix" -}}
{{- if eq .Values.names "fixed" -}}memgraph{{- else -}}{{ include "memgraph-ha.set" . }}{{- end -}}
{{- end -}}

{{- define "memgraph-ha.controller" -}}{{ include "memgraph-ha.prefix" . }}-controller{{- end -}}
{{- define "memgraph-ha.controllers" -}}{{ include "memgraph-ha.prefix" . }}-controllers{{- end -}}
{{- define "memgraph-ha.gateway" -}}{{ include "memgraph-ha.prefix" . }}-gateway{{- end -}}

{{/* Where neo4j:// drivers are sent for writes, and for reads; nothing is what they used, and for reads
where writes go. Names in the cluster mean nothing to drivers outside, who may come where a Service is no
ClusterIP. */}}
{{- define "memgraph-ha.isInside" -}}
{{- $read := .Values.gateway.readService -}}
{{- if and (eq .Values.gateway.service.type "ClusterIP") (or (not $read.enabled) (eq $read.type "ClusterIP")) -}}yes{{- end -}}
{{- end -}}

{{- define "memgraph-ha.advertised" -}}
{{- with .Values.gateway.service.advertisedAddress -}}{{ . }}
{{- else -}}
{{- if include "memgraph-ha.isInside" . -}}
{{ include "memgraph-ha.gateway" . }}.{{ .Release.Namespace }}.svc:{{ .Values.gateway.service.port }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "memgraph-ha.advertisedRead" -}}
{{- with .Values.gateway.readService.advertisedAddress -}}{{ . }}
{{- else -}}
{{- if and .Values.gateway.readService.enabled (include "memgraph-ha.isInside" .) -}}
{{ include "memgraph-ha.gateway" . }}-read.{{ .Release.Namespace }}.svc:{{ .Values.gateway.readService.port }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The label of the instances' pods; none of the other pods carries it. */}}
{{- define "memgraph-ha.app" -}}
{{- if .Values.memgraph.appName -}}{{ .Values.memgraph.appName }}
{{- else if eq .Values.names "fixed" -}}memgraph
{{- else -}}{{ include "memgraph-ha.set" . }}{{- end -}}
{{- end -}}

{{/* Objects that the controller makes: the release names them. */}}
{{- define "memgraph-ha.record" -}}{{ printf "%s-state" .Release.Name | trunc 63 | trimSuffix "-" }}{{- end -}}
{{- define "memgraph-ha.orders" -}}{{ printf "%s-orders" .Release.Name | trunc 63 | trimSuffix "-" }}{{- end -}}
{{- define "memgraph-ha.lease" -}}{{ printf "%s-controller" .Release.Name | trunc 63 | trimSuffix "-" }}{{- end -}}

{{- define "memgraph-ha.image" -}}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{- end -}}

{{- define "memgraph-ha.labels" -}}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/part-of: memgraph-ha
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* What a Deployment and its Services select by. Call with (list $ "controller"). */}}
{{- define "memgraph-ha.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: memgraph-ha-{{ index . 1 }}
app.kubernetes.io/instance: {{ $root.Release.Name | quote }}
{{- end -}}

{{- define "memgraph-ha.instances" -}}
app.kubernetes.io/name: {{ include "memgraph-ha.app" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "memgraph-ha.secret" -}}
{{- .Values.auth.existingSecret | default (printf "%s-auth" (include "memgraph-ha.set" .)) -}}
{{- end -}}

{{- define "memgraph-ha.user" -}}
{{- if .Values.auth.enabled }}
- name: MEMGRAPH_USER
  valueFrom: {secretKeyRef: {name: {{ include "memgraph-ha.secret" . | quote }}, key: {{ .Values.auth.usernameKey | quote }}}}
{{- end }}
{{- end -}}

{{/* For those who log in once: a variable stays what it was at the start. */}}
{{- define "memgraph-ha.credentials" -}}
{{- if .Values.auth.enabled }}
{{- include "memgraph-ha.user" . }}
- name: MEMGRAPH_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ include "memgraph-ha.secret" . | quote }}, key: {{ .Values.auth.passwordKey | quote }}}}
{{- end }}
{{- end -}}

{{/* Whose certificates of instances are trusted: the authority alone, without their key. */}}
{{- define "memgraph-ha.authority" -}}
{{- with .Values.memgraph.tls.secretName -}}
- name: authority
  secret: {secretName: {{ . | quote }}, defaultMode: 0440, items: [{key: ca.crt, path: ca.crt}]}
{{- end -}}
{{- end -}}

{{- define "memgraph-ha.authorityMount" -}}
{{- if .Values.memgraph.tls.secretName -}}
- {name: authority, mountPath: /etc/instances, readOnly: true}
{{- end -}}
{{- end -}}

{{/* A size in Mi or Gi, in bytes. */}}
{{- define "memgraph-ha.bytes" -}}
{{- mul (regexFind "^[0-9]+" .) (ternary 1073741824 1048576 (hasSuffix "Gi" .)) -}}
{{- end -}}

{{/* A quantity as the API server may write it, in units: 0.5Gi is 512Mi there. */}}
{{- define "memgraph-ha.quantity" -}}
{{- $units := dict "" 1 "m" 0.001 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "E" 1e18 "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 "Pi" 1125899906842624 "Ei" 1152921504606846976 -}}
{{- printf "%.3f" (mulf (float64 (regexFind "^[0-9.]+" .)) (get $units (regexFind "[A-Za-z]*$" .))) -}}
{{- end -}}

{{/* A time such as 1m30s, in milliseconds. */}}
{{- define "memgraph-ha.milliseconds" -}}
{{- $sum := 0 -}}
{{- range regexFindAll "[0-9]+(ms|s|m|h)" (toString .) -1 -}}
{{- $unit := get (dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000) (regexFind "[a-z]+$" .) -}}
{{- $sum = add $sum (mul (regexFind "^[0-9]+" .) $unit) -}}
{{- end -}}
{{- $sum -}}
{{- end -}}

{{/* The journal's files fill its volume but for one: each ends with the line that goes over its size. */}}
{{- define "memgraph-ha.journalBytes" -}}
{{- with .Values.controller.journal -}}
{{- div (include "memgraph-ha.bytes" .sizeLimit) (add 1 (int .files)) -}}
{{- end -}}
{{- end -}}

{{/* Who and where a pod is. */}}
{{- define "memgraph-ha.place" -}}
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: POD_UID
  valueFrom: {fieldRef: {fieldPath: metadata.uid}}
- name: NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
- name: RELEASE_NAME
  value: {{ .Release.Name | quote }}
- name: STATEFULSET_NAME
  value: {{ include "memgraph-ha.set" . | quote }}
{{- end -}}

{{- define "memgraph-ha.pull" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{ toJson . }}
{{- end }}
{{- end -}}

{{/* Where a pod goes. Call with the values of its part. */}}
{{- define "memgraph-ha.placement" -}}
{{- with .nodeSelector }}
nodeSelector: {{ toJson . }}
{{- end }}
{{- with .tolerations }}
tolerations: {{ toJson . }}
{{- end }}
{{- with .affinity }}
affinity: {{ toJson . }}
{{- end }}
{{- with .priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- end -}}

{{/* Ours run from an empty image, as nobody, and write nothing. */}}
{{- define "memgraph-ha.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "memgraph-ha.security" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}
