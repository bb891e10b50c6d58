package pipeline

import "log/slog"

// outage tells a log that something fails: each fault once, however often it is tried
// again, and once that it works again. One goroutine at a time uses it.
type outage struct {
	log         *slog.Logger
	begun, over string // what is said
	fault       string // that was said, "" while nothing fails
}

// note takes the result of an attempt.
func (o *outage) note(err error) {
	switch {
	case err == nil && o.fault != "":
		o.log.Info(o.over)
		o.fault = ""
	case err != nil && o.fault != err.Error():
		o.log.Warn(o.begun, "error", err)
		o.fault = err.Error()
	}
}
