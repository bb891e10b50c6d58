package rules

import (
	"testing"
	"unicode/utf8"
)

// FuzzTemplate holds that no template makes the check panic, that every fault has a
// place in it, and that one which is accepted runs over any labels and numbers.
func FuzzTemplate(f *testing.F) {
	for _, source := range []string{
		"{{ .topic }} at {{ .tps | humanize }} msg/s", `{{ if or (eq .tier "S3") (gt .tps 1000.0) }}a{{ else if .topic }}{{ else }}b{{ end }}`,
		`{{ with $x := .topic }}{{ . }}{{ $x | len | printf "%d" }}{{ end }}`, "{{ range $k, $v := . }}{{ $k }}={{ $v }} {{ end }}",
		`{{ printf "%.2f" (index . "tps") }}{{- /* a */ -}}`, `{{ define "a" }}{{ template "a" }}{{ end }}`, "{{ .tps | | }}", "日本 {{ `a`", "{{ if }}",
		"{{ not .tps }} {{ and .topic .tps | print }}", "{{ 'a' }} {{ $.tier }} {{ nil }} {{ (.topic).x }}",
	} {
		f.Add(source)
	}
	names := templateNames{what: "annotation", labels: []string{"topic", "tier"}, fields: []string{"tps", "p99"}}
	f.Fuzz(func(t *testing.T, source string) {
		parsed, _, faults := checkTemplate(source, names)
		for _, fault := range faults {
			if fault.Offset < 0 || fault.Offset > utf8.RuneCountInString(source) || fault.Message == "" {
				t.Errorf("fault at %d of %q: %q", fault.Offset, source, fault.Message)
			}
		}
		if (parsed == nil) != (len(faults) > 0) {
			t.Fatalf("template %v with faults %v", parsed, faults)
		}
	})
}

// TestBranchesNotTaken holds that what a run over the samples would not reach is refused too,
// and that what is right in such a branch is not.
func TestBranchesNotTaken(t *testing.T) {
	names := templateNames{what: "annotation", labels: []string{"topic", "tier"}, fields: []string{"tps"}}
	for source, accepted := range map[string]bool{
		`{{ if eq .tier "S1" }}{{ .topic }}{{ end }}`:                                       true,
		`{{ if eq .tier "S1" }}{{ .topik }}{{ end }}`:                                       false,
		`{{ if eq .tier "S1" }}{{ humanize .topic }}{{ end }}`:                              false,
		`{{ if eq .tier "S1" }}a{{ else if eq .tier "S2" }}{{ .topik }}{{ end }}`:           false,
		`{{ if eq .tier "S1" }}{{ with .topic }}{{ $.topik }}{{ end }}{{ end }}`:            false,
		`{{ if eq .tier "S1" }}{{ with .topic }}{{ . }}{{ end }}{{ end }}`:                  true,
		`{{ if eq .tier "S1" }}{{ print (print .topik) }}{{ end }}`:                         false,
		`{{ if and (eq .tier "S1") (gt .tps 10.0) }}{{ humanize .tps }}{{ end }}`:           true,
		`{{ if eq .tier "S1" "S2" }}{{ $x := .tps }}{{ humanize $x }}{{ end }}`:             true,
		`{{ if eq .tier "S1" }}{{ $x := .topic }}{{ humanize $x }}{{ end }}`:                false,
		`{{ if eq .tier "S1" }}{{ humanize (index . "tps") }}{{ end }}`:                     true,
		`{{ if .tier }}{{ slice .tier 0 1 }}{{ end }}`:                                      true,
		`{{ .topic }}{{ /* a comment with }} and .topik */ }}`:                              false, // the comment must touch the braces
		`{{- /* a comment with }} and .topik */ -}} {{ .topic }}`:                           true,
		`{{ if eq .tier "S1" }}{{ or .tier .topic | len | print }}{{ end }}`:                true,
		`{{ if eq .tier "S1" }}{{ or .tier .topic | humanizePercentage }}{{ end }}`:         false,
		`{{ if eq .tier "S1" }}{{ printf "%.1f of %s" .tps .topic }}{{ end }}`:              true,
		`{{ if eq .tier "S1" }}{{ printf "%.1f of %s" .topic .tps }}{{ end }}`:              false,
		`{{ if eq .tier "S1" }}{{ humanize 5 }}{{ end }}`:                                   true,
		`{{ range $name, $value := . }}{{ $name }}={{ $value }}{{ else }}{{ .x }}{{ end }}`: false,
	} {
		_, _, faults := checkTemplate(source, names)
		if (len(faults) == 0) != accepted {
			t.Errorf("%s: got faults %v, want accepted %t", source, faults, accepted)
		}
	}
}
