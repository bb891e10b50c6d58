package applied

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/telemetry"
)

// tell reports what has changed since the round before, and how things stand.
func (r *round) tell() {
	c := r.client
	for _, name := range sorted(c.applies, r.applies) {
		before, was := c.applies[name]
		after, is := r.applies[name]
		same := was && is && before.Shadow == after.Shadow && sameAsked(&before.Command, &after.Command)
		if was && !same {
			why := r.whyEnded(&before.Command)
			r.event(telemetry.EventReverted, before.Command.String()+": "+why)
			c.commands.config.Log.Info("a command applies no longer", "command", before.Command.String(), "client", c.who.Client, "why", why)
		}
		if is && !same {
			r.event(telemetry.EventApplied, describe(&after))
			c.commands.config.Log.Info("a command applies", "command", after.Command.String(), "client", c.who.Client, "asks", after.Command.Action(),
				"shadow", after.Shadow, "author", after.Command.Author, "reason", after.Command.Reason, "until", after.Command.ExpiresAt)
		}
	}
	told := map[string]string{} // by command's name: a revision that is refused as the one before was told of
	for command, why := range c.refuses {
		told[nameOf(command)] = why
	}
	for _, command := range slices.Sorted(maps.Keys(r.refuses)) {
		if why := r.refuses[command]; told[nameOf(command)] != why {
			r.event(telemetry.EventRefused, command+": "+why)
		}
	}
	for _, one := range c.commands.refused {
		r.events = append(r.events, telemetry.Event{Kind: telemetry.EventRefused, TimeUnixMillis: one.at.UnixMilli(), Detail: one.what + ": " + one.why})
	}
	c.measured.Controlled(r.gauges(), r.events...)
}

// sameAsked says that two revisions of a command ask the same, but for how many clients share it: those are counted anew each minute.
func sameAsked(a, b *control.Command) bool {
	return a.Revision == b.Revision || a.Digest() == b.Digest()
}

// nameOf is the name in NAME@REVISION.
func nameOf(command string) string {
	name, _, _ := strings.Cut(command, "@")
	return name
}

func (r *round) event(kind telemetry.EventKind, detail string) {
	r.events = append(r.events, telemetry.Event{Kind: kind, TimeUnixMillis: r.now.UnixMilli(), Detail: detail})
}

// describe is a command that applies, and why.
func describe(of *Applied) string {
	shadow := ""
	if of.Shadow {
		shadow = " in shadow"
	}
	return fmt.Sprintf("%s: %s%s until %s, by %s: %s", &of.Command, of.Command.Action(), shadow, of.Command.ExpiresAt.UTC().Format(time.RFC3339), of.Command.Author, of.Command.Reason)
}

// whyEnded is why a command applies no longer.
func (r *round) whyEnded(command *control.Command) string {
	now, held := r.set.Command(command.Name)
	switch {
	case r.client.commands.permit(command.Capability()) != "":
		return r.client.commands.permit(command.Capability())
	case !held:
		return "it was taken away"
	case now.Ended != nil:
		return "ended by " + now.Ended.Author + ": " + now.Ended.Reason
	case now.Revision != command.Revision:
		return fmt.Sprintf("revision %d came", now.Revision)
	case !now.InForce(r.now):
		return "it expired"
	}
	return "a narrower command applies, or nothing in its scope is left"
}

// gauges are how things stand.
func (r *round) gauges() []telemetry.Gauge {
	c := r.client
	shadowed := 0
	for _, of := range r.applies {
		if of.Shadow {
			shadowed++
		}
	}
	refused := uint64(len(r.refuses)) + c.commands.badFiles
	for _, reason := range control.Reasons {
		refused += c.commands.read.Refused(reason)
	}
	out := []telemetry.Gauge{{Name: telemetry.GaugeControlOffset, Value: float64(c.commands.read.Offset())},
		{Name: telemetry.GaugeControlCommands, Value: float64(len(r.applies))}, {Name: telemetry.GaugeControlShadowed, Value: float64(shadowed)},
		{Name: telemetry.GaugeControlRefused, Value: float64(refused)}}
	if c.outdated != nil {
		out = append(out, telemetry.Gauge{Name: telemetry.GaugeControlOutdated, Value: 1})
	}
	for _, counted := range []struct {
		name  string
		count uint64
	}{{telemetry.GaugeControlDelayed, c.counts.delayed.Load()}, {telemetry.GaugeControlFlagged, c.counts.flagged.Load()},
		{telemetry.GaugeControlCompressed, c.counts.compressed.Load()}, {telemetry.GaugeControlTooLarge, c.counts.tooLarge.Load()},
		{telemetry.GaugeControlWouldTouch, c.counts.wouldTouch.Load()},
		{telemetry.GaugeControlUnreadable, c.commands.unreadable.Load()}} {
		if counted.count > 0 {
			out = append(out, telemetry.Gauge{Name: counted.name, Value: float64(counted.count)})
		}
	}
	return out
}

// sorted are the keys of both maps.
func sorted[V any](a, b map[string]V) []string {
	keys := slices.Collect(maps.Keys(a))
	for key := range b {
		if _, both := a[key]; !both {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}
