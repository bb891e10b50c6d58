package rocketmq

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	parties "github.com/weirmq/weir/deploy/rocketmq"
	"github.com/weirmq/weir/remoting"
	"github.com/weirmq/weir/telemetry"
)

// progress is a line of the tool's consumerProgress.
type progress struct{ end, commit, unread int64 }

// progressOf reads what the tool printed of a group: topic, broker, queue, end, commit and unread in the first columns.
func progressOf(t *testing.T, printed string) map[remoting.Queue]progress {
	t.Helper()
	out := map[remoting.Queue]progress{}
	for _, columns := range rows(printed, 2) {
		n := numbers(t, columns[2:6])
		out[remoting.Queue{Topic: columns[0], Broker: columns[1], ID: int(n[0])}] = progress{n[1], n[2], n[3]}
	}
	return out
}

// rows are the lines of a table of the tool, by their columns: those that have the number of a queue in a column.
func rows(printed string, queue int) (out [][]string) {
	for line := range strings.Lines(printed) {
		columns := strings.Fields(line)
		if len(columns) > queue+3 {
			if _, err := strconv.Atoi(columns[queue]); err == nil {
				out = append(out, columns)
			}
		}
	}
	return out
}

func numbers(t *testing.T, texts []string) (out []int64) {
	t.Helper()
	for _, text := range texts {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, n)
	}
	return out
}

// lagEqualsTool has a group whose clients live, one whose clients are gone, and one that committed in some queues by hand, while nobody
// writes. RocketMQ's tool has an unread count for each queue, and ours must be the same. They differ where nothing was ever committed: the tool counts
// all that the queue holds, which a group that begins at its end will never read, and Weir says nothing.
func (f *fleet) lagEqualsTool(t *testing.T) {
	first, err := parties.StartTraffic(t.Context(), f.config("first"), parties.Traffic{NameServer: f.nameServer.Addr(), Broker: f.a.Addr(),
		Topic: "orders", Producers: "writers", Consumers: "gone", Messages: 40})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(first.Kill)
	f.awaitRead(t, "gone")
	first.Kill()
	for i := range 11 {
		f.send(t, []string{f.a.Addr(), f.b.Addr()}[i%2], "orders", i%3)
	}
	second, err := parties.StartTraffic(t.Context(), f.config("second"), parties.Traffic{NameServer: f.nameServer.Addr(), Broker: f.a.Addr(),
		Topic: "orders", Producers: "writers", Consumers: "readers", Messages: 24})
	if err != nil {
		t.Fatal(err)
	}
	f.cleanup(second.Kill)
	for _, broker := range []*parties.Server{f.a, f.b} {
		create(t, f.poller, broker.Addr(), "idle")
		createTopic(t, f.poller, broker.Addr(), "%RETRY%idle", 1) // the tool finds a group by it
		for queue := range 3 {
			commit(t, f.poller, broker.Addr(), "idle", queue, queue+1)
		}
	}
	f.awaitRead(t, "readers")

	groups := []string{"gone", "idle", "readers"}
	var commands []string
	for _, group := range groups {
		commands = append(commands, "consumerProgress -g "+group)
	}
	printed, err := parties.Admin(t.Context(), f.config("admin"), f.nameServer.Addr(), append(commands, "topicStatus -t orders")...)
	if err != nil {
		t.Fatal(err)
	}
	reports, err := poll(t, f.poller)
	if err != nil {
		t.Fatal(err)
	}
	compared, unread, never := 0, int64(0), 0
	for i, group := range groups {
		tool := progressOf(t, printed[i])
		for _, queue := range slices.SortedFunc(maps.Keys(tool), byName) {
			if isAside(queue.Topic) {
				continue // Weir says of it what the group has to consume again
			}
			says := tool[queue]
			if queue.Topic != "orders" { // of retries
				continue
			}
			got, ok := reports[fmt.Sprintf("group - %s %s %s", group, queue.Topic, partition(queue))][telemetry.GaugeLagMessages]
			t.Logf("%-8s %-14s %-11s tool %3d  weir %3v %v", group, queue.Topic, partition(queue), says.unread, got, ok)
			if group == "idle" && queue.ID == 3 {
				if never++; ok || says.commit != 0 || says.unread != says.end {
					t.Errorf("%s never committed in %v: the tool says %+v and Weir %v, want nothing of Weir", group, queue, says, got)
				}
				continue
			}
			if !ok || got != float64(says.unread) {
				t.Errorf("%s in %v: the tool says %d, Weir %v (%v)", group, queue, says.unread, got, ok)
			}
			compared, unread = compared+1, unread+says.unread
		}
	}
	if compared != 22 || never != 2 || unread < 40 {
		t.Errorf("%d queues were compared with %d unread messages, and %d without a commit; the tool printed %q", compared, unread, never, printed)
	}
	ends := rows(printed[len(groups)], 1)
	for _, columns := range ends {
		n := numbers(t, columns[1:4])
		known := f.poller.queues[remoting.Queue{Topic: "orders", Broker: columns[0], ID: int(n[0])}]
		if known == nil || known.ends.Start != n[1] || known.ends.End != n[2] {
			t.Errorf("queue %d of %s: the tool says %d to %d, Weir %+v", n[0], columns[0], n[1], n[2], known)
		}
	}
	if len(ends) != 8 {
		t.Errorf("the tool printed %d queues of topic orders, want 8:\n%s", len(ends), printed[len(groups)])
	}
}

// awaitRead waits until a group has committed all of topic orders: the last commit of a client takes a moment.
func (f *fleet) awaitRead(t *testing.T, group string) {
	t.Helper()
	eventually(t, f.poller, func(s seen, err error) error {
		for _, set := range []string{"broker-a:", "broker-b:"} {
			for queue := range 4 {
				key := fmt.Sprintf("group - %s orders %s%d", group, set, queue)
				err = errors.Join(err, s.has(key, map[string]float64{telemetry.GaugeLagMessages: 0}))
			}
		}
		return err
	})
}
