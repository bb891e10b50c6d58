package rocketmq

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	rmqerrors "github.com/apache/rocketmq-client-go/v2/errors"

	"github.com/weirmq/weir/sdk/agent"
	"github.com/weirmq/weir/sdk/internal/meter"
)

// classTests are asked in order: the first that holds names the class.
var classTests = []struct {
	class   meter.ErrorClass
	targets []error
}{
	{meter.ClassTimeout, []error{context.DeadlineExceeded, rmqerrors.ErrRequestTimeout}},
	{meter.ClassCancelled, []error{context.Canceled}},
	{meter.ClassClosed, []error{rmqerrors.ErrNotRunning, rmqerrors.ErrService}},
	{meter.ClassUnknownTopic, []error{rmqerrors.ErrTopicNotExist, rmqerrors.ErrRouteNotFound, rmqerrors.ErrTopicEmpty}},
	{meter.ClassTooLarge, []error{agent.ErrTooLarge}}, // a command's, of a message before it
	{meter.ClassNetwork, []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed}},
}

// textTests are for errors of the library that are text alone: of which class what begins or ends with it is.
// Codes are those of RocketMQ's ResponseCode.
var textTests = []struct {
	class meter.ErrorClass
	text  string
}{
	{meter.ClassAuth, "AclException"},
	{meter.ClassTooLarge, "CODE: 13,"}, // MESSAGE_ILLEGAL: a body or properties above the limit
	{meter.ClassAuth, "CODE: 16,"},     // NO_PERMISSION
	{meter.ClassUnknownTopic, "CODE: 17,"},
	{meter.ClassBroker, "CODE: "},
	{meter.ClassUnknownTopic, "route info not found"},
	{meter.ClassTimeout, "wait reply message timeout"},
	{meter.ClassTimeout, "request timeout, no reply message"},
}

func classOf(err error) meter.ErrorClass {
	for _, test := range classTests {
		for _, target := range test.targets {
			if errors.Is(err, target) {
				return test.class
			}
		}
	}
	var network net.Error
	if errors.As(err, &network) {
		return meter.ClassNetwork
	}
	text := err.Error()
	for _, test := range textTests {
		if strings.Contains(text, test.text) {
			return test.class
		}
	}
	return meter.ClassOther
}
