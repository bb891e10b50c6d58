package pipeline

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/sink/clickhouse"
)

// touchedSpan is over how long it is counted whom a command touches. Not less: a client that sends once a minute would not be seen, and what is written last is not
// stored yet; not more: who has left is looked at in vain.
const touchedSpan = 5 * time.Minute

// controlTouched is whom a command touches, as of the last minutes.
type controlTouched struct {
	Clients           int             `json:"clients"`
	MessagesPerSecond float64         `json:"messages_per_second"`
	Of                []touchedClient `json:"of"` // those with the most messages first
	Partial           bool            `json:"partial,omitempty"`
	// RetentionLeftSeconds is, of a pause, for how long the oldest message that is not consumed yet is kept: nil where it is not known.
	RetentionLeftSeconds *float64 `json:"retention_left_seconds,omitempty"`
	RetentionLeftOf      string   `json:"retention_left_of,omitempty"` // group, topic/partition
	// RetentionLeftPartial says that it is not known because of the groups that it touches none was looked at: there are too many that messages are kept for less long of.
	RetentionLeftPartial bool `json:"retention_left_partial,omitempty"`
}

// touchedClient is what a command touches of a client.
type touchedClient struct {
	Client            string  `json:"client"`
	Cluster           string  `json:"cluster"`
	Topic             string  `json:"topic"`
	Group             string  `json:"group,omitempty"`
	Op                string  `json:"op"`
	MessagesPerSecond float64 `json:"messages_per_second"`
}

// maxTouchedListed is of how many clients it is told one by one. Not fewer: a group has some hundred; not more: they are for a person to read.
const maxTouchedListed = 500

// controlTraffic is what the store says of the last minutes.
type controlTraffic struct {
	at        time.Time
	clients   []clickhouse.ClientTraffic
	more      bool
	presence  clientPresence
	retention []clickhouse.RetentionLeft // where it was asked for how long messages are kept
	// moreRetention says that there are other groups, of which messages are kept for longer.
	moreRetention bool
}

// askTraffic asks the store who sends and consumes, and who of them is away.
func askTraffic(ctx context.Context, store toldOf, now time.Time) (*controlTraffic, error) {
	t := &controlTraffic{at: now}
	var err error
	if t.clients, t.more, err = store.ClientTraffic(ctx, now.Add(-touchedSpan)); err != nil {
		return nil, err
	}
	if t.presence, err = askPresence(ctx, store, now); err != nil {
		return nil, err
	}
	t.more = t.more || t.presence.more
	return t, nil
}

// absent says whether a client is away from what it sent to or consumed of late.
func (t *controlTraffic) absent(of *clickhouse.ClientTraffic) absence {
	return t.presence.absent(clientSeries{clientKey{of.Env, of.Cluster, of.Client}, of.Topic, of.Group, of.Op}, of.Last)
}

// touchedOps are the ops that a capability is about.
func touchedOps(capability control.Capability) []string {
	switch capability {
	case control.CapabilityPause:
		return []string{"consume"}
	case control.CapabilitySendLimit, control.CapabilityLargeMessages:
		return []string{"send"}
	}
	return []string{"send", "consume"}
}

// touched says whom a command touches of those that are there. What it does not reach, because a narrower command wins there, is not told apart.
func (t *controlTraffic) touched(c *control.Command, resources *control.Resources) *controlTouched {
	out := &controlTouched{Of: []touchedClient{}, Partial: t.more}
	ops, clients := touchedOps(c.Capability()), map[string]bool{}
	for i := range t.clients {
		of := &t.clients[i]
		if !slices.Contains(ops, of.Op) || !touches(c, whoOf(of), resources) {
			continue
		}
		if gone := t.absent(of); gone.is() {
			continue
		}
		rate := float64(of.Messages) / min(max(t.at.Sub(of.First), time.Second), touchedSpan).Seconds()
		clients[of.Env+"\x00"+of.Client] = true
		out.MessagesPerSecond += rate
		out.Of = append(out.Of, touchedClient{of.Client, of.Cluster, of.Topic, of.Group, of.Op, rate})
	}
	out.Clients = len(clients)
	slices.SortStableFunc(out.Of, func(a, b touchedClient) int { return cmp.Compare(b.MessagesPerSecond, a.MessagesPerSecond) })
	out.Of = out.Of[:min(len(out.Of), maxTouchedListed)]
	if c.Pause != nil {
		t.retentionLeft(c, resources, out)
	}
	return out
}

// retentionLeft says how long a pause may last before messages are lost: the least of all groups that it touches. Clients are not asked for there: lag is of groups.
func (t *controlTraffic) retentionLeft(c *control.Command, resources *control.Resources, out *controlTouched) {
	anyClient := *c
	anyClient.Scope.Client, anyClient.Scope.Lane, anyClient.Scope.Tier, anyClient.Percent = "", "", "", 100
	least := math.Inf(1)
	for i := range t.retention {
		of := &t.retention[i]
		who := control.Who{Env: of.Env, Cluster: of.Cluster, System: of.System, Topic: of.Topic, Group: of.Group, Partition: control.AllPartitions}
		if of.Seconds < least && touches(&anyClient, who, resources) {
			least = of.Seconds
			out.RetentionLeftSeconds, out.RetentionLeftOf = &of.Seconds, of.Group+" "+of.Topic+"/"+of.Partition
		}
	}
	out.RetentionLeftPartial = out.RetentionLeftSeconds == nil && t.moreRetention
}

func whoOf(of *clickhouse.ClientTraffic) control.Who {
	return control.Who{Env: of.Env, Cluster: of.Cluster, System: of.System, Client: of.Client, Lane: of.Lane, Tier: of.Tier, Topic: of.Topic, Group: of.Group,
		Partition: control.AllPartitions, SDKLang: of.SDKLang}
}

// touches says whether a command is for a client and topic as reports have them: they name no resource, which is found by its routes, and a client's whole topic counts where
// the scope has partitions of it.
func touches(c *control.Command, who control.Who, resources *control.Resources) bool {
	if len(c.Scope.Partitions) > 0 {
		who.Partition = c.Scope.Partitions[0]
	}
	if c.Scope.Resource != "" && slices.Contains(resources.Of(&who), c.Scope.Resource) {
		who.Resource = c.Scope.Resource
	}
	return c.Touches(&who)
}
