package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/ingest"
	"github.com/weirmq/weir/telemetry"
)

// said is what reports in weir.telemetry say of groups and clients. Its methods may be called from any goroutine.
type said struct {
	mu       sync.Mutex
	gauges   map[string][]gaugeSaid // by group and gauge, of all its partitions
	messages map[string]uint64      // by client: consumed
}

type gaugeSaid struct {
	at    time.Time
	value float64
}

// followReports reads weir.telemetry until the test ends.
func followReports(t *testing.T, brokers []string) *said {
	t.Helper()
	reader, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(telemetry.TopicTelemetry))
	if err != nil {
		t.Fatal(err)
	}
	s := &said{gauges: map[string][]gaugeSaid{}, messages: map[string]uint64{}}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	go func() {
		defer close(done)
		decoder := ingest.NewDecoder(ingest.DefaultLimits())
		for ctx.Err() == nil {
			reader.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
				report, err := decoder.Decode(r.Value, r.Timestamp.UnixMilli())
				if err != nil {
					t.Errorf("a report: %v", err)
					return
				}
				s.take(report)
			})
		}
	}()
	t.Cleanup(func() { cancel(); <-done; reader.Close() })
	return s
}

func (s *said) take(r *telemetry.Report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Labels.Op == "consume" {
		s.messages[strings.Clone(r.Labels.Client)] += r.Messages
	}
	if r.Labels.Op != "group" {
		return
	}
	for _, g := range r.Gauges {
		of := r.Labels.Group + " " + g.Name
		s.gauges[of] = append(s.gauges[of], gaugeSaid{time.UnixMilli(r.StartUnixMillis), g.Value})
	}
}

// gauge is the newest value of a gauge of a group, -1 where there is none.
func (s *said) gauge(group, name string) float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.gauges[group+" "+name]
	if len(all) == 0 {
		return -1
	}
	return all[len(all)-1].value
}

// awaitGauge waits until a poll after a moment finds a value of a gauge of a group, and says how long after the moment that was.
func (s *said) awaitGauge(t *testing.T, group, name string, want float64, from time.Time) time.Duration {
	t.Helper()
	var at time.Time
	eventually(t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, g := range s.gauges[group+" "+name] {
			if g.value == want && g.at.After(from) {
				at = g.at
				return true
			}
		}
		return false
	}, func() string { return fmt.Sprintf("%s of %s is %g, want %g", name, group, s.gauge(group, name), want) })
	return at.Sub(from).Round(100 * time.Millisecond)
}

// awaitMessages waits until a client has reported that it consumed so many messages.
func (s *said) awaitMessages(t *testing.T, client string, messages uint64) {
	t.Helper()
	consumed := func() uint64 { s.mu.Lock(); defer s.mu.Unlock(); return s.messages[client] }
	eventually(t, func() bool { return consumed() >= messages }, func() string {
		return fmt.Sprintf("%s has consumed %d messages, want %d", client, consumed(), messages)
	})
}
