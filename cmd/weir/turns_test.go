package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/ingest"
	"github.com/weirmq/weir/pipeline"
	"github.com/weirmq/weir/telemetry"
)

// takenOverWithin is how long a cluster may be unwatched after its collector died.
const takenOverWithin = 30 * time.Second

// TestCollectorsTakeTurns runs three collectors of one cluster: one polls. It is stopped in order, the next one killed, and the third
// hangs and comes back: each time another takes over, and neither polls nor canaries are published by two for the same time.
func TestCollectorsTakeTurns(t *testing.T) {
	t.Parallel()
	h := newHouse(t, embeddedBroker(t), largeMessageRule)
	collectors := map[string]*process{}
	for _, name := range []string{"a", "b", "c", "d"} {
		section := fmt.Sprintf("collect: {name: %s, clusters: [{name: eu, system: kafka, brokers: [%s], canary: {enabled: true, interval: 1s}}]}\nrules: {dir", name, strings.Join(h.brokers, ", "))
		config, addr := h.writeConfig("rules: {dir", section)
		collectors[name] = h.launchWith(config, addr, "--roles", "collect")
	}
	polls := followPolls(t, h.brokers)

	first := polls.awaitBy(t, nil)
	began := time.Now()
	collectors[first].stopInOrder()
	second := polls.awaitBy(t, []string{first})
	t.Logf("%s took over from %s, which was stopped, after %s", second, first, time.Since(began).Round(10*time.Millisecond))

	began = time.Now()
	collectors[second].Kill()
	third := polls.awaitBy(t, []string{first, second})
	took := time.Since(began)
	t.Logf("%s took over from %s, which was killed, after %s", third, second, took.Round(10*time.Millisecond))
	if took > takenOverWithin {
		t.Errorf("a killed collector was replaced after %s, want at most %s", took, takenOverWithin)
	}

	began = time.Now()
	sendSignal(t, collectors[third].Child, syscall.SIGSTOP)
	fourth := polls.awaitBy(t, []string{first, second, third})
	took = time.Since(began)
	t.Logf("%s took over from %s, which hangs, after %s", fourth, third, took.Round(10*time.Millisecond))
	if took > takenOverWithin {
		t.Errorf("a collector that hangs was replaced after %s, want at most %s", took, takenOverWithin)
	}
	sendSignal(t, collectors[third].Child, syscall.SIGCONT)
	collectors[third].awaitStage(pipeline.RoleCollect, "without a cluster", func(s pipeline.StageStatus) bool { return s.Partitions == 0 && s.State == "running" })
	before := len(polls.of)
	for len(polls.of) < before+5 {
		polls.read(t)
	}
	if want := []string{first, second, third, fourth}; !slices.Equal(polls.turns(), want) {
		t.Errorf("collectors polled in turns %v, want %v", polls.turns(), want)
	}
}

// publishedPolls are those of one cluster, as they are read from weir.telemetry.
type publishedPolls struct {
	reader  *kgo.Client
	decoder *ingest.Decoder
	of      []publishedPoll
}

type publishedPoll struct {
	at        int64 // Unix milliseconds
	collector string
}

func followPolls(t *testing.T, brokers []string) *publishedPolls {
	t.Helper()
	reader, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(telemetry.TopicTelemetry), kgo.UnknownTopicRetries(-1), kgo.MetadataMinAge(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reader.Close)
	return &publishedPolls{reader: reader, decoder: ingest.NewDecoder(ingest.DefaultLimits())}
}

// read waits for further polls. The round trips name their collector.
func (p *publishedPolls) read(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	fetches := p.reader.PollFetches(ctx)
	if err := fetches.Err0(); err != nil {
		t.Fatalf("read what collectors report: %v", err)
	}
	fetches.EachRecord(func(r *kgo.Record) {
		report, err := p.decoder.Decode(r.Value, r.Timestamp.UnixMilli())
		if err != nil {
			t.Fatal(err)
		}
		if report.Labels.Op == "probe" {
			p.of = append(p.of, publishedPoll{report.StartUnixMillis, strings.Clone(report.Labels.Client)})
		}
	})
}

// awaitBy waits for a poll by a collector that is none of these, and returns its name.
func (p *publishedPolls) awaitBy(t *testing.T, others []string) string {
	t.Helper()
	for {
		for _, poll := range p.of {
			if !slices.Contains(others, poll.collector) {
				return poll.collector
			}
		}
		p.read(t)
	}
}

// turns are the collectors in the order of their polls, each as often as it took over.
func (p *publishedPolls) turns() []string {
	var out []string
	for _, poll := range p.of {
		if len(out) == 0 || out[len(out)-1] != poll.collector {
			out = append(out, poll.collector)
		}
	}
	return out
}
