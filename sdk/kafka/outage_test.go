package kafka

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirmq/weir/deploy/ports"
	"github.com/weirmq/weir/sdk/internal/meter"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
)

// impatient has the telemetry producer try again soon, as tests cannot wait.
var impatient = []kgo.Opt{kgo.MetadataMinAge(50 * time.Millisecond),
	kgo.RetryBackoffFn(func(int) time.Duration { return 50 * time.Millisecond })}

// freeAddr is an address where a broker may be started later.
func freeAddr(t testing.TB) string {
	t.Helper()
	addr, err := ports.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// TestTelemetryClusterComesLate opens a Reporter before its telemetry cluster is there:
// the host's traffic does not notice, memory is bounded, and every count arrives.
func TestTelemetryClusterComesLate(t *testing.T) {
	const bound, perWave = 4, 500
	topics := []string{"orders", "payments", "refunds"}
	measured, _ := startClusters(t, topics...)
	addr := freeAddr(t)
	var answers metadataAnswers
	begin := time.Now()
	c := open(t, []string{addr}, report.Config{MaxBufferedReports: bound, TelemetryOptions: append([]kgo.Opt{kgo.WithHooks(&answers)}, impatient...)})
	if took := time.Since(begin); took > 5*time.Second { // on a busy machine
		t.Errorf("Open took %s: want it to wait for no cluster", took)
	}
	client, plain := reported.Dial(t, measured, kgo.WithHooks(NewHooks(c))), reported.Dial(t, measured)
	sendWave(t, plain, topics, perWave) // connects
	unmeasured := sendWave(t, plain, topics, perWave)
	sendWave(t, client, topics, perWave)
	took := sendWave(t, client, topics, perWave)
	if took > 10*unmeasured+time.Second {
		t.Errorf("a measured wave took %s, one that is not measured %s", took, unmeasured)
	}
	waves := 2
	reported.Eventually(t, "as many reports wait as may", func() bool {
		sendWave(t, client, topics, 1)
		waiting := c.Stats().Waiting
		if waiting > bound {
			t.Fatalf("%d reports wait: at most %d may", waiting, bound)
		}
		waves++
		return waiting == bound && waves > 20
	})
	startBroker(t, addr)
	reported.Eventually(t, "the telemetry cluster knows no such topic", func() bool { return answers.Load() > 2 })
	reported.CreateTopic(t, []string{addr})
	reported.Eventually(t, "the reports that waited are acknowledged", func() bool { return c.Stats().Acknowledged >= bound })
	client.Close()
	mustClose(t, c)
	all := readReports(t, []string{addr})
	for _, topic := range topics {
		got := reported.Sum(all, reported.Series{Op: meter.OpSend, Topic: topic})
		reported.Want(t, "messages of "+topic, got.Messages, uint64(2*perWave+waves-2))
		reported.Want(t, "latencies of "+topic, got.LatencyMicros.Count(), got.Messages)
		reported.Want(t, "dropped reports of "+topic, got.DroppedReports, 0)
	}
}

// metadataAnswers counts what a producer is told of its topics.
type metadataAnswers struct{ atomic.Int32 }

func (a *metadataAnswers) OnBrokerE2E(_ kgo.BrokerMetadata, key int16, e2e kgo.BrokerE2E) {
	if key == kmsg.Metadata.Int16() && e2e.Err() == nil {
		a.Add(1)
	}
}

// sendWave sends count messages to each topic and says how long that took.
func sendWave(t *testing.T, client *kgo.Client, topics []string, count int) time.Duration {
	t.Helper()
	begin := time.Now()
	for range count {
		for _, topic := range topics {
			client.Produce(t.Context(), &kgo.Record{Topic: topic, Value: []byte("1")}, func(_ *kgo.Record, err error) {
				if err != nil {
					t.Errorf("send: %v", err)
				}
			})
		}
	}
	if err := client.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	return time.Since(begin)
}
