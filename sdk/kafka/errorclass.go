package kafka

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/sdk/internal/meter"
)

// classTests are asked in order: the first that holds names the class.
var classTests = []struct {
	class   meter.ErrorClass
	targets []error
}{
	{meter.ClassTimeout, []error{context.DeadlineExceeded, kgo.ErrRecordTimeout, kgo.ErrRecordRetries, kerr.RequestTimedOut}},
	{meter.ClassCancelled, []error{context.Canceled, kgo.ErrAborting}},
	{meter.ClassClosed, []error{kgo.ErrClientClosed}},
	{meter.ClassBufferFull, []error{kgo.ErrMaxBuffered}},
	{meter.ClassTooLarge, []error{kerr.MessageTooLarge, kerr.RecordListTooLarge}},
	{meter.ClassAuth, []error{kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed, kerr.SaslAuthenticationFailed,
		kerr.TransactionalIDAuthorizationFailed}},
	{meter.ClassUnknownTopic, []error{kerr.UnknownTopicOrPartition, kerr.UnknownTopicID, kerr.InvalidTopicException}},
	{meter.ClassNetwork, []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed}},
}

func classOf(err error) meter.ErrorClass {
	for _, test := range classTests {
		for _, target := range test.targets {
			if errors.Is(err, target) {
				return test.class
			}
		}
	}
	var answered *kerr.Error
	if errors.As(err, &answered) {
		return meter.ClassBroker
	}
	var network net.Error
	if errors.As(err, &network) {
		return meter.ClassNetwork
	}
	return meter.ClassOther
}
