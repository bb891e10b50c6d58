package report

import (
	"encoding/binary"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirmq/weir/sdk/internal/meter"
	"github.com/weirmq/weir/sdk/internal/reported"
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
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(reported.Partitions, telemetry.TopicTelemetry))
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

// impatient has the telemetry producer try again soon, as tests cannot wait.
var impatient = []kgo.Opt{kgo.MetadataMinAge(50 * time.Millisecond),
	kgo.RetryBackoffFn(func(int) time.Duration { return 50 * time.Millisecond })}

// TestRefusedReportsAreReported has the telemetry cluster refuse reports for a while:
// a later report says how many.
func TestRefusedReportsAreReported(t *testing.T) {
	cluster := startRefuser(t)
	r := open(t, cluster.ListenAddrs(), Config{TelemetryOptions: impatient})
	c, topics, sent := measure(r), []string{"orders", "payments"}, uint64(0)
	cluster.refuses.Store(true)
	reported.Eventually(t, "several reports of each topic are refused", func() bool {
		send(c, topics...)
		sent += 2
		return r.Stats().Dropped >= 6
	})
	reported.Want(t, "reports acknowledged meanwhile", r.Stats().Acknowledged, 0)
	cluster.refuses.Store(false)
	reported.Eventually(t, "a report is acknowledged", func() bool { return r.Stats().Acknowledged > 0 })
	for range 10 {
		send(c, topics...)
	}
	c.Stopped()
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := reported.Sum(readReports(t, cluster.ListenAddrs()), reported.Series{Op: meter.OpSend})
	dropped := r.Stats().Dropped
	reported.Want(t, "reports dropped, by reports", got.DroppedReports, dropped)
	if refused := cluster.refused.Load(); refused == 0 || refused > dropped { // franz-go fails what waits behind a refused batch unsent
		t.Errorf("%d reports are dropped where %d were refused: want at least as many", dropped, refused)
	}
	if got.Messages < 20 || got.Messages >= sent+20 {
		t.Errorf("%d of %d messages are reported: want the last 20, and not those of refused reports", got.Messages, sent+20)
	}
}

// TestCloseSaysWhatWasRefused has the telemetry cluster refuse the final reports.
func TestCloseSaysWhatWasRefused(t *testing.T) {
	cluster := startRefuser(t)
	cluster.refuses.Store(true)
	r := open(t, cluster.ListenAddrs(), Config{Interval: maxInterval, TelemetryOptions: impatient})
	send(measure(r), "orders", "payments")
	err := r.Close(t.Context())
	if expected := "close telemetry: 2 of the final reports were refused by the telemetry cluster"; err == nil || err.Error() != expected {
		t.Errorf("got error  %v\nwant error %s", err, expected)
	}
}
