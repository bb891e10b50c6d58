package pipeline

import (
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/twmb/franz-go/pkg/kgo"
)

// kafkaHealth hears from every client of this process whether brokers can be
// reached: the clients try again by themselves and tell nobody else.
type kafkaHealth struct {
	log      *slog.Logger
	failures *metrics.Counter

	mu     sync.Mutex
	failed map[int32]string // by broker: why the newest attempt to connect failed
	since  time.Time        // of the first of them
	said   bool             // to the log, that they fail
	saidAt time.Time        // the newest time
}

// kafkaLogInterval is how often at most the log says that brokers cannot be reached.
// Not smaller: a broker that comes and goes would fill the log; not larger: an outage
// must be seen in it soon after the one before.
const kafkaLogInterval = time.Minute

var _ kgo.HookBrokerConnect = (*kafkaHealth)(nil)

func newKafkaHealth(m *pipelineMetrics, log *slog.Logger) *kafkaHealth {
	return &kafkaHealth{log: log, failures: m.set.NewCounter("weir_kafka_connect_failures_total"), failed: map[int32]string{}}
}

// OnBrokerConnect is called by the clients.
func (h *kafkaHealth) OnBrokerConnect(broker kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil {
		// Any broker that answers ends what its seed said: seeds have numbers of their own.
		for number := range h.failed {
			if number < 0 || number == broker.NodeID {
				delete(h.failed, number)
			}
		}
		if h.said && len(h.failed) == 0 {
			h.log.Info("Kafka can be reached again", "after", time.Since(h.since).Round(time.Second))
			h.said = false
		}
		return
	}
	h.failures.Inc()
	if len(h.failed) == 0 {
		h.since = time.Now().UTC()
	}
	text := fmt.Sprintf("connect to %s: %v", net.JoinHostPort(broker.Host, fmt.Sprint(broker.Port)), err)
	h.failed[broker.NodeID] = text
	if now := time.Now(); !h.said && (h.saidAt.IsZero() || now.Sub(h.saidAt) >= kafkaLogInterval) {
		h.log.Warn("a broker of Kafka cannot be reached, will try again", "error", text)
		h.said, h.saidAt = true, now
	}
}

// KafkaStatus says which brokers cannot be reached.
type KafkaStatus struct {
	Errors []string  `json:"errors,omitempty"`
	Since  time.Time `json:"since,omitzero"`
}

func (h *kafkaHealth) status() KafkaStatus {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out KafkaStatus
	for _, text := range h.failed {
		out.Errors = append(out.Errors, text)
		out.Since = h.since
	}
	slices.Sort(out.Errors)
	return out
}
