package rocketmq

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/deploy/child"
	"github.com/weirmq/weir/deploy/parts"
	parties "github.com/weirmq/weir/deploy/rocketmq"
	"github.com/weirmq/weir/remoting"
)

// The delay levels of the broker. Level 3 is due while the test waits. Not sooner: its messages must be there, and not yet due, when a slow
// machine has polled them; not later: the test waits for it.
const (
	threeLevels = "1s 1h 20s"
	twoLevels   = "1s 1h"
)

// delayed is a real cluster whose broker delays messages by levels.
type delayed struct {
	nameServer, broker *parties.Server
	dir                string
	poller             *Poller
}

// start runs the broker, on what it left behind, until the test ends.
func (d *delayed) start(t *testing.T, jars, levels string, printed *child.Output) {
	t.Helper()
	var err error
	d.broker, err = parties.StartBroker(t.Context(), parties.Config{JarDir: jars, DataDir: filepath.Join(d.dir, "broker"), LogWriter: printed,
		Options: map[string]string{"messageDelayLevel": levels, "timerWheelEnable": "true", "mappedFileSizeTimerLog": "1048576"}}, d.nameServer.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.broker.Kill)
	createTopic(t, d.poller, d.broker.Addr(), "orders", 1) // so that its name server knows it at once
}

// send stores messages that are delivered to topic orders after a delay level.
func (d *delayed) send(t *testing.T, level, count int) {
	t.Helper()
	const sendMessage = 10
	for range count {
		ask(t, d.poller, d.broker.Addr(), remoting.Request{Code: sendMessage, Body: []byte("later"), Fields: map[string]string{"producerGroup": "by-hand",
			"topic": "orders", "defaultTopic": "TBW102", "defaultTopicQueueNums": "4", "queueId": "0", "sysFlag": "0",
			"bornTimestamp": fmt.Sprint(time.Now().UnixMilli()), "flag": "0", "properties": fmt.Sprintf("DELAY\x01%d\x02", level), "reconsumeTimes": "0"}})
	}
}

func ofLevel(level int) string {
	return fmt.Sprintf("broker - - %s broker-a:%d", scheduleTopic, level)
}

// TestDelayLevelsThatStandStill has a broker with messages in three delay levels. It is killed, somebody spoils the offset of one level so that
// it lies behind the end, and another is not in the configuration any more with which the broker starts again. What RocketMQ does of it: the
// first offset it sets to the end, and nobody ever gets the messages that waited; the other level stands still when they are due.
func TestDelayLevelsThatStandStill(t *testing.T) {
	jars, err := parts.RocketMQ()
	if err != nil {
		t.Fatal(err)
	}
	printed := &child.Output{}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(printed)
		}
	})
	d := &delayed{dir: t.TempDir()}
	if d.nameServer, err = parties.StartNameServer(t.Context(), parties.Config{JarDir: jars, DataDir: filepath.Join(d.dir, "namesrv"), LogWriter: printed}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.nameServer.Kill)
	d.poller = Open(Config{Identity: collect.Identity{Cluster: "shop", Env: "test"}, NameServers: []string{d.nameServer.Addr()}})
	t.Cleanup(d.poller.Close)

	d.start(t, jars, threeLevels, printed)
	for level, count := range map[int]int{1: 1, 2: 5, 3: 4} {
		d.send(t, level, count)
	}
	expect := func(want map[string]map[string]float64) {
		t.Helper()
		eventually(t, d.poller, func(s seen, err error) error {
			for key, values := range want {
				if err == nil {
					err = s.has(key, values)
				}
			}
			return err
		})
	}
	expect(map[string]map[string]float64{
		ofLevel(1): {"delay_level_lag_messages": 0, "delay_overdue_seconds": 0, "delay_early_seconds": 0}, // delivered
		ofLevel(2): {"delay_level_lag_messages": 5, "delay_overdue_seconds": 0, "delay_early_seconds": 0},
		ofLevel(3): {"delay_level_lag_messages": 4, "delay_overdue_seconds": 0, "delay_early_seconds": 0},
		"broker - - rmq_sys_wheel_timer broker-a:0": {"delay_level_lag_messages": 0},
	})

	d.broker.Kill()
	spoilt := []byte(`{"offsetTable":{1:1,2:1000,3:0}}`)
	if err := os.WriteFile(filepath.Join(d.dir, "broker", "store", "config", "delayOffset.json"), spoilt, 0o600); err != nil {
		t.Fatal(err)
	}
	d.start(t, jars, twoLevels, printed)
	eventually(t, d.poller, func(s seen, err error) error {
		if err != nil {
			return err
		}
		if early := s[ofLevel(2)]["delay_early_seconds"]; early < 3000 || early > 3600 {
			return fmt.Errorf("level 2 has %v, want messages that were passed an hour before their time", s[ofLevel(2)])
		}
		if err := s.has(ofLevel(2), map[string]float64{"delay_level_lag_messages": 0, "delay_overdue_seconds": 0}); err != nil {
			return err
		}
		if overdue := s[ofLevel(3)]["delay_overdue_seconds"]; overdue < 3 {
			return fmt.Errorf("level 3 has %v, want messages that are overdue", s[ofLevel(3)])
		}
		return s.has(ofLevel(3), map[string]float64{"delay_level_lag_messages": 4, "delay_early_seconds": 0})
	})
	ranges, err := d.poller.client.Broker(d.broker.Addr()).TopicStats(t.Context(), "orders")
	if held := ranges[remoting.Queue{Topic: "orders", Broker: "broker-a"}]; err != nil || held.Max != 1 {
		t.Errorf("%d messages were delivered, %v, want that of level 1 alone", held.Max, err)
	}
}

// TestALevelIsLookedUpWhereItsOffsetMoved has what is known of a level, poll by poll, without a broker that could be asked: only what was found
// before is known.
func TestALevelIsLookedUpWhereItsOffsetMoved(t *testing.T) {
	at := began.Add(time.Minute)
	q := question{now: func() time.Time { return at }, memory: newMemory()}
	q.memory.noEntries.begin(at, nil)
	q.memory.passages[3] = passage{offset: 7, last: began, next: began.Add(30 * time.Second)}
	for _, test := range []struct {
		name                    string
		level                   remoting.DelayLevel
		waiting, overdue, early known
	}{
		{"where it stands", remoting.DelayLevel{Level: 3, Offset: 7, End: 9}, known{2, true}, known{30, true}, known{0, true}},
		{"nothing waits", remoting.DelayLevel{Level: 4, Offset: 0, End: 0}, known{0, true}, known{0, true}, known{0, true}},
		{"it moved", remoting.DelayLevel{Level: 3, Offset: 8, End: 9}, known{1, true}, known{0, false}, known{0, false}},
		{"all is delivered, whenever", remoting.DelayLevel{Level: 3, Offset: 9, End: 9}, known{0, true}, known{0, true}, known{0, false}},
	} {
		got := q.delay(test.level)
		if got.waiting != test.waiting || got.overdue.is != test.overdue.is || got.overdue.is && got.overdue != test.overdue || got.early.is != test.early.is {
			t.Errorf("%s: got %+v, want %v waiting, %v overdue, %v early", test.name, got, test.waiting, test.overdue, test.early)
		}
	}
}
