package pipeline

import (
	"log/slog"
	"regexp"
	"slices"
)

// outage tells a log that something fails: each fault once, however often it is tried
// again, and once that it works again. One goroutine at a time uses it.
type outage struct {
	log         *slog.Logger
	begun, over string   // what is said
	anyNumber   bool     // faults that differ in numbers alone are one
	said        []string // faults, none while nothing fails
}

// maxFaultsSaid is how many are remembered, the newest. Not fewer: each of a few servers has faults of its own, which take turns; not
// more: what was said that long ago may be said again.
const maxFaultsSaid = 16

// note takes the result of an attempt.
func (o *outage) note(err error) {
	if err == nil {
		if len(o.said) > 0 {
			o.log.Info(o.over)
			o.said = nil
		}
		return
	}
	fault := err.Error()
	if o.anyNumber {
		fault = number.ReplaceAllString(fault, "0")
	}
	if slices.Contains(o.said, fault) {
		return
	}
	o.log.Warn(o.begun, "error", err)
	if o.said = append(o.said, fault); len(o.said) > maxFaultsSaid {
		o.said = slices.Delete(o.said, 0, 1)
	}
}

var number = regexp.MustCompile(`\d+`)
