package rules

import (
	"slices"
	"strings"
)

// otherFormats are functions of other tools that format numbers.
var otherFormats = map[string]string{"humanizeBytes": "humanize1024", "bytes": "humanize1024", "formatBytes": "humanize1024",
	"humanizeSeconds": "humanizeDuration", "duration": "humanizeDuration", "percent": "humanizePercentage", "percentage": "humanizePercentage"}

// meantByAlertData is how what Prometheus and Alertmanager give to templates is written here, "" of other names.
func meantByAlertData(name string) string {
	switch strings.ToLower(name) {
	case "labels", "commonlabels", "grouplabels", "externallabels":
		return "a label stands behind the dot itself, as in {{ .topic }}"
	case "value", "values":
		return "a field stands behind the dot itself, as in {{ .tps | humanize }}"
	case severityLabel:
		return "an annotation shows labels of by, and fields"
	case alertnameLabel:
		return "an alert says its name itself"
	}
	return ""
}

// withBeginning is the only known name that begins as what was written, "" where there is none or several.
func withBeginning(written string, known []string) string {
	const least = 4 // letters: fewer begin many names
	found := slices.DeleteFunc(slices.Clone(known), func(name string) bool { return !strings.HasPrefix(name, strings.ToLower(written)) })
	if len(written) < least || len(found) != 1 {
		return ""
	}
	return found[0]
}
