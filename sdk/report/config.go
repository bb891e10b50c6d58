package report

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk/internal/meter"
	"github.com/weirmq/weir/telemetry"
)

// Who reports: the labels sdk_name and sdk_version.
const (
	Name    = "weir"
	Version = "0.1.0"
)

// Defaults and bounds of Config.
const (
	// Not smaller: a report costs 200 bytes and a fold; not larger: alerts wait for it.
	DefaultInterval = time.Second
	// Not smaller: a service sends to dozens of topics; not larger: each topic is a
	// report in every interval.
	DefaultMaxTopics = 200
	// Reports that may wait for the telemetry cluster. Not smaller: an election of
	// leaders takes seconds, at a report for each topic and second; not larger: each
	// takes up to a few KiB of the host's memory.
	DefaultMaxBufferedReports = 2000
	// From it on a send or a handler is slow, and the message is told of. Not smaller: it
	// would be one of ordinary work; not larger: it is what the shipped rules call slow.
	DefaultSlowAfter = 800 * time.Millisecond
	// One of so many messages is told of although nothing is wrong with it. Not smaller: at
	// a thousand messages a second it is one a second, from each that sends or consumes them;
	// not larger: somebody who looks for any message that went well should find some.
	DefaultSampleOneIn = 1000

	minInterval = 100 * time.Millisecond
	maxInterval = time.Minute

	maxExtraLabels = 14 // two less than the ingest stage allows: client_library and sdk_name are added
)

// Config says who the application is and where its telemetry goes.
type Config struct {
	// TelemetryBrokers are the seeds (host:port) of the cluster that holds weir.telemetry.
	// It need not be the cluster that is measured.
	TelemetryBrokers []string
	// TelemetryOptions are further options of the telemetry producer, such as
	// kgo.DialTLSConfig and kgo.SASL.
	TelemetryOptions []kgo.Opt

	Env     string // production, staging
	Cluster string // name of the measured cluster, where a client's own options name no other
	Group   string // consumer group; the client's own unless given
	Client  string // one running client; client id, host and process id unless given
	Node    string // the host's name unless given
	Tier    string // S1, S2, S3, S4
	Lane    string // stable, standalone
	Tag     string // prod, test, load, grey
	Labels  map[string]string

	// SDKName and SDKVersion replace Name and Version in reports: those of a library of
	// one's own that wraps this one.
	SDKName, SDKVersion string

	// Interval is between two reports; 0 is DefaultInterval. Rules see no reports that are much older than Weir's telemetry.lateness (5 s) when they come: with a longer interval
	// raise that first.
	Interval           time.Duration
	MaxTopics          int // topics beyond it are counted together as _overflow; 0 is DefaultMaxTopics
	MaxBufferedReports int // 0 is DefaultMaxBufferedReports
	// SlowAfter is from when on a send or a handler is slow: such messages are told of, as
	// failed ones are. 0 is DefaultSlowAfter; below 0 none is slow.
	SlowAfter time.Duration
	// SampleOneIn tells of one of so many other messages. By its trace id or its place, the
	// same ones where they are sent and where they are consumed. 0 is DefaultSampleOneIn;
	// below 0 none is sampled.
	SampleOneIn int
	// InjectTraceparent adds a W3C traceparent header to records that have none.
	InjectTraceparent bool
}

func (c Config) withDefaults() Config {
	if c.Interval == 0 {
		c.Interval = DefaultInterval
	}
	if c.MaxTopics == 0 {
		c.MaxTopics = DefaultMaxTopics
	}
	if c.MaxBufferedReports == 0 {
		c.MaxBufferedReports = DefaultMaxBufferedReports
	}
	if c.SlowAfter == 0 {
		c.SlowAfter = DefaultSlowAfter
	}
	if c.SampleOneIn == 0 {
		c.SampleOneIn = DefaultSampleOneIn
	}
	if c.Node == "" {
		c.Node, _ = os.Hostname() // a host without a name reports none
	}
	if c.SDKName == "" {
		c.SDKName = Name
	}
	if c.SDKVersion == "" {
		c.SDKVersion = Version
	}
	return c
}

