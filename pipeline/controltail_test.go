package pipeline

import (
	"bytes"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/weirmq/weir/control"
)

// TestControlTail: the newest records are kept up to a bound, and whoever asks for older ones hears that they are not here.
func TestControlTail(t *testing.T) {
	t.Parallel()
	var tail controlTail
	offsets := func(from int64) []int64 {
		entries, whole := tail.since(from, 0)
		if !whole {
			return nil
		}
		out := []int64{}
		for i := range entries {
			out = append(out, entries[i].record.Offset)
		}
		return out
	}
	for _, offset := range []int64{0, 1, 5} { // what is between was compacted
		tail.add(controlEntry{record: control.Record{Offset: offset}})
	}
	tail.drop(1, 0)
	for from, want := range map[int64][]int64{0: nil, 1: {1, 5}, 2: {5}, 5: {5}, 6: {}} {
		if got := offsets(from); !slices.Equal(got, want) || (got == nil) != (want == nil) {
			t.Errorf("from %d there are %v, want %v", from, got, want)
		}
	}
	const large, many = 1 << 20, 100
	value := bytes.Repeat([]byte("a"), large)
	for offset := range int64(many) {
		tail.add(controlEntry{record: control.Record{Offset: 6 + offset, Value: value}})
	}
	if tail.size > maxTailBytes || len(tail.entries) > maxTailBytes/large || offsets(7) != nil {
		t.Errorf("%d records of %d bytes are kept, from %d on: want at most %d bytes", len(tail.entries), tail.size, tail.from, maxTailBytes)
	}
	if got := offsets(5 + many); !slices.Equal(got, []int64{5 + many}) {
		t.Errorf("the newest is %v", got)
	}
}

// TestControlHistoryIsOfWhatWasRead: what the store lacks is what the role has read anyway; where that does not go back far enough, and only there, the topic is
// read once more; of a topic that was made anew nothing is taken for the former one's.
func TestControlHistoryIsOfWhatWasRead(t *testing.T) {
	t.Parallel()
	config := brokerConfig(t)
	admin := kadm.NewClient(newSender(t, &config).client)
	makeTopic(t, admin, control.Topic, 1)
	log, err := openControlLog(config.Kafka, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer log.close()
	for _, name := range []string{"a", "b", "c"} {
		command := aPause(name)
		if err := log.write(t.Context(), []controlChange{{Change: changeNew, Kind: kindCommand, Name: name, Revision: 1, Command: &command, key: command.Key()}}); err != nil {
			t.Fatal(err)
		}
	}
	elsewhere := config
	elsewhere.Kafka.Brokers = []string{"127.0.0.1:1"} // nothing is read from it
	k := (&controller{topic: log, p: &Pipeline{config: elsewhere}}).storeKeeper()
	k.next = 1
	lacks := func(want ...string) {
		t.Helper()
		entries, next, err := k.lacking(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for i := range entries {
			if e := &entries[i]; e.change.Outcome == control.OutcomeApplied {
				got = append(got, e.change.Command.Name)
			}
		}
		if !slices.Equal(got, want) || next != 3 {
			t.Errorf("it lacks %v up to %d, want %v up to 3", got, next, want)
		}
	}
	lacks("b", "c")
	k.stored(2)
	lacks("c")
	k.next, k.c.p.config = 0, config // as if the store were a new one
	lacks("a", "b", "c")
	k.next = 0
	log.tail.startAnew()
	if entries, next, err := k.lacking(t.Context()); len(entries) > 0 || next != 0 || err != nil {
		t.Errorf("of a topic that was made anew it lacks %v up to %d: %v", entries, next, err)
	}
}
