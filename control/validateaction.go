package control

import (
	"regexp"
	"strings"
)

// actionFaults says what is wrong with what a command asks.
func (c *Command) actionFaults(f *Faults) {
	switch named := c.actions(); len(named) {
	case 1:
	case 0:
		f.add("", "asks nothing: want exactly one of %s", strings.Join(ActionNames(), ", "))
	default:
		f.add(named[1], "%s are there: want exactly one of %s", strings.Join(named, " and "), strings.Join(ActionNames(), ", "))
	}
	if c.Release != nil {
		if c.Pause == nil {
			f.add("release", "only a pause has one")
		}
		f.within("release.ramp_seconds", c.Release.RampSeconds, 0, MaxRampSeconds)
	}
	if (c.SendLimit != nil || c.LargeMessages != nil) && c.Scope.Group != "" {
		f.add("scope.group", "who sends is in no group: leave it out")
	}
	if c.SendLimit != nil {
		c.SendLimit.faults(f)
	}
	if c.LargeMessages != nil {
		c.LargeMessages.faults(f)
	}
	if c.MinSDKVersion != nil {
		c.MinSDKVersion.faults(f)
	}
	if c.Sampling != nil {
		c.Sampling.faults(f)
	}
	if c.ReportInterval != nil {
		f.within("report_interval.seconds", c.ReportInterval.Seconds, MinReportSeconds, MaxReportSeconds)
	}
}

func (l *SendLimit) faults(f *Faults) {
	if !(l.MessagesPerSecond >= MinMessagesPerSecond && l.MessagesPerSecond <= MaxMessagesPerSecond) {
		f.add("send_limit.messages_per_second", "got %g, want %g to %g: only a pause stops", l.MessagesPerSecond, MinMessagesPerSecond, MaxMessagesPerSecond)
	}
	f.within("send_limit.cold_factor", l.ColdFactor, 1, MaxColdFactor)
	f.within("send_limit.ramp_seconds", l.RampSeconds, 0, MaxRampSeconds)
	switch {
	case l.Clients < 0:
		f.add("send_limit.clients", "got %d, want 0 or more", l.Clients)
	case l.Clients > 0 && !l.Shared:
		f.add("send_limit.clients", "only a shared limit has clients")
	}
}

func (m *LargeMessages) faults(f *Faults) {
	sizes := []struct {
		name         string
		bytes, least int
	}{{"flag_bytes", m.FlagBytes, MinFlagBytes}, {"compress_bytes", m.CompressBytes, MinFlagBytes}, {"refuse_bytes", m.RefuseBytes, MinRefuseBytes}}
	for _, size := range sizes {
		if size.bytes != 0 && (size.bytes < size.least || size.bytes > MaxBytes) {
			f.add("large_messages."+size.name, "got %d, want %d to %d", size.bytes, size.least, MaxBytes)
		}
	}
	if m.FlagBytes == 0 && m.CompressBytes == 0 && m.RefuseBytes == 0 {
		f.add("large_messages", "want one of flag_bytes, compress_bytes, refuse_bytes")
	}
}

var (
	sdkVersion = regexp.MustCompile(`^v?[0-9]+(\.[0-9]+)*(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)
	sdkLang    = regexp.MustCompile(`^[a-z][a-z0-9+#-]*$`)
)

func (m *MinSDKVersion) faults(f *Faults) {
	if len(m.Lang) > MaxNameBytes || !sdkLang.MatchString(m.Lang) {
		f.add("min_sdk_version.lang", "got %q, want a language as in the label sdk_lang, such as go", m.Lang)
	}
	if len(m.Version) > MaxNameBytes || !sdkVersion.MatchString(m.Version) {
		f.add("min_sdk_version.version", "got %q, want a version such as 1.2.0", m.Version)
	}
}

func (s *Sampling) faults(f *Faults) {
	if s.OneIn < 0 || s.OneIn > MaxOneIn {
		f.add("sampling.one_in", "got %d, want 1 to %d", s.OneIn, MaxOneIn)
	}
	f.within("sampling.slow_after_seconds", s.SlowAfterSeconds, 0, MaxSlowSeconds)
	if s.OneIn == 0 && s.SlowAfterSeconds == 0 {
		f.add("sampling", "want one of one_in, slow_after_seconds")
	}
}

// within says that a number is out of bounds. What is no number is in none.
func (f *Faults) within(path string, value, least, most float64) {
	if !(value >= least && value <= most) {
		f.add(path, "got %g, want %g to %g", value, least, most)
	}
}
