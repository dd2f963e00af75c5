{{- /* The node file. Its paths are those of the mounts in _pod.tpl. */ -}}
{{- define "perimeter.node" -}}
{{- $data := merge (dict "host" .Values.listen "port" 8080) .Values.listener -}}
{{- with .Values.tls -}}
{{- if .secretName -}}
{{- $tls := dict "certificate" "tls/tls.crt" "key" "tls/tls.key" "version_min" .versionMin -}}
{{- if .clientCa -}}
{{- $_ := set $tls "client_ca" "tls/ca.crt" -}}
{{- $_ := set $tls "client_certificate" .clientCertificate -}}
{{- end -}}
{{- $_ := set $data "tls" $tls -}}
{{- end -}}
{{- end -}}
{{- $secrets := dict -}}
{{- range $name, $_ := .Values.secrets -}}
{{- $_ := set $secrets $name (dict "file" (printf "secrets/%s" $name)) -}}
{{- end -}}
version: 1
origin: {{ .Values.origin }}
refusal_status: {{ .Values.refusalStatus }}
listeners:
  data:
    {{- toYaml $data | nindent 4 }}
  admin:
    host: {{ .Values.listen | quote }}
    port: 9090
paths:
  policy: policy
  models: models
  keys: keys.yaml
  ledger: /var/lib/perimeter/ledger
  subject_keys: /var/lib/perimeter/keys/subjects.sqlite
  wrapping_key: /var/lib/perimeter-wrapping/wrapping.key
  signing_key: /var/lib/perimeter/keys/signing.key
  conversations: /var/lib/perimeter/conversations.sqlite
  checkpoints: /var/lib/perimeter-checkpoints/checkpoints.sqlite
  bodies: /var/lib/perimeter/bodies
  approvals: /var/lib/perimeter/approvals
  {{- if .Values.persons }}
  persons: persons.yaml
  {{- end }}
  cache: /var/cache/perimeter
policy_signed: {{ ne .Values.policyApproval "" }}
timeouts:
  {{- toYaml .Values.timeouts | nindent 2 }}
conversations:
  {{- toYaml .Values.conversations | nindent 2 }}
ledger:
  {{- toYaml .Values.ledger | nindent 2 }}
bodies:
  {{- toYaml .Values.bodies | nindent 2 }}
retention:
  {{- toYaml .Values.retention | nindent 2 }}
anchors:
  {{- toYaml .Values.anchors | nindent 2 }}
secrets:
  {{- toYaml $secrets | nindent 2 }}
issuers:
  {{- toYaml .Values.issuers | nindent 2 }}
{{- end }}
