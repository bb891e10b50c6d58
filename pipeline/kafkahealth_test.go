package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/deploy/broker"
)

var errRefused = errors.New("connection refused")

// wantErrors compares which brokers cannot be reached.
func wantErrors(t *testing.T, h *kafkaHealth, want ...string) {
	t.Helper()
	got := h.status().Errors
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got errors %q, want %q", got, want)
	}
}

func TestKafkaHealth(t *testing.T) {
	const seed, otherSeed = math.MinInt32, math.MinInt32 + 1 // as clients number them
	meta := func(number int32, host string) kgo.BrokerMetadata {
		return kgo.BrokerMetadata{NodeID: number, Host: host, Port: 9092}
	}
	h := newKafkaHealth(newPipelineMetrics(), testLog(t))
	connect := func(broker kgo.BrokerMetadata, err error) { h.OnBrokerConnect(broker, time.Second, nil, err) }
	wantErrors(t, h)

	connect(meta(seed, "kafka"), errRefused)
	connect(meta(otherSeed, "::1"), errRefused)
	connect(meta(1, "b1"), errRefused)
	connect(meta(2, "b2"), errRefused)
	connect(meta(2, "b2"), errors.New("i/o timeout")) // the newest counts
	wantErrors(t, h, "connect to [::1]:9092: connection refused", "connect to b1:9092: connection refused",
		"connect to b2:9092: i/o timeout", "connect to kafka:9092: connection refused")

	connect(meta(1, "b1"), nil)
	wantErrors(t, h, "connect to b2:9092: i/o timeout") // the seeds' failures ended too

	connect(meta(seed, "kafka"), errRefused)
	connect(meta(otherSeed, "::1"), nil)
	wantErrors(t, h, "connect to b2:9092: i/o timeout") // a seed says nothing of broker 2

	connect(meta(2, "b2"), nil)
	wantErrors(t, h)
	if got := h.failures.Get(); got != 6 {
		t.Errorf("counted %d failures, want 6", got)
	}
}

func TestKafkaHealthSaysSinceWhen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newKafkaHealth(newPipelineMetrics(), testLog(t))
		began := time.Now()
		one := kgo.BrokerMetadata{NodeID: 1, Host: "b1", Port: 9092}
		two := kgo.BrokerMetadata{NodeID: 2, Host: "b2", Port: 9092}
		for _, step := range []struct {
			broker kgo.BrokerMetadata
			err    error
			want   time.Duration // since when, after began; negative: nothing fails
		}{
			{one, nil, -1}, {one, errRefused, 1 * time.Second}, {two, errRefused, 1 * time.Second}, {one, errRefused, 1 * time.Second},
			{one, nil, 1 * time.Second}, {two, nil, -1}, {two, errRefused, 6 * time.Second},
		} {
			at := time.Since(began)
			h.OnBrokerConnect(step.broker, 0, nil, step.err)
			status := h.status()
			switch {
			case step.want < 0:
				if text, err := json.Marshal(status); err != nil || string(text) != "{}" {
					t.Errorf("after %s: got %s, %v, want {}", at, text, err)
				}
			case !status.Since.Equal(began.Add(step.want)) || status.Since.Location() != time.UTC:
				t.Errorf("after %s: got since %s, want %s in UTC", at, status.Since, began.Add(step.want).UTC())
			}
			<-time.NewTimer(time.Second).C
		}
	})
}

func TestKafkaHealthHearsFromManyClients(t *testing.T) {
	h := newKafkaHealth(newPipelineMetrics(), testLog(t))
	var clients sync.WaitGroup
	for number := range int32(8) {
		clients.Go(func() {
			meta := kgo.BrokerMetadata{NodeID: number, Host: "b", Port: 9092}
			for range 100 {
				h.OnBrokerConnect(meta, 0, nil, errRefused)
				if len(h.status().Errors) == 0 {
					t.Errorf("broker %d failed, and nothing tells", number)
				}
				h.OnBrokerConnect(meta, 0, nil, nil)
			}
		})
	}
	clients.Wait()
	wantErrors(t, h)
	if got := h.failures.Get(); got != 800 {
		t.Errorf("counted %d failures, want 800", got)
	}
}

// TestKafkaHealthHearsFromAClient starts a broker after a client tried to reach it.
func TestKafkaHealthHearsFromAClient(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	if err := listener.Close(); err != nil { // nobody listens there now
		t.Fatal(err)
	}
	h := newKafkaHealth(newPipelineMetrics(), testLog(t))
	options, err := clientOptions(KafkaConfig{Brokers: []string{addr}}, h)
	if err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(append(options, kgo.RequestRetries(0))...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := client.Ping(ctx); err == nil {
		t.Fatal("a broker answers that was not started")
	}
	got := h.status()
	if len(got.Errors) != 1 || !strings.HasPrefix(got.Errors[0], "connect to "+addr+": ") || !strings.Contains(got.Errors[0], "refused") {
		t.Errorf("got %q, want that %s refuses", got.Errors, addr)
	}
	running, err := broker.Start(broker.Config{Addr: addr})
	if err != nil {
		t.Fatal(err)
	}
	defer running.Close()
	if err := client.Ping(ctx); err != nil {
		t.Fatal(err)
	}
	wantErrors(t, h)
}
