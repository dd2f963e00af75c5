{{- define "perimeter.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
# WHY: `Always` opens the signing key to the group at every start, and the gateway then refuses it.
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "perimeter.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "perimeter.stateMounts" -}}
- {name: ledger, mountPath: /var/lib/perimeter}
- {name: checkpoints, mountPath: /var/lib/perimeter-checkpoints}
- {name: wrapping, mountPath: /var/lib/perimeter-wrapping}
{{- end }}

{{- define "perimeter.stateVolumes" -}}
- name: ledger
  persistentVolumeClaim: {claimName: {{ include "perimeter.claim" (dict "root" . "name" "ledger") }}}
- name: checkpoints
  persistentVolumeClaim: {claimName: {{ include "perimeter.claim" (dict "root" . "name" "checkpoints") }}}
- name: wrapping
  persistentVolumeClaim: {claimName: {{ include "perimeter.claim" (dict "root" . "name" "wrapping") }}}
{{- end }}

{{- /* Everything below /etc/perimeter, in one volume, so that it changes as one. */ -}}
{{- define "perimeter.configSources" -}}
- configMap: {name: {{ .Release.Name }}-node}
- configMap:
    name: {{ .Release.Name }}-policy
    items:
      {{- range $name, $_ := .Values.policy }}
      - {key: {{ $name }}.yaml, path: policy/{{ $name }}.yaml}
      {{- end }}
      {{- if .Values.policyApproval }}
      - {key: approval.json, path: policy/approval.json}
      {{- end }}
{{- with .Values.cases }}
- configMap:
    name: {{ $.Release.Name }}-cases
    items:
      {{- range $name, $_ := . }}
      - {key: {{ $name }}.yaml, path: policy/cases/{{ $name }}.yaml}
      {{- end }}
{{- end }}
- configMap:
    name: {{ .Release.Name }}-models
    items:
      {{- range $name, $_ := .Values.models }}
      - {key: {{ $name }}.yaml, path: models/{{ $name }}.yaml}
      {{- end }}
      {{- range $name, $_ := .Values.certificates }}
      - {key: {{ $name }}.pem, path: models/{{ $name }}.pem}
      {{- end }}
- secret:
    name: {{ .Values.callerKeys.secretName }}
    items: [{key: {{ .Values.callerKeys.key }}, path: keys.yaml}]
{{- range $name, $from := .Values.secrets }}
- secret:
    name: {{ $from.secretName }}
    items: [{key: {{ $from.key }}, path: secrets/{{ $name }}}]
{{- end }}
{{- with .Values.tls }}
{{- if .secretName }}
- secret:
    name: {{ .secretName }}
    items:
      - {key: tls.crt, path: tls/tls.crt}
      - {key: tls.key, path: tls/tls.key}
      {{- if .clientCa }}
      - {key: ca.crt, path: tls/ca.crt}
      {{- end }}
{{- end }}
{{- end }}
{{- end }}
