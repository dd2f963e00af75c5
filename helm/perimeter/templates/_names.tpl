{{- define "perimeter.labels" -}}
{{ include "perimeter.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "perimeter.selector" -}}
app.kubernetes.io/name: perimeter
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "perimeter.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ printf "%s@%s" .repository .digest }}
{{- else -}}
{{ printf "%s:%s" .repository (default $.Chart.AppVersion .tag) }}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "perimeter.claim" -}}
{{- $storage := index .root.Values.storage .name -}}
{{- default (printf "%s-%s" .root.Release.Name .name) $storage.existingClaim -}}
{{- end }}
