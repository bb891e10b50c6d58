package weir

import (
	"encoding/binary"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirmq/weir/telemetry"
)

// refuser is a telemetry cluster that may refuse what it is sent.
type refuser struct {
	*kfake.Cluster
	refuses atomic.Bool
	refused atomic.Uint64
}

func startRefuser(t *testing.T) *refuser {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(telemetryPartitions, telemetry.TopicTelemetry))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	r := &refuser{Cluster: cluster}
	cluster.ControlKey(kmsg.Produce.Int16(), r.answer)
	return r
}

func (r *refuser) answer(request kmsg.Request) (kmsg.Response, error, bool) {
	r.KeepControl()
	if !r.refuses.Load() {
		return nil, nil, false
	}
	produce := request.(*kmsg.ProduceRequest)
	response := produce.ResponseKind().(*kmsg.ProduceResponse)
	for _, t := range produce.Topics {
		topic := kmsg.NewProduceResponseTopic()
		topic.Topic, topic.TopicID = t.Topic, t.TopicID
		for _, p := range t.Partitions {
			partition := kmsg.NewProduceResponseTopicPartition()
			partition.Partition, partition.ErrorCode = p.Partition, kerr.TopicAuthorizationFailed.Code
			topic.Partitions = append(topic.Partitions, partition)
			const recordCountAt = 57
			r.refused.Add(uint64(binary.BigEndian.Uint32(p.Records[recordCountAt:])))
		}
		response.Topics = append(response.Topics, topic)
	}
	return response, nil, true
}

// TestRefusedReportsAreReported has the telemetry cluster refuse reports for a while:
// a later report says how many, and the host's traffic goes on.
func TestRefusedReportsAreReported(t *testing.T) {
	measured, _ := startClusters(t, "orders", "payments")
	cluster := startRefuser(t)
	c := open(t, cluster.ListenAddrs(), Config{TelemetryOptions: impatient})
	client := dial(t, measured, kgo.WithHooks(c.Hooks()))
	topics := []string{"orders", "payments"}
	cluster.refuses.Store(true)
	eventually(t, "several reports of each topic are refused", func() bool {
		sendWave(t, client, topics, 1)
		return c.Stats().Dropped >= 6
	})
	want(t, "reports acknowledged meanwhile", c.Stats().Acknowledged, 0)
	cluster.refuses.Store(false)
	eventually(t, "a report is acknowledged", func() bool { return c.Stats().Acknowledged > 0 })
	sendWave(t, client, topics, 10)
	client.Close()
	if err := c.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := sum(readReports(t, cluster.ListenAddrs()), seriesOf{op: opSend})
	dropped := c.Stats().Dropped
	want(t, "reports dropped, by reports", got.DroppedReports, dropped)
	if refused := cluster.refused.Load(); refused == 0 || refused > dropped { // franz-go fails what waits behind a refused batch unsent
		t.Errorf("%d reports are dropped where %d were refused: want at least as many", dropped, refused)
	}
	if got.Messages < 20 {
		t.Errorf("%d messages are reported: want at least the last 20", got.Messages)
	}
}

// TestCloseSaysWhatWasRefused has the telemetry cluster refuse the final reports.
func TestCloseSaysWhatWasRefused(t *testing.T) {
	cluster := startRefuser(t)
	cluster.refuses.Store(true)
	c := open(t, cluster.ListenAddrs(), Config{Interval: maxInterval, TelemetryOptions: impatient})
	h := c.Hooks()
	client := dial(t, []string{nowhere}, kgo.WithHooks(h))
	h.OnProduceRecordUnbuffered(&kgo.Record{Topic: "orders"}, nil)
	h.OnProduceRecordUnbuffered(&kgo.Record{Topic: "payments"}, nil)
	client.Close()
	err := c.Close(t.Context())
	if expected := "close telemetry: 2 of the final reports were refused by the telemetry cluster"; err == nil || err.Error() != expected {
		t.Errorf("got error  %v\nwant error %s", err, expected)
	}
}

// TestAnOutageLongerThanAReport counts on while as many reports wait as may, for as
// long as one report can say; then it drops, and each drop is counted once.
func TestAnOutageLongerThanAReport(t *testing.T) {
	c := offlineClient(t, Config{MaxBufferedReports: 1})
	h := c.Hooks()
	dial(t, []string{nowhere}, kgo.WithHooks(h))
	c.waiting.Store(1)
	h.OnProduceRecordUnbuffered(&kgo.Record{Topic: "orders"}, nil)
	m := h.meter(&h.sends, "orders")
	c.sendAll(due)
	want(t, "messages while a report still holds them", m.messages, 1)
	for range 3 {
		m.beganMillis -= maxReportMillis
		c.sendAll(due)
	}
	want(t, "messages after the outage", m.messages, 0)
	want(t, "dropped, by Stats", c.Stats().Dropped, 3)
	want(t, "dropped, for the next report", m.droppedReports, 3)
}
