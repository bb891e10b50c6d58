package control_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/weirmq/weir/control"
)

// filled has a command's record have all bytes that it may but some, by its partitions and the labels of its scope.
func filled(t *testing.T, c control.Command, but int) control.Command {
	t.Helper()
	for i := range control.MaxPartitions {
		c.Scope.Partitions = append(c.Scope.Partitions, 1_000_000_000+int32(i))
	}
	left := func() int {
		value, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		return control.MaxRecordBytes - but - len(value)
	}
	labels := []*string{&c.Scope.Cluster, &c.Scope.Group, &c.Scope.Client, &c.Scope.Tier, &c.Scope.Lane}
	for _, label := range labels {
		*label = "a"
	}
	for _, label := range labels[:4] {
		if fit := min((left()+1)/6, control.MaxLabelBytes); fit > 0 {
			*label = strings.Repeat("<", fit) // of six bytes each there
		}
	}
	c.Scope.Lane = strings.Repeat("a", max(min(left()+1, control.MaxLabelBytes), 1))
	if got := left(); got != 0 {
		t.Fatalf("%d bytes are left", got)
	}
	return c
}

// TestAnEndFits fills a command's record to its last byte, and ends it by somebody with a long name for a long reason: the end is a record that readers take.
func TestAnEndFits(t *testing.T) {
	t.Parallel()
	for name, reason := range map[string]string{"a short one": "a test", "a long reason": strings.Repeat("é<", 200), "a reason of one character": " é"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := pause("full", 1, began)
			c.Reason = reason
			c = filled(t, c, 0)
			set := control.NewSet()
			if change := feed(t, set, c, began); change.Outcome != control.OutcomeApplied {
				t.Fatalf("the command was %+v", change)
			}
			long := strings.Repeat("<", control.MaxReasonBytes)
			if change := feed(t, set, c.End(control.Ended{Author: long[:control.MaxLabelBytes], Reason: long, At: began}), began); change.Outcome != control.OutcomeApplied {
				t.Errorf("its end was %+v", change)
			}
			if held, _ := set.Command("full"); held.Ended == nil || held.InForce(began) {
				t.Errorf("it holds on: %+v", held)
			}
			if c.Ended != nil || c.Revision != 1 {
				t.Error("the command itself is changed")
			}
		})
	}
}

// TestAnEndIsNotCutWithoutNeed holds that what fits stays, and that of what does not the reason for the end is cut first.
func TestAnEndIsNotCutWithoutNeed(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", control.MaxReasonBytes)
	for but, want := range map[int]int{0: 0, 500: 1, control.MaxReasonBytes + 500: control.MaxReasonBytes} {
		c := filled(t, pause("full", 1, began), but)
		ended := c.End(control.Ended{Author: "li", Reason: long, At: began})
		got := len(ended.Ended.Reason)
		if got < want || got == control.MaxReasonBytes && want < got {
			t.Errorf("with %d bytes left, %d of the reason stay, want %d", but, got, want)
		}
		if whole := ended.Reason == c.Reason && len(ended.Scope.Partitions) == len(c.Scope.Partitions); whole != (but > 0) {
			t.Errorf("with %d bytes left, the command is as it was: %t", but, whole)
		}
	}
}
