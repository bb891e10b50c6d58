package pipeline

import (
	"log/slog"
	"regexp"
)

// outage tells a log that something fails: each fault once, however often it is tried
// again, and once that it works again. One goroutine at a time uses it.
type outage struct {
	log         *slog.Logger
	begun, over string // what is said
	anyNumber   bool   // faults that differ in numbers alone are one
	fault       string // that was said, "" while nothing fails
}

// note takes the result of an attempt.
func (o *outage) note(err error) {
	if err == nil {
		if o.fault != "" {
			o.log.Info(o.over)
			o.fault = ""
		}
		return
	}
	fault := err.Error()
	if o.anyNumber {
		fault = number.ReplaceAllString(fault, "0")
	}
	if o.fault != fault {
		o.log.Warn(o.begun, "error", err)
		o.fault = fault
	}
}

var number = regexp.MustCompile(`\d+`)
