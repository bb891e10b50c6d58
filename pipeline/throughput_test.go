package pipeline

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirmq/weir/telemetry"
)

// TestThroughputIsOfTheNewestSpan: what happened before it does not count.
func TestThroughputIsOfTheNewestSpan(t *testing.T) {
	var rate throughput
	began := time.Unix(1_800_000_000, 0)
	for _, step := range []struct {
		second         int
		records, bytes uint64
		want           string
	}{
		{0, 500, 5000, "0 0"}, // counted before anybody looked
		{1, 600, 7000, "100 2000"},
		{2, 600, 7000, "50 1000"},
		{10, 600, 7000, "10 200"},
		{11, 600, 7000, "0 0"},
		{12, 620, 7100, "2 10"},
		{40, 620, 7100, "0 0"}, // a machine that slept
	} {
		rate.note(counterSample{began.Add(time.Duration(step.second) * time.Second), step.records, step.bytes})
		records, bytes := rate.perSecond()
		if got := fmt.Sprint(records, bytes); got != step.want {
			t.Errorf("after %d s: got %s per second, want %s", step.second, got, step.want)
		}
	}
}

// TestWriteTimesAreOfTheNewestSpan: an outage that is over does not show.
func TestWriteTimesAreOfTheNewestSpan(t *testing.T) {
	w := writeTimes{histogram: &metrics.Histogram{}}
	began := time.Unix(1_800_000_000, 0)
	want := func(now time.Time, p50, p99 time.Duration) {
		t.Helper()
		if got := w.quantiles(now, 0.5, 0.99); got[0] != p50 || got[1] != p99 {
			t.Errorf("got %v, want %s and %s", got, p50, p99)
		}
	}
	want(began, 0, 0)
	w.note(timedWrite{began, time.Minute})
	want(began, time.Minute, time.Minute)
	later := began.Add(writeSpan + time.Second)
	want(later, 0, 0)
	for i := range 100 {
		w.note(timedWrite{later, time.Duration(100-i) * time.Millisecond})
	}
	want(later, 50*time.Millisecond, 99*time.Millisecond)
	for range maxRecentWrites {
		w.note(timedWrite{later, time.Second})
	}
	want(later, time.Second, time.Second)
	if len(w.recent) != maxRecentWrites {
		t.Errorf("%d writes are kept, want %d", len(w.recent), maxRecentWrites)
	}
}

// TestFailedStageOwnsNothing: others have its partitions while it waits, so that a stage
// which nobody runs shows as owned by nobody.
func TestFailedStageOwnsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := DefaultConfig()
		config.Rules.Dir = "../rules.d"
		p, err := New(config, testLog(t))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		counted := p.metrics.stage(RoleRules)
		starts := 0
		p.supervise(ctx, RoleRules, func(context.Context, *Pipeline) error {
			if starts++; starts == 1 {
				counted.owns(3, 1000)
				return fmt.Errorf("stage: %w", &kafkaFault{faultCommit, errors.New("no more")})
			}
			if partitions, lag := counted.partitions.Load(), counted.lag.Load(); partitions != 0 || lag != 0 {
				t.Errorf("between its runs the stage has %d partitions and a lag of %d, want 0", partitions, lag)
			}
			cancel()
			return nil
		})
		if got := metric(t, p.metrics, `weir_errors_total{stage="rules",kind="commit"}`); starts != 2 || got != 1 {
			t.Errorf("after %d starts %g errors are counted, want 1", starts, got)
		}
	})
}

func TestErrorsHaveKinds(t *testing.T) {
	config := brokerConfig(t)
	producer, err := newProducer(config.Kafka)
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	response := &kmsg.OffsetCommitResponse{Topics: []kmsg.OffsetCommitResponseTopic{
		{Partitions: []kmsg.OffsetCommitResponseTopicPartition{{ErrorCode: kerr.RebalanceInProgress.Code}}}}}
	var unanswered, refused error
	commitResult(&unanswered)(nil, nil, nil, errors.New("no answer"))
	commitResult(&refused)(nil, nil, response, nil)
	for _, c := range []struct {
		err  error
		want string
	}{
		{produceAll(ctx, producer, []*kgo.Record{{Topic: "nowhere"}}), faultWrite},
		{fetchError(kgo.NewErrFetch(kerr.TopicAuthorizationFailed)), faultRead},
		{unanswered, faultCommit}, {refused, faultCommit},
		{telemetry.ErrNewerSchema, faultSchema},
		{errors.New("anything"), faultOther},
	} {
		if got := faultKind(fmt.Errorf("stage: %w", c.err)); c.err == nil || got != c.want {
			t.Errorf("%v is of kind %s, want %s", c.err, got, c.want)
		}
	}
	if !errors.Is(refused, kerr.RebalanceInProgress) {
		t.Errorf("the kind hides the error: %v", refused)
	}
}
