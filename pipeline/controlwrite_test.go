package pipeline

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/weirmq/weir/control"
)

// controlLogs are several readers and writers of weir.control on one embedded broker.
func controlLogs(t *testing.T, n int) (*Config, []*controlLog) {
	t.Helper()
	config := brokerConfig(t)
	makeTopic(t, openAdmin(t, &config), control.Topic, 1)
	logs := make([]*controlLog, n)
	for i := range logs {
		log, err := openControlLog(config.Kafka, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(log.close)
		logs[i] = log
	}
	return &config, logs
}

// limitOfOrders is what becomes of a command of the API that limits what is sent to orders.
func limitOfOrders(set *control.Set, now time.Time, edit func(*control.Command)) controlChange {
	command := control.Command{Name: "slow", Scope: control.Scope{Topic: "orders"}, Author: "li", Reason: "a test", ExpiresAt: now.Add(time.Hour), Percent: 100,
		SendLimit: &control.SendLimit{MessagesPerSecond: 10, Shared: true, ColdFactor: 3}}
	edit(&command)
	return controlPlan{now: now}.command(command, control.SourceAPI, set)
}

func asItIs(*control.Command) {}

// recounted is what the role control makes of a shared limit.
func recounted(held control.Command, clients int) controlChange {
	limit := *held.SendLimit
	limit.Clients = clients
	held.SendLimit, held.Revision = &limit, held.Revision+1
	return controlChange{Change: changeChanged, Kind: kindCommand, Name: held.Name, Revision: held.Revision, Command: &held, key: held.Key()}
}

// TestWriteTellsWhatBecameOfIt: a change is done where the topic has it so, and not where another of its revision came first, or readers refuse it.
func TestWriteTellsWhatBecameOfIt(t *testing.T) {
	t.Parallel()
	now := time.Now()
	config, logs := controlLogs(t, 2)
	ours, theirs := logs[0], logs[1]
	if err := ours.write(t.Context(), []controlChange{limitOfOrders(ours.set, now, asItIs)}); err != nil {
		t.Fatal(err)
	}
	if err := theirs.catchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	end, err := controlPlan{now: now}.end("slow", "li", "it hurts", ours.set)
	if err != nil {
		t.Fatal(err)
	}
	held, _ := theirs.set.Command("slow")
	if err := theirs.write(t.Context(), []controlChange{recounted(held, 4)}); err != nil {
		t.Fatal(err)
	}
	changes := []controlChange{end}
	if err := ours.write(t.Context(), changes); !errors.Is(err, errChangedMeanwhile) || changes[0].done {
		t.Errorf("an end that came after another of its revision is told as %v, done: %t", err, changes[0].done)
	}
	ahead := []controlChange{limitOfOrders(ours.set, now, func(c *control.Command) {
		c.Name, c.CreatedAt, c.ExpiresAt = "ahead", now.Add(time.Hour).UTC(), now.Add(2*time.Hour).UTC()
	}), limitOfOrders(ours.set, now, func(c *control.Command) { c.Name = "other" })}
	if err := ours.write(t.Context(), ahead); !errors.Is(err, errRefusedByReaders) || !strings.Contains(err.Error(), "ahead is allowed") || ahead[0].done || !ahead[1].done {
		t.Errorf("a command whose created_at is ahead is told as %v, done: %t and the one beside it %t", err, ahead[0].done, ahead[1].done)
	}
	if err := theirs.write(t.Context(), []controlChange{recounted(held, 5)}); !errors.Is(err, errChangedMeanwhile) { // what it was planned on is old
		t.Errorf("a count of what was ended is told as %v", err)
	}
	var out bytes.Buffer
	if err := ExpireControl(t.Context(), config, ControlExpire{Name: "slow", Author: "li", Reason: "it hurts", Out: &out}); err != nil || !strings.Contains(out.String(), "@3 by li") {
		t.Errorf("%v: %s", err, out.String())
	}
	if err := ours.catchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if held, _ = ours.set.Command("slow"); held.InForce(now) {
		t.Errorf("%s is in force after it was ended", &held)
	}
}

// TestTwoWritersAtOnce: who comes second plans on what is there then, and tells of all that is done.
func TestTwoWritersAtOnce(t *testing.T) {
	t.Parallel()
	now := time.Now()
	_, logs := controlLogs(t, 2)
	ours, theirs := logs[0], logs[1]
	if err := ours.write(t.Context(), []controlChange{limitOfOrders(ours.set, now, asItIs)}); err != nil {
		t.Fatal(err)
	}
	planned := 0
	changes, err := ours.settle(t.Context(), func([]controlChange) ([]controlChange, error) {
		other := limitOfOrders(ours.set, now, func(c *control.Command) { c.Name = "other" })
		end, err := controlPlan{now: now}.end("slow", "li", "it hurts", ours.set)
		if err != nil {
			return nil, err
		}
		if planned++; planned == 1 { // the role control is first
			if err := theirs.catchUp(t.Context()); err != nil {
				return nil, err
			}
			held, _ := theirs.set.Command("slow")
			if err := theirs.write(t.Context(), []controlChange{recounted(held, 4)}); err != nil {
				return nil, err
			}
		}
		return []controlChange{other, end}, nil
	})
	if err != nil || planned != 2 {
		t.Fatalf("after %d plans: %v", planned, err)
	}
	if len(changes) != 2 || changes[0].Change != changeNew || changes[1].Change != changeEnded || !changes[0].done || !changes[1].done {
		t.Errorf("told as done are %+v", changes)
	}
	if held, _ := ours.set.Command("slow"); held.Ended == nil || held.Revision != 3 || held.SendLimit.Clients != 4 {
		t.Errorf("held is %s, ended %v, shared by %d", &held, held.Ended, held.SendLimit.Clients)
	}
	_, err = ours.settle(t.Context(), func([]controlChange) ([]controlChange, error) { // who is late each time is told so
		if err := theirs.catchUp(t.Context()); err != nil {
			return nil, err
		}
		held, _ := theirs.set.Command("other")
		ahead := recounted(held, int(held.Revision)+5)
		if err := theirs.write(t.Context(), []controlChange{ahead}); err != nil {
			return nil, err
		}
		return []controlChange{recounted(held, 1)}, nil
	})
	if !errors.Is(err, errChangedMeanwhile) {
		t.Errorf("who is late each time is told %v", err)
	}
}

// TestNoHigherRevision: what has the highest revision that there is can be ended all the same.
func TestNoHigherRevision(t *testing.T) {
	t.Parallel()
	now := time.Now()
	_, logs := controlLogs(t, 2)
	ours, theirs := logs[0], logs[1]
	highest := limitOfOrders(ours.set, now, asItIs)
	highest.Revision, highest.Command.Revision = control.MaxRevision, control.MaxRevision
	if err := ours.write(t.Context(), []controlChange{highest}); err != nil {
		t.Fatal(err)
	}
	end, err := controlPlan{now: now}.end("slow", "li", "it hurts", ours.set)
	if err != nil {
		t.Fatal(err)
	}
	changes := []controlChange{end}
	if err := ours.write(t.Context(), changes); err != nil || changes[0].Revision != 1 {
		t.Errorf("the end is @%d: %v", changes[0].Revision, err)
	}
	if err := theirs.catchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if held, _ := theirs.set.Command("slow"); held.Ended == nil || held.Revision != 1 {
		t.Errorf("held is %s, ended %v", &held, held.Ended)
	}
}
