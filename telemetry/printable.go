package telemetry

import (
	"strings"
	"unicode"
)

// Printable is a text without what moves a terminal's cursor or colours: labels and ids come from whoever writes to the topic.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