// Validate says everything that is out of bounds.
func (c Config) Validate() error {
	var errs []error
	if len(c.TelemetryBrokers) == 0 {
		errs = append(errs, errors.New("Config.TelemetryBrokers is empty: name at least one host:port of the cluster with weir.telemetry"))
	}
	labels := c.labels()
	for i, name := range telemetry.LabelNames {
		errs = append(errs, validateLabel(name, *labels.FieldAt(i)))
	}
	errs = append(errs, validateLabel(meter.LabelSDKName, c.SDKName))
	errs = append(errs, c.validateExtra(&labels)...)
	if c.Interval != 0 && (c.Interval < minInterval || c.Interval > maxInterval) {
		errs = append(errs, fmt.Errorf("Config.Interval is %s: allowed are %s to %s", c.Interval, minInterval, maxInterval))
	}
	if c.MaxTopics < 0 || c.MaxBufferedReports < 0 {
		errs = append(errs, fmt.Errorf("Config.MaxTopics is %d and MaxBufferedReports %d: 0 is the default, a bound is above it", c.MaxTopics, c.MaxBufferedReports))
	}
	if int64(c.SampleOneIn) > math.MaxUint32 {
		errs = append(errs, fmt.Errorf("Config.SampleOneIn is %d: at most %d is allowed", c.SampleOneIn, uint32(math.MaxUint32)))
	}
	return errors.Join(errs...)
}

func validateLabel(name, value string) error {
	switch {
	case len(value) > meter.MaxLabelBytes:
		return fmt.Errorf("label %s has %d bytes: at most %d are allowed", name, len(value), meter.MaxLabelBytes)
	case !isText(value):
		return fmt.Errorf("label %s is %q: it must be UTF-8 without control characters", name, value)
	}
	return nil
}

func (c Config) validateExtra(labels *telemetry.Labels) (errs []error) {
	if got := len(c.Labels); got > maxExtraLabels {
		errs = append(errs, fmt.Errorf("Config.Labels has %d: at most %d are allowed", got, maxExtraLabels))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Labels)) {
		value := c.Labels[name]
		switch {
		case name == "" || len(name) > meter.MaxLabelBytes || len(value) > meter.MaxLabelBytes:
			errs = append(errs, fmt.Errorf("Config.Labels has %.32q: names have 1 to %d bytes and values at most as many", name, meter.MaxLabelBytes))
		case !isText(name) || !isText(value):
			errs = append(errs, fmt.Errorf("Config.Labels has %q with %q: both must be UTF-8 without control characters", name, value))
		case name == meter.LabelClientLibrary || name == meter.LabelSDKName || labels.Field(name) != nil:
			errs = append(errs, fmt.Errorf("Config.Labels has %q: it is set by a field of Config or by the SDK itself", name))
		}
	}
	return errs
}

// settings are what the measured clients are told.
func (c *Config) settings() meter.Settings {
	return meter.Settings{Labels: c.labels(), MaxTopics: c.MaxTopics, SlowAfter: c.SlowAfter, SampleOneIn: c.SampleOneIn,
		InjectTraceparent: c.InjectTraceparent}
}

// labels are those that every report has, but for what a client says of itself.
func (c *Config) labels() telemetry.Labels {
	l := telemetry.Labels{Env: c.Env, Cluster: c.Cluster, Group: c.Group, Client: c.Client, Node: c.Node,
		SDKLang: "go", SDKVersion: c.SDKVersion, Tier: c.Tier, Lane: c.Lane, Tag: c.Tag}
	for name, value := range c.Labels {
		l.Extra = append(l.Extra, telemetry.Label{Name: name, Value: value})
	}
	l.Extra = append(l.Extra, telemetry.Label{Name: meter.LabelSDKName, Value: c.SDKName})
	l.Canonical()
	return l
}

// isText says that the ingest stage takes the value.
func isText(value string) bool { return utf8.ValidString(value) && !telemetry.HasControl(value) }
