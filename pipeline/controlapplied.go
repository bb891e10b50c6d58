package pipeline

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// How a client does what it is asked to.
const (
	doesApply     = "applied"
	doesShadow    = "shadow"     // it counts what it would do
	doesRefuse    = "refused"    // it cannot or may not
	doesOther     = "behind"     // it has not read this revision yet, and may apply another one
	doesNot       = "not done"   // it has read it, and says nothing of it
	doesMaybe     = "idle"       // it has read it, and says nothing of it: it may have none of the partitions
	doesNotListen = "no agent"   // it does not say that it takes commands
	doesStill     = "still done" // nobody asks it to any more
	isGone        = "gone"       // it has stopped, or is not heard of any more
)

// clientKey names a client: clusters have ids of their own.
type clientKey struct{ env, cluster, client string }

// appliedSaid is what clients say.
type appliedSaid struct {
	traffic *controlTraffic
	agents  map[clientKey]clickhouse.ControlClient
	events  map[clientKey]map[string]clickhouse.ControlEvent // by command
	more    bool                                             // there are others that say something
}

// compareApplied asks a store what clients say, and holds it against what they are asked to do.
func compareApplied(ctx context.Context, store toldOf, set *control.Set, now time.Time) (controlComparison, error) {
	said, err := askApplied(ctx, store, now)
	if err != nil {
		return controlComparison{}, because(ctx, "ask what clients apply", err)
	}
	return controlComparison{now, set.Commands(), said.compare(set, now), said.traffic.more || said.more}, nil
}

// askApplied asks the store what clients say: who is there, of the last minutes; what became of each command, since the longest that one can be in force.
func askApplied(ctx context.Context, store toldOf, now time.Time) (*appliedSaid, error) {
	traffic, err := askTraffic(ctx, store, now)
	if err != nil {
		return nil, err
	}
	said := &appliedSaid{agents: map[clientKey]clickhouse.ControlClient{}, events: map[clientKey]map[string]clickhouse.ControlEvent{}, traffic: traffic}
	agents, moreAgents, err := store.ControlClients(ctx, now.Add(-touchedSpan))
	if err != nil {
		return nil, err
	}
	for _, agent := range agents {
		said.agents[clientKey{agent.Env, agent.Cluster, agent.Client}] = agent
	}
	events, moreEvents, err := store.ControlEvents(ctx, now.Add(-control.MaxLifetime))
	if err != nil {
		return nil, err
	}
	for _, event := range events {
		of := clientKey{event.Env, event.Cluster, event.Client}
		if said.events[of] == nil {
			said.events[of] = map[string]clickhouse.ControlEvent{}
		}
		said.events[of][event.Command] = event
	}
	said.more = moreAgents || moreEvents
	return said, nil
}

// asked is what a client is asked to do.
type asked struct {
	command *control.Command
	since   uint64 // the lowest revision of it that asks the same
	shadow  bool
	gone    absence
}

// says is whether a client said something of what is asked, also of a revision that asks the same: it need not tell of each.
func (a *asked) says(event clickhouse.ControlEvent) bool {
	revision := revisionOf(event.Detail)
	return revision >= a.since && revision <= a.command.Revision
}

// compare holds what each client is asked to do against what it says.
func (a *appliedSaid) compare(set *control.Set, now time.Time) []clientDiff {
	var out []clientDiff
	wanted := a.wanted(set, now)
	for of, commands := range wanted {
		for _, one := range commands {
			state, why := a.does(of, one, set.Offset())
			out = append(out, clientDiff{Command: one.command.String(), Name: one.command.Name, Env: of.env, Cluster: of.cluster, Client: of.client, State: state, Why: why,
				Since: one.gone.since})
		}
	}
	for of, events := range a.events {
		agent, there := a.agents[of]
		if gone := a.traffic.presence.absent(clientSeries{clientKey: of, op: "control"}, agent.At); !there || gone.is() {
			continue
		}
		for name, event := range events {
			if _, is := wanted[of][name]; !is && event.Kind == telemetry.EventApplied.String() {
				out = append(out, clientDiff{Command: fmt.Sprintf("%s@%d", name, revisionOf(event.Detail)), Name: name, Env: of.env, Cluster: of.cluster,
					Client: of.client, State: doesStill, Why: event.Detail})
			}
		}
	}
	slices.SortFunc(out, func(a, b clientDiff) int {
		return cmp.Or(strings.Compare(a.Command, b.Command), strings.Compare(a.Env, b.Env), strings.Compare(a.Cluster, b.Cluster), strings.Compare(a.Client, b.Client))
	})
	return out
}

