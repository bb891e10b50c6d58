package pipeline

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/weirmq/weir/sink/clickhouse"
	"github.com/weirmq/weir/telemetry"
)

// maxAskedPlaces is of how many messages' partitions it is asked how far groups are. Not fewer: a trace has a message in each of some
// topics; not more: each is a question to the store.
const maxAskedPlaces = 4

// PartitionCommit is how far a consumer group has come in the partition of a message.
type PartitionCommit struct {
	MessageID string `json:"message_id"`
	Topic     string `json:"topic"`
	Partition string `json:"partition"`
	clickhouse.GroupCommit
}

// partitionCommits asks how far the groups are that read the partitions of messages: of those that were found, by time, or else of the one
// that the id names. Only ids of Kafka name a partition.
func partitionCommits(ctx context.Context, store *clickhouse.Store, q clickhouse.HopQuery, hops []clickhouse.Hop) (out []PartitionCommit, err error) {
	for _, message := range askedMessages(q.ID, hops) {
		at := messagePlace(message.id)
		query := clickhouse.CommitQuery{Env: message.env, Cluster: message.cluster, Topic: at.topic, Partition: at.partition, Written: message.written, Now: time.Now()}
		groups, err := store.GroupCommits(ctx, query)
		if err != nil {
			return nil, err
		}
		for _, group := range groups {
			out = append(out, PartitionCommit{message.id, at.topic, at.partition, group})
		}
	}
	return out, nil
}

// askedMessage is one whose partition is asked about.
type askedMessage struct {
	id, env, cluster string
	written          time.Time // the latest time at which it may have been; zero where no step of it is known
}

func askedMessages(id string, hops []clickhouse.Hop) (out []askedMessage) {
	known := map[askedMessage]int{}
	for i := range hops {
		h := &hops[i]
		if messagePlace(h.MessageID).topic == "" {
			continue
		}
		key := askedMessage{id: h.MessageID, env: h.Env, cluster: h.Cluster}
		at, is := known[key]
		switch {
		case is && h.Step == telemetry.StepSent.String():
			out[at].written = h.At
		case !is && len(out) < maxAskedPlaces:
			known[key] = len(out)
			key.written = h.At // who receives it does so after it was written
			out = append(out, key)
		}
	}
	if len(hops) == 0 && messagePlace(id).topic != "" {
		out = append(out, askedMessage{id: id})
	}
	return out
}

// commitNotes say how far groups are, a line each.
func (f *Found) commitNotes() (notes []string) {
	received := map[string]bool{}
	for i := range f.Hops {
		h := &f.Hops[i]
		received[strings.Join([]string{h.MessageID, h.Env, h.Cluster, h.Group}, "\x00")] = true
	}
	for i := range f.Groups {
		g := &f.Groups[i]
		note := fmt.Sprintf("%s in %s/%s: ", telemetry.Printable(g.Group), telemetry.Printable(g.Topic), g.Partition)
		if len(f.Hops) == 0 {
			note = telemetry.Printable(strings.TrimSpace(g.Env+" "+g.Cluster)) + " " + note
		}
		switch left := g.left(); {
		case !g.PassedAt.IsZero():
			note += "committed past it by " + moment(g.PassedAt)
			if !received[strings.Join([]string{g.MessageID, g.Env, g.Cluster, g.Group}, "\x00")] {
				note += ", no receipt was sampled"
			}
			note += "; " + left
		case len(f.Hops) > 0 && g.LagMessages != nil && *g.LagMessages == 0:
			note += left + ", which is too soon after it to be certain of it: ask again in a minute"
		case len(f.Hops) > 0:
			note += "not seen to commit past it; " + left
		default:
			note += left
		}
		notes = append(notes, note+".")
	}
	return notes
}

// left says what the group had not committed when its lag was last seen.
func (g *PartitionCommit) left() string {
	at := " at " + moment(g.At)
	switch {
	case g.LagMessages == nil:
		return "how much it has not committed is not known" + at
	case *g.LagMessages == 0:
		return "nothing was left to commit" + at
	}
	left := strconv.FormatFloat(*g.LagMessages, 'f', 0, 64) + " messages were not committed"
	if g.LagSeconds != nil {
		left += ", the oldest " + (time.Duration(*g.LagSeconds) * time.Second).String() + " old,"
	}
	return left + at
}
