package rocketmq

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	rmqerrors "github.com/apache/rocketmq-client-go/v2/errors"
)

func TestClassOf(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{context.DeadlineExceeded, "timeout"},
		{rmqerrors.ErrRequestTimeout, "timeout"},
		{errors.New("send request message to orders OK, but wait reply message timeout 100 ms"), "timeout"},
		{errors.New("correlationId:7 request timeout, no reply message"), "timeout"},
		{context.Canceled, "cancelled"},
		{rmqerrors.ErrNotRunning, "closed"},
		{rmqerrors.ErrService, "closed"},
		{errors.New("CODE: 13, DESC: the message is illegal"), "too_large"},
		{errors.New("CODE: 16, DESC: the broker sending message is forbidden"), "auth"},
		{errors.New("CODE: 1, DESC: org.apache.rocketmq.acl.common.AclException: no"), "auth"},
		{errors.New("CODE: 17, DESC: topic not exist"), "unknown_topic"},
		{errors.New("the topic=orders route info not found"), "unknown_topic"},
		{rmqerrors.ErrTopicEmpty, "unknown_topic"},
		{errors.New("CODE: 2, DESC: [REJECTREQUEST]system busy"), "broker"},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, "network"},
		{io.EOF, "network"},
		{rmqerrors.ErrMultipleTopics, "other"},
	} {
		for _, err := range []error{test.err, fmt.Errorf("send: %w", test.err)} {
			if got := classOf(err).String(); got != test.want {
				t.Errorf("%v: got class %s, want %s", err, got, test.want)
			}
		}
	}
}
