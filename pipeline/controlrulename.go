package pipeline

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/telemetry"
)

// ruleCommandName is what the command of an action of an alert is called: rule.trafficsurge.send_limit.FINGERPRINT. It is the same whoever writes it, so that
// nothing is asked twice.
func ruleCommandName(alert *telemetry.Alert, action string) string {
	rule := strings.ToLower(alert.Rule)
	rest := "." + action + "." + alert.ID
	return "rule." + rule[:min(len(rule), max(0, control.MaxNameBytes-len("rule.")-len(rest)))] + rest
}

// ruleAuthor is who asks for a rule.
func ruleAuthor(rule string) string { return shortened("rule "+rule, control.MaxLabelBytes) }

// ruleReason is what an alert says to people, in one line.
func ruleReason(alert *telemetry.Alert) string {
	said := strings.Join(strings.FieldsFunc(alert.Annotations["summary"], func(c rune) bool { return unicode.IsSpace(c) || unicode.IsControl(c) }), " ")
	if said = strings.ToValidUTF8(said, ""); said == "" {
		said = "alert " + alert.Rule + " fires"
	}
	return shortened(said, control.MaxReasonBytes)
}

// shortened cuts a text between two characters.
func shortened(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}

// firingOf names the stretch of time for which an alert fires. It stands first in the spec of what is asked for it, so that what was ended or is spent is not
// asked anew before the alert fires anew.
func firingOf(alert *telemetry.Alert) string { return alert.FiredAt.UTC().Format(time.RFC3339Nano) }

func sameFiring(spec string, alert *telemetry.Alert) bool {
	firing, _, _ := strings.Cut(spec, " ")
	return firing == firingOf(alert)
}

// digestOf names what is asked of whom, but for when and with which words.
func digestOf(c control.Command, lastsSeconds float64) string {
	c.Reason, c.CreatedAt, c.ExpiresAt = "", time.Time{}, time.Time{}
	return fmt.Sprintf("%s %gs", c.Digest(), lastsSeconds)
}
