package report

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestValidate holds the whole text of each error.
func TestValidate(t *testing.T) {
	long := strings.Repeat("x", 257)
	many := map[string]string{}
	for i := range 15 {
		many[fmt.Sprint("label-", i)] = "v"
	}
	for _, test := range []struct {
		config func(*Config)
		err    string
	}{
		{func(*Config) {}, ""},
		{func(c *Config) { c.TelemetryBrokers = nil }, "Config.TelemetryBrokers is empty: name at least one host:port of the cluster with weir.telemetry"},
		{func(c *Config) { c.Env = long[1:] }, ""},
		{func(c *Config) { c.Env = long }, "label env has 257 bytes: at most 256 are allowed"},
		{func(c *Config) { c.SDKVersion = long }, "label sdk_version has 257 bytes: at most 256 are allowed"},
		{func(c *Config) { c.Cluster = "shop\xff" }, `label cluster is "shop\xff": it must be UTF-8 without control characters`},
		{func(c *Config) { c.Client = "till\x00" }, `label client is "till\x00": it must be UTF-8 without control characters`},
		{func(c *Config) { c.Labels = many }, "Config.Labels has 15: at most 14 are allowed"},
		{func(c *Config) { c.Labels = map[string]string{"": "v"} }, `Config.Labels has "": names have 1 to 256 bytes and values at most as many`},
		{func(c *Config) { c.Labels = map[string]string{long: "v"} }, `Config.Labels has "` + long[:32] + `": names have 1 to 256 bytes and values at most as many`},
		{func(c *Config) { c.Labels = map[string]string{"team": long} }, `Config.Labels has "team": names have 1 to 256 bytes and values at most as many`},
		{func(c *Config) { c.Labels = map[string]string{"team": "\xff"} }, `Config.Labels has "team" with "\xff": both must be UTF-8 without control characters`},
		{func(c *Config) { c.Labels = map[string]string{"te\x00am": "v"} }, `Config.Labels has "te\x00am" with "v": both must be UTF-8 without control characters`},
		{func(c *Config) { c.Labels = map[string]string{"team": "a\nb"} }, `Config.Labels has "team" with "a\nb": both must be UTF-8 without control characters`},
		{func(c *Config) { c.Labels = map[string]string{"topic": "v"} }, `Config.Labels has "topic": it is set by a field of Config or by the SDK itself`},
		{func(c *Config) { c.Labels = map[string]string{"client_library": "v"} }, `Config.Labels has "client_library": it is set by a field of Config or by the SDK itself`},
		{func(c *Config) { c.Labels = map[string]string{"sdk_name": "v"} }, `Config.Labels has "sdk_name": it is set by a field of Config or by the SDK itself`},
		{func(c *Config) { c.SDKName = long }, "label sdk_name has 257 bytes: at most 256 are allowed"},
		{func(c *Config) { c.SDKName = "acme\x00" }, `label sdk_name is "acme\x00": it must be UTF-8 without control characters`},
		{func(c *Config) { c.Labels = map[string]string{"op": "v", "env": "v", "team": "v"} },
			`Config.Labels has "env": it is set by a field of Config or by the SDK itself` + "\n" + `Config.Labels has "op": it is set by a field of Config or by the SDK itself`},
		{func(c *Config) { c.Interval = 99 * time.Millisecond }, "Config.Interval is 99ms: allowed are 100ms to 1m0s"},
		{func(c *Config) { c.Interval = 61 * time.Second }, "Config.Interval is 1m1s: allowed are 100ms to 1m0s"},
		{func(c *Config) { c.Interval = -1 }, "Config.Interval is -1ns: allowed are 100ms to 1m0s"},
		{func(c *Config) { c.MaxTopics = -1 }, "Config.MaxTopics is -1 and MaxBufferedReports 0: 0 is the default, a bound is above it"},
		{func(c *Config) { c.MaxBufferedReports = -2 }, "Config.MaxTopics is 0 and MaxBufferedReports -2: 0 is the default, a bound is above it"},
		{func(c *Config) { c.TelemetryBrokers, c.MaxTopics = nil, -1 },
			"Config.TelemetryBrokers is empty: name at least one host:port of the cluster with weir.telemetry\nConfig.MaxTopics is -1 and MaxBufferedReports 0: 0 is the default, a bound is above it"},
	} {
		config := Config{TelemetryBrokers: []string{nowhere}}
		test.config(&config)
		got := ""
		if err := config.Validate(); err != nil {
			got = err.Error()
		}
		if got != test.err {
			t.Errorf("got error  %s\nwant error %s", got, test.err)
		}
	}
}

// TestOpenRefusesABadConfig holds that Open validates, and names itself.
func TestOpenRefusesABadConfig(t *testing.T) {
	for want, config := range map[string]Config{
		"open telemetry: Config.TelemetryBrokers is empty: name at least one host:port of the cluster with weir.telemetry": {},
		"open telemetry: Config.Interval is 1ms: allowed are 100ms to 1m0s":                                                {TelemetryBrokers: []string{nowhere}, Interval: time.Millisecond},
	} {
		if r, err := Open(config); err == nil || err.Error() != want {
			t.Errorf("got error  %v\nwant error %s", err, want)
			if r != nil {
				closeNow(r)
			}
		}
	}
	noSeeds := Config{TelemetryBrokers: []string{nowhere}, TelemetryOptions: []kgo.Opt{kgo.SeedBrokers()}}
	if r, err := Open(noSeeds); err == nil || !strings.HasPrefix(err.Error(), "open telemetry: ") {
		t.Errorf("got %v: want what franz-go says of its options", err)
		if r != nil {
			closeNow(r)
		}
	}
}

// TestReportsOfAFleetAreSpread holds that two reports are an interval apart, give or
// take a tenth, and that not all are equally far.
func TestReportsOfAFleetAreSpread(t *testing.T) {
	r := openOffline(t, Config{})
	least, greatest := r.pause(), r.pause()
	for range 1000 {
		pause := r.pause()
		least, greatest = min(least, pause), max(greatest, pause)
	}
	tenth := r.config.Interval / 10
	if least < r.config.Interval-tenth || greatest > r.config.Interval+tenth || greatest-least < tenth {
		t.Errorf("the pauses of an interval of %s are %s to %s", r.config.Interval, least, greatest)
	}
}
