package collect

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

// Producer appends records to a topic; *kgo.Client does. It refuses a record that finds its buffer full.
type Producer interface {
	TryProduce(ctx context.Context, record *kgo.Record, promise func(*kgo.Record, error))
}

// Publisher writes reports to weir.telemetry. Its methods may be called from any goroutine.
type Publisher struct {
	producer     Producer
	acknowledged func()
	lost         func(error)
}

// NewPublisher returns a publisher that tells of each report whether it was acknowledged or lost.
func NewPublisher(producer Producer, acknowledged func(), lost func(error)) *Publisher {
	return &Publisher{producer: producer, acknowledged: acknowledged, lost: lost}
}

// Publish writes reports and does not wait. While weir.telemetry does not keep up reports are lost, not kept: they say how
// things stand, and the next poll says it again.
func (p *Publisher) Publish(reports []telemetry.Report) {
	for i := range reports {
		value, err := telemetry.MarshalReport(&reports[i])
		if err != nil {
			p.lost(fmt.Errorf("encode a report: %w", err))
			continue
		}
		record := &kgo.Record{Topic: telemetry.TopicTelemetry, Key: key(&reports[i].Labels), Value: value}
		p.producer.TryProduce(context.Background(), record, func(_ *kgo.Record, err error) {
			if err != nil {
				p.lost(fmt.Errorf("write to %s: %w", record.Topic, err))
				return
			}
			p.acknowledged()
		})
	}
}

// key keeps what is said of one group or one node in one partition, whoever says it: of two collectors the newest report
// counts only where one partition has both.
func key(l *telemetry.Labels) []byte {
	of := l.Node
	if l.Group != "" {
		of = l.Group
	} else if l.Topic != "" {
		of = l.Topic
	}
	return []byte(l.Cluster + "\x00" + of)
}
