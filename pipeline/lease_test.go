package pipeline

import (
	"context"
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirmq/weir/telemetry"
)

// TestReportsAreWithheldWithoutATurn publishes with a lease, and again when the group has let the member go and the member does not know
// it yet.
func TestReportsAreWithheldWithoutATurn(t *testing.T) {
	t.Parallel()
	config := runConfig(t)
	config.Roles = []string{RoleCollect}
	p := run(t, config)
	begun := make(chan struct{}, 1)
	l, err := takeLease(t.Context(), p, groupCollect+"eu", func(ctx context.Context, _ *lease) {
		begun <- struct{}{}
		<-ctx.Done()
	}, func(err error) { t.Log(err) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.give)
	<-begun
	published := 0
	publish := func([]telemetry.Report) { published++ }
	if err := l.publish(t.Context(), nil, publish); err != nil || published != 1 {
		t.Fatalf("with a turn: %v, published %d times, want once", err, published)
	}
	leave := kmsg.NewPtrLeaveGroupRequest()
	leave.Group = l.group
	leave.MemberID, _ = l.GroupMetadata()
	member := kmsg.NewLeaveGroupRequestMember()
	member.MemberID = leave.MemberID
	leave.Members = append(leave.Members, member)
	answer, err := l.Request(t.Context(), leave)
	if err == nil {
		err = kerr.ErrorForCode(answer.(*kmsg.LeaveGroupResponse).ErrorCode)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := l.publish(t.Context(), nil, publish); !errors.Is(err, errNotLeased) || published != 1 {
		t.Fatalf("without a turn: %v, published %d times, want %v and once", err, published, errNotLeased)
	}
}
