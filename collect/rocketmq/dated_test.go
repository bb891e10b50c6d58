package rocketmq

import (
	"fmt"
	"testing"
	"time"

	"github.com/weirmq/weir/collect"
	"github.com/weirmq/weir/remoting"
	"github.com/weirmq/weir/telemetry"
)

// span is a time within which something happened.
type span struct{ from, to time.Time }

// dated is a queue of which it is known when each of its messages was stored, and between which polls.
type dated struct {
	poller         *Poller
	addr           string // of the broker
	stored, polled []span
}

const (
	datedTopic = "dated"
	// datedGroup reads while the messages come, so that polls tell their ages.
	datedGroup = "dated-0"
)

// beginDated makes the topic and a group that reads it.
func beginDated(t *testing.T, p *Poller, addr string) *dated {
	t.Helper()
	createTopic(t, p, addr, datedTopic, 1)
	create(t, p, addr, datedGroup)
	commitOf(t, p, addr, datedGroup, remoting.Queue{Topic: datedTopic}, 0)
	eventually(t, p, func(s seen, _ error) error {
		return s.has("group - "+datedGroup+" "+datedTopic+" broker-a:0", map[string]float64{telemetry.GaugeLagMessages: 0})
	})
	return &dated{poller: p, addr: addr}
}

// send stores the next message, between two polls.
func (d *dated) send(t *testing.T) {
	t.Helper()
	var stored, polled span
	polled.from = time.Now()
	_, _ = poll(t, d.poller)
	stored.from = time.Now()
	store(t, d.poller, d.addr, datedTopic, 0)
	stored.to = time.Now()
	_, _ = poll(t, d.poller)
	polled.to = time.Now()
	d.stored, d.polled = append(d.stored, stored), append(d.polled, polled)
}

// agesAreRight has a group for each message that it has yet to read. A poller that begins when all are there asks the broker, and is right to the
// millisecond; one that has polled since before they came knows between which polls each did.
func (d *dated) agesAreRight(t *testing.T, nameServer string) {
	t.Helper()
	for offset := range d.stored {
		group := fmt.Sprint("dated-", offset)
		create(t, d.poller, d.addr, group)
		commitOf(t, d.poller, d.addr, group, remoting.Queue{Topic: datedTopic}, offset)
	}
	begun := Open(Config{Identity: collect.Identity{Cluster: "shop", Env: "test"}, NameServers: []string{nameServer}})
	t.Cleanup(begun.Close)
	for which, by := range map[string]struct {
		poller *Poller
		come   []span
	}{"asked": {begun, d.stored}, "seen by polls": {d.poller, d.polled}} {
		var s seen
		var at span
		eventually(t, by.poller, func(seen, error) (err error) {
			at.from = time.Now()
			s, _ = poll(t, by.poller)
			at.to = time.Now()
			for offset := range d.stored {
				if key := ofDated(offset); len(s[key]) == 0 || s[key][telemetry.GaugeLagSeconds] == 0 {
					err = fmt.Errorf("no age of %s: %v", key, s[key])
				}
			}
			return err
		})
		for offset, come := range by.come {
			const clocks = 10 * time.Millisecond // they count milliseconds, and cut some off
			age := time.Duration(s[ofDated(offset)][telemetry.GaugeLagSeconds] * float64(time.Second))
			least, most := at.from.Sub(come.to)-clocks, at.to.Sub(come.from)+clocks
			t.Logf("message %d, %s: %.3f s, want %.3f to %.3f s", offset, which, age.Seconds(), least.Seconds(), most.Seconds())
			if age < least || age > most {
				t.Errorf("message %d, %s: the age is %v, want %v to %v", offset, which, age, least, most)
			}
			if unread := s[ofDated(offset)][telemetry.GaugeLagMessages]; unread != float64(len(d.stored)-offset) {
				t.Errorf("message %d, %s: %v are unread", offset, which, unread)
			}
		}
	}
}

func ofDated(offset int) string {
	return fmt.Sprintf("group - dated-%d %s broker-a:0", offset, datedTopic)
}
