package applied

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/sdk/internal/meter"
	"github.com/weirmq/weir/telemetry"
)

// warnEvery is how often the host's log says that the SDK is too old. Not more often: nobody can do anything
// about it while the service runs; not less: a log is kept for some days.
const warnEvery = time.Hour

// steer finds what applies to the client as a whole: the least version of the SDK, what is sampled, and how often it reports.
func (r *round) steer() {
	c := r.client
	who := c.who
	c.outdated = nil
	c.interval = 0
	if !r.has(control.CapabilityMinSDKVersion, control.CapabilitySampling, control.CapabilityReportInterval) {
		return
	}
	for _, topic := range append(c.measured.Topics(), "") {
		who.Topic, who.Resource = topic, ""
		who.Resource = c.commands.resource(&who, r.now)
		r.resolve(control.CapabilitySampling, &who) // meters ask by themselves: this tells of it
		if least := r.resolve(control.CapabilityMinSDKVersion, &who).Applies; least != nil {
			r.outdated(least)
		}
		if every := r.resolve(control.CapabilityReportInterval, &who).Applies; every != nil {
			c.interval = shorter(c.interval, time.Duration(every.ReportInterval.Seconds*float64(time.Second)))
		}
	}
}

func (r *round) outdated(least *control.Command) {
	c := r.client
	version := c.measured.Labels().SDKVersion
	if compareVersions(version, least.MinSDKVersion.Version) < 0 {
		c.outdated = least
		c.commands.warn(version, least, r.now)
	}
}

// shorter is the shorter of two intervals, of which 0 is none. A reporter has one interval: who asks for most is served.
func shorter(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// warn says in the host's log, once in a while, that the SDK is too old; c.mu is held.
func (c *Commands) warn(version string, least *control.Command, now time.Time) {
	if !c.warned.IsZero() && now.Sub(c.warned) < warnEvery {
		return
	}
	c.warned = now
	c.config.Log.Warn("the SDK is older than it should be: upgrade it", "version", version, "wanted", least.MinSDKVersion.Version,
		"command", least.String(), "reason", least.Reason, "author", least.Author)
}

// steerReports has the reporter report as often as is asked, and tell of the messages that are asked for; c.mu is held.
func (c *Commands) steerReports(now time.Time) {
	interval := time.Duration(0)
	for _, client := range c.clients {
		client.mu.Lock()
		interval = shorter(interval, client.interval)
		client.mu.Unlock()
	}
	c.config.Registry.SetInterval(interval)
	c.steerSampling(now)
}

// steerSampling has messages told of as commands say. The set that is in force is asked under c.mu; what meters
// ask later is answered from what was found now.
func (c *Commands) steerSampling(now time.Time) {
	var rules []control.Command
	if c.permit(control.CapabilitySampling) == "" {
		for _, command := range c.inForce(now).Commands() {
			if command.Capability() == control.CapabilitySampling && command.InForce(now) && !command.Shadow {
				rules = append(rules, command)
			}
		}
	}
	c.resource(&control.Who{}, now) // routes as they are now
	if same(rules, c.sampled) && (len(rules) == 0 || c.sampledRoutes == c.routed) {
		return
	}
	c.sampled, c.sampledRoutes = rules, c.routed
	if len(rules) == 0 {
		c.config.Registry.SetSampling(nil)
		return
	}
	set := control.NewSet()
	for i := range rules {
		rules[i].Revision = max(rules[i].Revision, 1)
		if value, err := rules[i].Encode(); err == nil {
			set.Feed(control.Record{Key: []byte(rules[i].Key()), Value: value, Offset: int64(i), AppendedAt: rules[i].CreatedAt}, now) // they are in force: this clock says nothing of that
		}
	}
	resources := c.resources
	c.config.Registry.SetSampling(func(of *telemetry.Labels, topic string, settings meter.Sampling) meter.Sampling {
		who := whoOf(*of)
		who.Topic = topic
		who.Resource = resources.Newest(&who)
		command := set.Resolve(control.CapabilitySampling, &who, now).Applies
		if command == nil {
			return settings
		}
		if command.Sampling.OneIn > 0 {
			settings.OneIn = command.Sampling.OneIn
		}
		if command.Sampling.SlowAfterSeconds > 0 {
			settings.SlowAfter = time.Duration(command.Sampling.SlowAfterSeconds * float64(time.Second))
		}
		return settings
	})
}

// same says that two lists are of the same revisions.
func same(a, b []control.Command) bool {
	return slices.EqualFunc(a, b, func(a, b control.Command) bool { return a.String() == b.String() })
}

// compareVersions compares versions by their numbers, as many as both have; what is no number is less than any.
func compareVersions(a, b string) int {
	parts := func(version string) []string {
		version, _, _ = strings.Cut(strings.TrimPrefix(version, "v"), "+")
		version, _, _ = strings.Cut(version, "-")
		return strings.Split(version, ".")
	}
	left, right := parts(a), parts(b)
	for i := range max(len(left), len(right)) {
		if order := cmp.Compare(number(left, i), number(right, i)); order != 0 {
			return order
		}
	}
	return 0
}

// number is the part of a version at a place: 0 where it has none there.
func number(parts []string, at int) int {
	if at >= len(parts) {
		return 0
	}
	value, err := strconv.Atoi(parts[at])
	if err != nil {
		return -1
	}
	return value
}
