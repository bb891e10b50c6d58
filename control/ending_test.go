package control_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/weirmq/weir/control"
)

// TestAnEndFits fills a command's record to its last byte, and ends it by somebody with a long name for a long reason: the end is a record that readers take.
func TestAnEndFits(t *testing.T) {
	t.Parallel()
	for name, with := range map[string]func(*control.Command){
		"a short one":                    func(*control.Command) {},
		"a long reason":                  func(c *control.Command) { c.Reason = strings.Repeat("é<", control.MaxReasonBytes/3) },
		"a long reason of one character": func(c *control.Command) { c.Reason = " é" },
		"partitions, and names as long as may be": func(c *control.Command) {
			long := strings.Repeat("<", control.MaxLabelBytes)
			c.Scope.Cluster, c.Scope.Group, c.Scope.Client, c.Scope.Tier = long, long, long, long
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := pause("full", 1, began)
			with(&c)
			for i := range control.MaxPartitions {
				c.Scope.Partitions = append(c.Scope.Partitions, 1_000_000_000+int32(i))
			}
			fits := func() bool { _, err := c.Encode(); return err == nil }
			for !fits() {
				c.Scope.Partitions = c.Scope.Partitions[10:]
			}
			value, _ := c.Encode()
			c.Scope.Lane = strings.Repeat("a", max(min(control.MaxRecordBytes-len(value)-len(`,"lane":""`), control.MaxLabelBytes), 0))
			set := control.NewSet()
			if change := feed(t, set, c, began); change.Outcome != control.OutcomeApplied {
				t.Fatalf("the command was %+v", change)
			}
			long := strings.Repeat("<", control.MaxReasonBytes)
			ended := c.End(control.Ended{Author: long[:control.MaxLabelBytes], Reason: long, At: began})
			if change := feed(t, set, ended, began); change.Outcome != control.OutcomeApplied {
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
	roomy := pause("roomy", 1, began)
	for i := range control.MaxPartitions {
		roomy.Scope.Partitions = append(roomy.Scope.Partitions, 1_000_000_000+int32(i))
	}
	value, _ := json.Marshal(roomy)
	roomy.Scope.Partitions = roomy.Scope.Partitions[(len(value)-control.MaxRecordBytes)/11+60:] // some hundred bytes are left
	ended := roomy.End(control.Ended{Author: "li", Reason: strings.Repeat("a", control.MaxReasonBytes), At: began})
	if ended.Ended.Reason == "" || len(ended.Ended.Reason) == control.MaxReasonBytes || ended.Reason != roomy.Reason || len(ended.Scope.Partitions) != len(roomy.Scope.Partitions) {
		t.Errorf("more is cut than must be: of why it ends %d bytes are left, of why it was %q", len(ended.Ended.Reason), ended.Reason)
	}
	short := pause("short", 1, began).End(control.Ended{Author: "li", Reason: "done", At: began})
	if short.Ended.Reason != "done" || short.Reason != pause("short", 1, began).Reason || short.Revision != 2 {
		t.Errorf("what fits is cut: %+v", short)
	}
}
