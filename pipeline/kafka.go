package pipeline

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/telemetry"
)

// maxRecordBytes bounds one record that Weir writes. Not smaller: a group of 1,024
// listed clients takes half of it; not larger: brokers buffer whole batches. Weir's
// own topics are created with twice that as max.message.bytes.
const maxRecordBytes = 1 << 20

// clientOptions are the options that every Kafka client of Weir shares.
func clientOptions(config KafkaConfig, hooks ...kgo.Hook) ([]kgo.Opt, error) {
	options, err := reachOptions("kafka", config.Brokers, config.TLS, config.SASL)
	if err != nil {
		return nil, err
	}
	return append(options, kgo.ClientID("weir"), kgo.WithHooks(hooks...),
		kgo.FetchMaxBytes(maxFetchBytes), kgo.MaxDecompressBatchBytes(maxBatchBytes)), nil
}

// reachOptions say where a cluster is and how Weir shows who it is; key is the section that they stand in.
func reachOptions(key string, brokers []string, encryption TLSConfig, login SASLConfig) ([]kgo.Opt, error) {
	options := []kgo.Opt{kgo.SeedBrokers(brokers...)}
	if encryption.Enabled {
		tlsConfig, err := encryption.load()
		if err != nil {
			return nil, fmt.Errorf("%s.tls: %w", key, err)
		}
		options = append(options, kgo.DialTLSConfig(tlsConfig))
	}
	mechanism, err := login.mechanism()
	if err != nil {
		return nil, fmt.Errorf("%s.sasl: %w", key, err)
	}
	if mechanism != nil {
		options = append(options, kgo.SASL(mechanism))
	}
	return options, nil
}

func (c TLSConfig) load() (*tls.Config, error) {
	out := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read ca_file: %w", err)
		}
		out.RootCAs = x509.NewCertPool()
		if !out.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca_file %s holds no PEM certificate", c.CAFile)
		}
	}
	if c.CertFile != "" || c.KeyFile != "" {
		pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("read cert_file and key_file: %w", err)
		}
		out.Certificates = []tls.Certificate{pair}
	}
	return out, nil
}

// secretOf is a secret: what the file holds that fileKey names, and where it names none the value.
func secretOf(value, fileKey, file string) (string, error) {
	if file == "" {
		return value, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", fileKey, err)
	}
	return strings.TrimSpace(string(text)), nil
}

// newProducer returns a client that writes to partitions chosen by Weir, each
// record acknowledged by all in-sync replicas.
func newProducer(config KafkaConfig, hooks ...kgo.Hook) (*kgo.Client, error) {
	return newProducerOf(config, 2*maxRecordBytes, hooks...)
}

// promptLinger is how long an alert waits for others of its batch. Not smaller: those of one evaluation would go in two requests;
// not larger, as the client's 10 ms are: the evaluator waits for it too. The aggregate stage keeps these, as they put what several
// sources flush into one request.
const promptLinger = time.Millisecond

// newPromptProducer is newProducer for what one goroutine writes and people wait for.
func newPromptProducer(config KafkaConfig, hooks ...kgo.Hook) (*kgo.Client, error) {
	options, err := producerOptions(config, 2*maxRecordBytes, hooks...)
	if err != nil {
		return nil, err
	}
	return kgo.NewClient(append(options, kgo.ProducerLinger(promptLinger))...)
}

// newProducerOf is newProducer for batches of up to batchBytes.
func newProducerOf(config KafkaConfig, batchBytes int32, hooks ...kgo.Hook) (*kgo.Client, error) {
	options, err := producerOptions(config, batchBytes, hooks...)
	if err != nil {
		return nil, err
	}
	return kgo.NewClient(options...)
}

func producerOptions(config KafkaConfig, batchBytes int32, hooks ...kgo.Hook) ([]kgo.Opt, error) {
	options, err := clientOptions(config, hooks...)
	if err != nil {
		return nil, err
	}
	return append(options, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchMaxBytes(batchBytes),
		kgo.RequiredAcks(kgo.AllISRAcks()), kgo.ProducerBatchCompression(kgo.ZstdCompression(), kgo.NoCompression())), nil
}

// recordProducer appends records to their topics and calls back when they are
// acknowledged, one promise at a time; *kgo.Client does.
type recordProducer interface {
	Produce(ctx context.Context, record *kgo.Record, promise func(*kgo.Record, error))
}

// produceAll writes records and waits until all are acknowledged or ctx ends. With its
// broker away the client gives up no record that may have been written; who stops does
// not wait for it.
func produceAll(ctx context.Context, producer recordProducer, records []*kgo.Record) error {
	if len(records) == 0 {
		return nil
	}
	done := make(chan error, 1)
	var failed error
	left := len(records)
	for _, record := range records {
		producer.Produce(ctx, record, func(_ *kgo.Record, err error) {
			failed = cmp.Or(failed, err)
			if left--; left == 0 {
				done <- failed
			}
		})
	}
	var err error
	select {
	case err = <-done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("write to %s: %w", records[0].Topic, &kafkaFault{faultWrite, err})
	}
	return nil
}

// fetchError returns the first error of a poll that ends a stage. What the client
// retries by itself does not: a group that does not let it in yet, for one. Neither does
// a batch of weir.telemetry that cannot be opened, or not yet.
func fetchError(fetches kgo.Fetches) error {
	for _, e := range fetches.Errors() {
		var session *kgo.ErrGroupSession
		var unopened *kgo.ErrDecompressTooLarge
		if e.Topic == telemetry.TopicTelemetry && (errors.As(e.Err, &unopened) || errors.Is(e.Err, errInflated)) {
			continue
		}
		if errors.As(e.Err, &session) || errors.Is(e.Err, context.Canceled) || errors.Is(e.Err, context.DeadlineExceeded) {
			continue
		}
		what := ""
		if errors.Is(e.Err, kerr.UnknownTopicID) {
			what = "the topic was deleted, and made again if it is there: "
		}
		return fmt.Errorf("read %s partition %d: %s%w", e.Topic, e.Partition, what, &kafkaFault{faultRead, e.Err})
	}
	return nil
}

// topicDetail returns a topic's id and number of partitions.
func topicDetail(ctx context.Context, admin *kadm.Client, topic string) (kadm.TopicDetail, error) {
	details, err := admin.ListTopics(ctx, topic)
	if err != nil {
		return kadm.TopicDetail{}, fmt.Errorf("describe %s: %w", topic, err)
	}
	detail := details[topic]
	if detail.Err != nil {
		return detail, fmt.Errorf("describe %s: %w", topic, detail.Err)
	}
	return detail, nil
}
