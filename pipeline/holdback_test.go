package pipeline

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/weirmq/weir/telemetry"
)

func TestHoldback(t *testing.T) {
	epoch := time.Unix(1_800_000_000, 0)
	at := func(seconds float64) time.Time { return epoch.Add(time.Duration(seconds * float64(time.Second))) }
	var end *sourceEnd
	if end.holds(at(0)) {
		t.Error("a source of which nothing was said yet is held back")
	}
	for _, look := range []struct {
		said  float64 // in seconds; 0 where nothing new was said
		now   float64
		holds bool
	}{
		{1, 1.5, false}, {0, 4, false}, {4, 4, false}, // a slow answer
		{0, 7.5, true}, {8, 8, true}, {10, 11.5, true}, {12, 12, false}, // away for 4 s, held back for 4 s more
		{0, 20, true}, {42, 42, true}, {44, 44, true}, {46, 46, true}, {48, 48, true}, {50, 51.9, true}, {52, 52, false}, // for 30 s, and 10 s more
		{63, 63, true},                                                                                                    // away for 11 s, while nobody looked
		{65, 65, true}, {69, 69, true}, {71, 71, true}, {73, 73, true}, {75, 77, true}, {77, 78.9, true}, {79, 79, false}, // away again, for 4 s, with 8 s left to hold back
		{83, 83, true}, {85, 85, true}, {89, 90.9, true}, {91, 91, true}, {93, 94.9, true}, {95, 95, false}, // away for 4 s, and again with 2 s left
	} {
		if look.said > 0 {
			end = end.then(7, at(look.said), at(look.said))
		}
		if got := end.holds(at(look.now)); got != look.holds {
			t.Errorf("at %g s held back is %t, want %t", look.now, got, look.holds)
		}
	}
}

// TestASlowBrokerIsNotAway has each answer take as long as may be.
func TestASlowBrokerIsNotAway(t *testing.T) {
	at := time.Unix(1_800_000_000, 0)
	var end *sourceEnd
	for range 10 {
		end = end.then(7, at, at.Add(endTimeout))
		at = at.Add(endTimeout + endOffsetInterval)
		if end.holds(at) || end.holds(at.Add(endTimeout)) {
			t.Fatal("its source is held back")
		}
	}
}

// someBrokers answers for the partitions whose brokers are there, as *kadm.Client does: with an error for the others.
type someBrokers struct{ ends kadm.ListedOffsets }

func (b someBrokers) ListEndOffsets(context.Context, ...string) (kadm.ListedOffsets, error) {
	return b.ends, errRefused
}

// TestOneBrokerAwayHoldsUpItsSourcesOnly holds that the ends of other sources are known all the same.
func TestOneBrokerAwayHoldsUpItsSourcesOnly(t *testing.T) {
	a := &aggregator{metrics: newPipelineMetrics().stage(RoleAggregate), ends: &sourceEnds{}}
	a.askEnds(t.Context(), someBrokers{kadm.ListedOffsets{telemetry.TopicTelemetry: {1: {Offset: 7}, 2: {Err: kerr.LeaderNotAvailable}}}})
	for partition, want := range map[int32]bool{0: false, 1: true, 2: false} {
		if got := a.ends.of(telemetry.Source{Partition: partition}) != nil; got != want {
			t.Errorf("the end of partition %d is known: %t, want %t", partition, got, want)
		}
	}
}
