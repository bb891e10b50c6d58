package rules

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

var dayDuration = regexp.MustCompile(`^(\d+)d(.*)$`)

// ParseDuration reads a duration as rules have them: 90s, 1m30s, 1d, 1d12h. It is not negative.
func ParseDuration(text string) (time.Duration, error) { return parseDuration(text) }

// parseDuration reads Go's durations and whole days before them: 90s, 1m30s, 1d, 1d12h.
func parseDuration(text string) (time.Duration, error) {
	text = strings.TrimSpace(text)
	rest, days := text, time.Duration(0)
	if match := dayDuration.FindStringSubmatch(text); match != nil {
		n, err := time.ParseDuration(match[1] + "h")
		if err != nil || n > 3650*time.Hour {
			return 0, fmt.Errorf("got duration %q, want at most 3650d", text)
		}
		days, rest = 24*n, match[2]
	}
	if rest == "" && days > 0 {
		return days, nil
	}
	d, err := time.ParseDuration(rest)
	if err != nil {
		return 0, fmt.Errorf("got duration %q, want a number with a unit such as 30s, 5m, 1h or 1d", text)
	}
	if d < 0 {
		return 0, fmt.Errorf("got duration %q, want one that is not negative", text)
	}
	return days + d, nil
}

// FormatDuration writes a duration as rule files do: 30s, 5m, 1h30m, 1d12h.
func FormatDuration(d time.Duration) string {
	days := d / (24 * time.Hour)
	text := (d - days*24*time.Hour).String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = strings.TrimSuffix(text, zero[1:])
		}
	}
	switch {
	case days == 0:
		return text
	case text == "0s":
		return fmt.Sprintf("%dd", days)
	}
	return fmt.Sprintf("%dd%s", days, text)
}
