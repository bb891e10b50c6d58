package kafka

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// TestEachRecordHasItsError has records of one call fail in the order of two partitions, which kgo tells one after the other, and one succeed.
func TestEachRecordHasItsError(t *testing.T) {
	t.Parallel()
	const count, acknowledged = 1000, 500
	call := &sending{records: make([]kgo.Record, count)}
	call.left.Add(count)
	for partition := range 2 {
		for i := partition; i < count; i += 2 {
			var err error
			if i != acknowledged {
				err = fmt.Errorf("no place for %d", i)
			}
			call.answered(&call.records[i], err)
		}
	}
	call.left.Wait()
	if got := len(call.failed.Failed); got != count-1 {
		t.Errorf("%d failed, want %d", got, count-1)
	}
	for i, got := range call.failed.Failed {
		if want := fmt.Sprintf("no place for %d", i); got.Error() != want {
			t.Errorf("message %d: %v, want %s", i, got, want)
		}
	}
}
