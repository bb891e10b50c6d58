package weir_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/control/topic"
	"github.com/weirmq/weir/sdk"
	"github.com/weirmq/weir/sdk/internal/reported"
)

// outlivesCompaction has a real Kafka compact weir.control: the newest record of each key stays, and whoever begins to read then has the newest route and is at the end.
func outlivesCompaction(t *testing.T, g *ground) {
	w := writer{reported.Dial(t, g.seeds)}
	_, err := kadm.NewClient(w.Client).CreateTopic(t.Context(), 1, 1, map[string]*string{"cleanup.policy": kadm.StringPtr("compact"), "segment.ms": kadm.StringPtr("100"),
		"min.cleanable.dirty.ratio": kadm.StringPtr("0.001"), "max.compaction.lag.ms": kadm.StringPtr("200")}, control.Topic)
	must(t, err)
	const revisions = 50
	r := ordersRoute()
	for revision := range uint64(revisions) {
		r.Topic = fmt.Sprintf("orders-%d", revision+1)
		w.put(t, r, revision+1)
	}
	records := func() (of []control.Record) {
		reader, err := topic.Open(topic.Config{Options: []kgo.Opt{kgo.SeedBrokers(g.seeds...)}})
		must(t, err)
		defer reader.Close()
		ctx, cancel := context.WithTimeout(t.Context(), reported.Patience)
		defer cancel()
		must(t, reader.CatchUp(ctx, func(b topic.Batch) { of = append(of, b.Records...) }))
		return of
	}
	others := uint64(0)
	pace := time.NewTicker(500 * time.Millisecond)
	defer pace.Stop()
	eventually(t, "older revisions are compacted away", func() bool {
		<-pace.C
		others++ // what is written rolls a segment: the newest is never compacted
		w.put(t, weir.Route{ID: "others", System: "kafka", Cluster: "c", Endpoints: []string{"k:1"}, Topic: "t"}, others)
		kept := 0
		for _, record := range records() {
			if string(record.Key) == r.Key() {
				kept++
			}
		}
		return kept == 1
	})
	d, err := weir.OpenTopic(t.Context(), weir.TopicConfig{Brokers: g.seeds})
	must(t, err)
	defer d.Close()
	if got, _, err := d.Resolve(weir.Query{ID: r.ID}); err != nil || got.Revision != revisions || got.Topic != r.Topic {
		t.Errorf("resolved to %+v, %v: want revision %d", got, err, revisions)
	}
	transact(t, g.seeds, weir.Route{ID: "mirrored", System: "kafka", Cluster: "c", Endpoints: []string{"k:1"}, Topic: "t"})
	records() // to the end of the transaction, in time
}
