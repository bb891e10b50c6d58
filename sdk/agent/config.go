package agent

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/sdk/report"
)

// DefaultEnabled are the capabilities of a program that names none: they change what is told, and nothing that is
// sent or consumed. Everything else must be enabled.
var DefaultEnabled = []control.Capability{control.CapabilityMinSDKVersion, control.CapabilitySampling, control.CapabilityReportInterval}

// Config says what commands may do, and where they are from.
type Config struct {
	// Telemetry reports what is applied; commands are read from its cluster. Needed.
	Telemetry *report.Reporter
	// Enabled are the capabilities of this program: nothing else is ever applied. nil is DefaultEnabled; an empty list
	// that is not nil enables nothing.
	Enabled []control.Capability
	// File is the path of a local file that switches capabilities off, or has commands in place of those of
	// weir.control. It need not exist, and is read again when it changes. Empty is none.
	File string
	// Brokers and Options are of the cluster with weir.control, where it is another one than Telemetry's.
	Brokers []string
	Options []kgo.Opt
	// Log is told what is applied, refused and missing, by a goroutine of its own, so that it may be sent through clients that commands steer; nil is slog.Default().
	Log *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.Enabled == nil {
		c.Enabled = DefaultEnabled
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if len(c.Brokers) == 0 && c.Telemetry != nil {
		c.Brokers, c.Options = c.Telemetry.Cluster()
	}
	return c
}

// Validate says everything that is wrong.
func (c Config) Validate() error {
	var errs []error
	if c.Telemetry == nil {
		errs = append(errs, errors.New("Config.Telemetry is nil: open a report.Reporter first"))
	}
	for _, capability := range c.Enabled {
		if !slices.Contains(control.Capabilities, capability) {
			errs = append(errs, fmt.Errorf("Config.Enabled has %q: known are %v", capability, control.Capabilities))
		}
	}
	return errors.Join(errs...)
}
