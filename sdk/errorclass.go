package weir

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// errorClass is what kind of failure a message met: a fixed list, so that it bounds
// the error counts of a report.
type errorClass uint8

const (
	classTimeout errorClass = iota
	classCancelled
	classClosed
	classBufferFull
	classTooLarge
	classAuth
	classUnknownTopic
	classNetwork
	classBroker
	classHandler
	classOther
	errorClasses
)

// errorClassNames are the values of ErrorCount.class in reports.
var errorClassNames = [errorClasses]string{"timeout", "cancelled", "closed", "buffer_full", "too_large", "auth",
	"unknown_topic", "network", "broker", "handler", "other"}

// classTests are asked in order: the first that holds names the class.
var classTests = []struct {
	class   errorClass
	targets []error
}{
	{classTimeout, []error{context.DeadlineExceeded, kgo.ErrRecordTimeout, kgo.ErrRecordRetries, kerr.RequestTimedOut}},
	{classCancelled, []error{context.Canceled, kgo.ErrAborting}},
	{classClosed, []error{kgo.ErrClientClosed}},
	{classBufferFull, []error{kgo.ErrMaxBuffered}},
	{classTooLarge, []error{kerr.MessageTooLarge, kerr.RecordListTooLarge}},
	{classAuth, []error{kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed, kerr.SaslAuthenticationFailed,
		kerr.TransactionalIDAuthorizationFailed}},
	{classUnknownTopic, []error{kerr.UnknownTopicOrPartition, kerr.UnknownTopicID, kerr.InvalidTopicException}},
	{classNetwork, []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed}},
}

func classOf(err error) errorClass {
	for _, test := range classTests {
		for _, target := range test.targets {
			if errors.Is(err, target) {
				return test.class
			}
		}
	}
	var answered *kerr.Error
	if errors.As(err, &answered) {
		return classBroker
	}
	var network net.Error
	if errors.As(err, &network) {
		return classNetwork
	}
	return classOther
}
