package rocketmq

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// What the real cluster has besides: more than are asked for in each poll.
const (
	manyTopics = 2*startsPerPoll + 1
	manyGroups = groupsPerPoll + 1
)

// writeStore writes topics and groups into the folder of a broker, which reads them as it starts.
func writeStore(t *testing.T, dir string) {
	t.Helper()
	topics, groups := map[string]any{}, map[string]any{}
	for _, name := range named(manyTopics) {
		topics[name] = map[string]any{"topicName": name, "readQueueNums": 1, "writeQueueNums": 1, "perm": 6, "topicFilterType": "SINGLE_TAG"}
	}
	for _, name := range named(manyGroups) {
		groups[name] = map[string]any{"groupName": name, "consumeEnable": true, "retryQueueNums": 1, "retryMaxTimes": 16}
	}
	version := map[string]any{"counter": 1, "stateVersion": 0, "timestamp": 1}
	folder := filepath.Join(dir, "store", "config")
	if err := os.MkdirAll(folder, 0o750); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]any{
		"topics.json":            map[string]any{"dataVersion": version, "topicConfigTable": topics},
		"subscriptionGroup.json": map[string]any{"dataVersion": version, "subscriptionGroupTable": groups},
	} {
		text, err := json.Marshal(content)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// lagsOf are what a poll says of groups in queues.
func lagsOf(s seen) map[string]float64 {
	out := map[string]float64{}
	for key, values := range s {
		if messages, known := values["lag_messages"]; known && strings.HasPrefix(key, "group ") {
			out[key] = messages
		}
	}
	return out
}

// checkAtOnce holds that a poll of many topics and groups takes few requests, and says of commits and ends the same as where all is asked one
// by one.
func checkAtOnce(t *testing.T, p *Poller) {
	t.Helper()
	before := p.Requests()
	atOnce, err := poll(t, p)
	if err != nil {
		t.Fatal(err)
	}
	// For its state, groups, topics and settings, the commits of all groups, the ends of most topics and what name servers know it is one each.
	if asked := p.Requests() - before; asked > groupsPerPoll+startsPerPoll+100 {
		t.Errorf("a poll takes %d requests of %d topics and %d groups", asked, manyTopics, manyGroups)
	}
	rated := 0
	for key, values := range atOnce {
		if _, known := values["partition_messages_per_second"]; known && strings.HasPrefix(key, "broker - - orders-") {
			rated++
		}
	}
	if rated != manyTopics {
		t.Errorf("%d of %d topics have a rate in each poll", rated, manyTopics)
	}
	memory := p.masters["broker-a"]
	memory.oneByOne.begin(time.Now(), errors.New("refused"))
	memory.noEnds.begin(time.Now(), errors.New("refused"))
	for range 2 { // turns of groups
		said, err := poll(t, p)
		want := fmt.Sprintf("refused; it is asked group by group, at most %d groups in a poll or all within %d polls\n", groupsPerPoll, groupTurns) +
			fmt.Sprintf("refused; topics are asked one by one, at most %d in a poll or all within %d polls", topicsPerPoll, topicTurns)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
		if got, want := lagsOf(said), lagsOf(atOnce); !maps.Equal(got, want) || len(want) == 0 {
			t.Errorf("asked one by one, lags are of %v, want %v", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		}
	}
	memory.oneByOne, memory.noEnds = pause{}, pause{}
}