// wanted are the commands that apply to each client, by their names: those that win for something that it sends or consumes, and that it is away from alone where it does so
// of nothing else.
func (a *appliedSaid) wanted(set *control.Set, now time.Time) map[clientKey]map[string]asked {
	out, resources := map[clientKey]map[string]asked{}, set.Resources()
	partitions := scopedPartitions(set)
	for i := range a.traffic.clients {
		of := &a.traffic.clients[i]
		key, gone := clientKey{of.Env, of.Cluster, of.Client}, a.traffic.absent(of)
		for _, capability := range control.Capabilities {
			if !slices.Contains(touchedOps(capability), of.Op) {
				continue
			}
			for _, who := range whosOf(of, resources, partitions) {
				got := set.Resolve(capability, &who, now)
				for _, one := range []asked{{command: got.Applies, gone: gone}, {command: got.Shadow, shadow: true, gone: gone}} {
					if one.command == nil {
						continue
					}
					if before, is := out[key][one.command.Name]; is && gone.is() && !before.gone.is() {
						continue
					}
					one.since = set.SameSince(one.command.Name)
					if out[key] == nil {
						out[key] = map[string]asked{}
					}
					out[key][one.command.Name] = one
				}
			}
		}
	}
	return out
}

// scopedPartitions are all partitions that a scope names: each may win for itself.
func scopedPartitions(set *control.Set) []int32 {
	out := []int32{control.AllPartitions}
	for _, command := range set.Commands() {
		for _, partition := range command.Scope.Partitions {
			if !slices.Contains(out, partition) {
				out = append(out, partition)
			}
		}
	}
	return out
}

// whosOf are all that is asked of what a client sends to or consumes of a topic: of each partition that some scope names.
func whosOf(of *clickhouse.ClientTraffic, resources *control.Resources, partitions []int32) []control.Who {
	who := whoOf(of)
	who.Resource = resources.Newest(&who) // as clients have it
	var out []control.Who
	for _, partition := range partitions {
		who.Partition = partition
		out = append(out, who)
	}
	return out
}

// does is how a client does what it is asked to, and why.
func (a *appliedSaid) does(of clientKey, one asked, offset int64) (state, why string) {
	agent, there := a.agents[of]
	event, heard := a.events[of][one.command.Name]
	switch {
	case one.gone.is():
		return isGone, one.gone.why
	case !there:
		return doesNotListen, "it does not report " + telemetry.GaugeControlOffset
	case heard && one.says(event) && event.Kind == telemetry.EventRefused.String():
		_, why, _ = strings.Cut(event.Detail, ": ")
		return doesRefuse, why
	case heard && one.says(event) && event.Kind == telemetry.EventApplied.String():
		if one.shadow {
			return doesShadow, ""
		}
		return doesApply, ""
	case agent.Offset < offset:
		return doesOther, fmt.Sprintf("it has read up to offset %d of %d", agent.Offset, offset)
	case len(one.command.Scope.Partitions) > 0:
		return doesMaybe, "it may have none of the partitions"
	case heard:
		return doesNot, event.Kind + " " + event.Detail
	}
	return doesNot, "it has read it, and does not say that it applies it"
}

// revisionOf is the revision in what a client says of a command, 0 where there is none.
func revisionOf(detail string) uint64 {
	_, rest, _ := strings.Cut(detail, "@")
	digits := strings.IndexFunc(rest, func(c rune) bool { return c < '0' || c > '9' })
	if digits >= 0 {
		rest = rest[:digits]
	}
	revision, err := strconv.ParseUint(rest, 10, 64)
	if err != nil {
		return 0
	}
	return revision
}
