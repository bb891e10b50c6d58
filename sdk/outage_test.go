package weir

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirmq/weir/telemetry"
)

// impatient has the telemetry producer try again soon, as tests cannot wait.
var impatient = []kgo.Opt{kgo.MetadataMinAge(50 * time.Millisecond),
	kgo.RetryBackoffFn(func(int) time.Duration { return 50 * time.Millisecond })}

// freeAddr is an address where a broker may be started later.
func freeAddr(t testing.TB) string {
	t.Helper()
	l := listen(t)
	defer l.Close()
	return l.Addr().String()
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestTelemetryClusterComesLate opens a Client before its telemetry cluster is there:
// the host's traffic does not notice, memory is bounded, and every count arrives.
func TestTelemetryClusterComesLate(t *testing.T) {
	const bound, perWave = 4, 500
	topics := []string{"orders", "payments", "refunds"}
	measured, _ := startClusters(t, topics...)
	addr := freeAddr(t)
	var answers metadataAnswers
	begin := time.Now()
	c := open(t, []string{addr}, Config{MaxBufferedReports: bound, TelemetryOptions: append([]kgo.Opt{kgo.WithHooks(&answers)}, impatient...)})
	if took := time.Since(begin); took > time.Second {
		t.Errorf("Open took %s: want it to return at once", took)
	}
	client, plain := dial(t, measured, kgo.WithHooks(c.Hooks())), dial(t, measured)
	sendWave(t, plain, topics, perWave) // connects
	unmeasured := sendWave(t, plain, topics, perWave)
	sendWave(t, client, topics, perWave)
	took := sendWave(t, client, topics, perWave)
	if took > 10*unmeasured+time.Second {
		t.Errorf("a measured wave took %s, one that is not measured %s", took, unmeasured)
	}
	waves := 2
	eventually(t, "as many reports wait as may", func() bool {
		sendWave(t, client, topics, 1)
		waiting := c.Stats().Waiting
		if waiting > bound {
			t.Fatalf("%d reports wait: at most %d may", waiting, bound)
		}
		waves++
		return waiting == bound && waves > 20
	})
	startBroker(t, addr)
	eventually(t, "the telemetry cluster knows no such topic", func() bool { return answers.Load() > 2 })
	createTopics(t, []string{addr}, telemetryPartitions, telemetry.TopicTelemetry)
	eventually(t, "the reports that waited are acknowledged", func() bool { return c.Stats().Acknowledged >= bound })
	client.Close()
	mustClose(t, c)
	all := readReports(t, []string{addr})
	for _, topic := range topics {
		got := sum(all, seriesOf{opSend, topic, ""})
		want(t, "messages of "+topic, got.Messages, uint64(2*perWave+waves-2))
		want(t, "latencies of "+topic, got.LatencyMicros.Count(), got.Messages)
		want(t, "dropped reports of "+topic, got.DroppedReports, 0)
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

// TestFinalReportsComeOnTopOfTheBound closes a Client that may hold one report and has
// many topics to report.
func TestFinalReportsComeOnTopOfTheBound(t *testing.T) {
	const topics = 50
	_, reports := startClusters(t)
	c := open(t, reports, Config{MaxBufferedReports: 1, Interval: maxInterval})
	h := c.Hooks()
	client := dial(t, []string{nowhere}, kgo.WithHooks(h))
	for i := range topics {
		h.OnProduceRecordUnbuffered(&kgo.Record{Topic: fmt.Sprint("topic-", i)}, nil)
	}
	client.Close()
	mustClose(t, c)
	all := readReports(t, reports)
	want(t, "final reports", uint64(len(all)), topics)
	want(t, "messages", sum(all, seriesOf{}).Messages, topics)
}

// TestCloseSaysWhatIsMissing closes a Client whose telemetry cluster does not answer.
func TestCloseSaysWhatIsMissing(t *testing.T) {
	silent := listen(t)
	var accepting sync.WaitGroup
	accepting.Go(func() { acceptAll(silent) })
	defer accepting.Wait()
	defer silent.Close()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, addr := range map[string]string{"refuses connections": nowhere, "is silent": silent.Addr().String()} {
		t.Run(name, func(t *testing.T) {
			c := open(t, []string{addr}, Config{Interval: maxInterval})
			h := c.Hooks()
			client := dial(t, []string{nowhere}, kgo.WithHooks(h))
			for _, topic := range []string{"orders", "payments", "refunds"} {
				h.OnProduceRecordUnbuffered(&kgo.Record{Topic: topic}, nil)
			}
			client.Close()
			begin := time.Now()
			err := c.Close(ended)
			if took := time.Since(begin); took > 5*time.Second {
				t.Errorf("Close took %s after its context had ended", took)
			}
			if expected := "close telemetry: context canceled; 3 reports were not acknowledged"; err == nil || err.Error() != expected {
				t.Errorf("got error  %v\nwant error %s", err, expected)
			}
			eventually(t, "the reports count as dropped", func() bool { return c.Stats() == Stats{Dropped: 3} })
		})
	}
}

// acceptAll takes connections, and never answers, until the listener is closed.
func acceptAll(l net.Listener) {
	var open []net.Conn
	for {
		conn, err := l.Accept()
		if err != nil {
			break
		}
		open = append(open, conn)
	}
	for _, conn := range open {
		conn.Close()
	}
}

// TestCloseTwice holds that a second Close does nothing, also while the first is at work.
func TestCloseTwice(t *testing.T) {
	_, reports := startClusters(t)
	c := open(t, reports, Config{})
	h := c.Hooks()
	dial(t, []string{nowhere}, kgo.WithHooks(h)).Close()
	var closing sync.WaitGroup
	for range 4 {
		closing.Go(func() {
			if err := c.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	closing.Wait()
	h.OnProduceRecordUnbuffered(&kgo.Record{Topic: "orders"}, nil)
	mustClose(t, c)
	want(t, "dropped reports", c.Stats().Dropped, 0)
}
