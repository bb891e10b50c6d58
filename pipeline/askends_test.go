package pipeline

import (
	"context"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

// TestAnotherBrokerIsAskedForEnds has one broker take connections and say nothing. Where sources end is then asked of
// another one, in time, whichever is asked first.
func TestAnotherBrokerIsAskedForEnds(t *testing.T) {
	config := brokerConfig(t)
	if _, err := EnsureTopics(t.Context(), &config); err != nil {
		t.Fatal(err)
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	answering := config.Kafka.Brokers
	for _, brokers := range [][]string{slices.Concat([]string{silent.Addr().String()}, answering), slices.Concat(answering, []string{silent.Addr().String()})} {
		client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		a := &aggregator{metrics: newPipelineMetrics().stage(RoleAggregate), ends: &sourceEnds{}}
		began := time.Now()
		a.askEnds(t.Context(), kadm.NewClient(client))
		if took := time.Since(began); took >= awayAfter {
			t.Errorf("brokers %q: it took %s", brokers, took)
		}
		if a.ends.of(telemetry.Source{Partition: 0}) == nil {
			t.Errorf("brokers %q: nobody said where the source ends", brokers)
		}
	}
	if err := silent.Close(); err != nil { // before the clients, which would wait for an answer
		t.Fatal(err)
	}
}

// fallingSilent answers the first questions and those after the last of the silent ones.
type fallingSilent struct {
	asked                atomic.Int64
	silentFrom, silentTo int64
}

func (b *fallingSilent) ListEndOffsets(ctx context.Context, _ ...string) (kadm.ListedOffsets, error) {
	if asked := b.asked.Add(1); asked >= b.silentFrom && asked < b.silentTo {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return kadm.ListedOffsets{telemetry.TopicTelemetry: {0: {Offset: 7}}}, nil
}

// TestOneMissedAnswerIsNoOutage asks as a stage does. Where nobody answers one question and its repetition all goes on; two
// are an outage.
func TestOneMissedAnswerIsNoOutage(t *testing.T) {
	for missed, held := range map[int64]bool{0: false, 1: false, 2: false, 4: true} {
		synctest.Test(t, func(t *testing.T) {
			a := &aggregator{metrics: newPipelineMetrics().stage(RoleAggregate), ends: &sourceEnds{}}
			broker := &fallingSilent{silentFrom: 4, silentTo: 4 + missed}
			stop := every(t.Context(), endOffsetInterval, func(ctx context.Context) { a.askEnds(ctx, broker) })
			<-time.After(5*endOffsetInterval + 2*endTimeout + endOffsetInterval/2)
			stop()
			end := a.ends.of(telemetry.Source{})
			if since := time.Since(end.answered); since >= endOffsetInterval {
				t.Errorf("%d missed: the newest answer is of %s ago", missed, since)
			}
			if got := end.holds(time.Now()); got != held {
				t.Errorf("%d missed: held back is %t, want %t", missed, got, held)
			}
		})
	}
}
