package rocketmq

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/remoting"
	"github.com/weirmq/weir/telemetry"
)

// shortAnswer is what a poller takes that cannot read the offsets of all groups, and can all else of a small cluster; goneQueues are so many that
// the offsets are longer than that.
const (
	shortAnswer = 128 << 10
	goneQueues  = shortAnswer / 6
)

// writeOffsets writes into the folder of a broker what a group that is gone had committed of a topic that is gone, which the broker reads as it starts.
func writeOffsets(dir string) error {
	offsets := map[int]int64{}
	for queue := range goneQueues {
		offsets[queue] = 0
	}
	text, err := json.Marshal(map[string]any{"offsetTable": map[string]any{"gone@gone": offsets}})
	if err != nil {
		return err
	}
	folder := filepath.Join(dir, "store", "config")
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "consumerOffset.json"), text, 0o600)
}

// ofGroups are what a poll says of groups but for what time changes.
func ofGroups(s seen) map[string]string {
	out := map[string]string{}
	for key, values := range s {
		for _, name := range []string{telemetry.GaugeMembers, telemetry.GaugeLagMessages, "lag_median_messages", telemetry.GaugeRetryLag, telemetry.GaugeDeadLetters} {
			if value, known := values[name]; known && strings.HasPrefix(key, "group ") {
				out[key+" "+name] = fmt.Sprint(value)
			}
		}
	}
	return out
}

// longTablesAreDoneWithout has a poller that takes no answer as long as the offsets of all groups. It says so, asks group by group and finds what
// one finds that takes it: of groups whose clients live or are gone, that committed in some queues, and that have messages to consume again.
func (f *fleet) longTablesAreDoneWithout(t *testing.T) {
	p := Open(Config{Identity: collect.Identity{Cluster: "shop", Env: "test"}, NameServers: []string{f.nameServer.Addr()}, Remoting: remoting.Config{AnswerBytes: shortAnswer}})
	t.Cleanup(p.Close)
	whole, err := poll(t, f.poller)
	if err != nil {
		t.Fatal(err)
	}
	want := ofGroups(whole)
	for range 2 { // first it asks for all offsets, and then it knows better
		s, err := poll(t, p)
		for _, addr := range []string{f.a.Addr(), f.b.Addr()} {
			said := "ask " + addr + " for the offsets of all groups: read from " + addr + ": not a frame of RocketMQ's remoting protocol: its length is "
			if err == nil || !strings.Contains(err.Error(), said) || strings.Count(err.Error(), "\n") != 1 {
				t.Errorf("got %v, want of each master %s", err, said)
			}
		}
		if got := ofGroups(s); !maps.Equal(got, want) || len(want) < 30 {
			for _, key := range slices.Sorted(maps.Keys(want)) {
				t.Logf("%-60s %5s %5s", key, want[key], got[key])
			}
			t.Errorf("asked group by group, %d values are got, want %d", len(got), len(want))
		}
	}
}
