// Package collect asks brokers what clients cannot know, and publishes it to weir.telemetry as reports, like every
// other source of telemetry.
//
// In: a Poller for each cluster. Out: records of weir.telemetry. The pollers are in the folders below and fill Reports: this package
// knows when to ask and where the answers go, not how a broker is asked.
package collect

import (
	"context"
	"time"

	"github.com/weirmq/weir/telemetry"
)

// Poller asks one cluster once.
type Poller interface {
	// Poll returns what the cluster's brokers say, as reports of the moment at. What it could not find out is in no
	// report: the error says what and why, and the reports hold the rest. It returns soon after ctx ends.
	Poll(ctx context.Context, at time.Time) ([]telemetry.Report, error)
}
