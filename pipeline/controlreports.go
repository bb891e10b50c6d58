package pipeline

import (
	"fmt"
	"time"

	"github.com/weirmq/weir/control"
)

// Why a report interval is bounded: a report belongs to the pane in which its interval began, and is sent when the interval is over. Its age then, less the lateness, is
// how far from the pane's end it may have begun at the latest. What began later comes late, and no rule sees it: with long intervals most does, and alerts resolve while
// traffic goes on.
const (
	// reportSpread is the part of an interval by which a client may wait longer than it is asked: sdk/report spreads its reports by a tenth either way. Not smaller: the longest
	// ones would come late; not larger: none is longer.
	reportSpread = 10
	// reportGrace is how much older than the lateness a report may be when it comes, and graceOfPane the part of a pane that this is at most: only what began so shortly before
	// its pane's end comes late then. Not larger: more than one report in twenty could; not smaller: with the defaults an interval as long as the lateness, of which a client
	// spreads half beyond it, would not do, though one report in sixty is late at worst.
	reportGrace = 500 * time.Millisecond
	graceOfPane = 20
	// unaskedInterval is how often clients report that are asked nothing. Not smaller: who is asked for no more than that comes no later for it; not larger: it is their default.
	unaskedInterval = time.Second
)

// longestReports is the longest interval at which clients may be asked to report.
func (c *TelemetryConfig) longestReports() time.Duration {
	age := c.Lateness + min(c.Pane/graceOfPane, reportGrace)
	return max(age*reportSpread/(reportSpread+1), unaskedInterval).Truncate(time.Millisecond)
}

// reportFaults says that a command has clients report so seldom that rules would not see it. What is over asks nothing any more, and may stay in git.
func (c *TelemetryConfig) reportFaults(command *control.Command, now time.Time) control.Faults {
	longest := c.longestReports()
	over := !command.ExpiresAt.IsZero() && !command.ExpiresAt.After(now)
	if command.ReportInterval == nil || over || command.ReportInterval.Seconds <= longest.Seconds() {
		return nil
	}
	return control.Faults{{Path: "report_interval.seconds", Message: fmt.Sprintf("got %g, want at most %g: telemetry.lateness is %s, and reports of longer intervals come too late for rules, so alerts "+
		"would resolve while traffic goes on; raise telemetry.lateness first", command.ReportInterval.Seconds, longest.Seconds(), c.Lateness)}}
}

// postedReports says which of what is posted has clients report too seldom.
func (c *TelemetryConfig) postedReports(commands []control.Command, now time.Time) error {
	for i := range commands {
		if faults := c.reportFaults(&commands[i], now); len(faults) > 0 {
			return fmt.Errorf("commands[%d]: %w", i, faults)
		}
	}
	return nil
}
