package pipeline

import (
	"fmt"
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
	failures *metrics.Counter

	mu     sync.Mutex
	failed map[int32]string // by broker: why the newest attempt to connect failed
	since  time.Time        // of the first of them
}

var _ kgo.HookBrokerConnect = (*kafkaHealth)(nil)

func newKafkaHealth(m *pipelineMetrics) *kafkaHealth {
	return &kafkaHealth{failures: m.set.NewCounter("weir_kafka_connect_failures_total"), failed: map[int32]string{}}
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
		return
	}
	h.failures.Inc()
	if len(h.failed) == 0 {
		h.since = time.Now().UTC()
	}
	h.failed[broker.NodeID] = fmt.Sprintf("connect to %s: %v", net.JoinHostPort(broker.Host, fmt.Sprint(broker.Port)), err)
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
