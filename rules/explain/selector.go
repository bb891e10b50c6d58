package explain

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/weirmq/weir/telemetry"
)

// Selector says which alert is meant: by its id, or by its rule's name and some of its labels.
type Selector struct {
	ID, Rule string
	Labels   map[string]string
}

var (
	idText   = regexp.MustCompile(`^[0-9a-f]{16}$`)
	nameText = regexp.MustCompile(`^([^{}\s]+)\s*(?:\{(.*)\})?$`)
	pairText = regexp.MustCompile(`^\s*([^=,{}"\s]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^,"{}]*)\s*(?:,|$)`)
)

// ParseSelector reads an id, a name or name{label=value,label="value"}.
func ParseSelector(text string) (Selector, error) {
	text = strings.TrimSpace(text)
	if idText.MatchString(text) {
		return Selector{ID: text}, nil
	}
	wrong := fmt.Errorf(`got %q, want the name of an alert, its id of 16 hexadecimal digits, or name{label=value}, as in SendSlow{topic=orders}`, text)
	match := nameText.FindStringSubmatch(text)
	if match == nil {
		return Selector{}, wrong
	}
	out := Selector{Rule: match[1], Labels: map[string]string{}}
	for rest := match[2]; strings.TrimSpace(rest) != ""; {
		pair := pairText.FindStringSubmatch(rest)
		if pair == nil {
			return Selector{}, wrong
		}
		value := strings.TrimSpace(pair[2])
		if strings.HasPrefix(value, `"`) {
			unquoted, err := strconv.Unquote(value)
			if err != nil {
				return Selector{}, wrong
			}
			value = unquoted
		}
		out.Labels[pair[1]], rest = value, rest[len(pair[0]):]
	}
	return out, nil
}

// Matches says whether an alert may be the one that is meant.
func (s Selector) Matches(alert *telemetry.Alert) bool {
	if s.ID != "" {
		return alert.ID == s.ID
	}
	for name, value := range s.Labels {
		if alert.Labels[name] != value {
			return false
		}
	}
	return alert.Rule == s.Rule
}

// Name is an alert's name with its labels, as a Selector has it.
func Name(alert *telemetry.Alert) string {
	var labels []string
	for _, name := range slices.Sorted(maps.Keys(alert.Labels)) {
		if name == "alertname" {
			continue
		}
		value := alert.Labels[name]
		if value == "" || strings.ContainsAny(value, " \t\n\"{},=#\\") {
			value = strconv.Quote(value)
		}
		labels = append(labels, name+"="+value)
	}
	return alert.Rule + "{" + strings.Join(labels, ",") + "}"
}
