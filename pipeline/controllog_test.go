package pipeline

import (
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control"
)

// aPause is a command of a name.
func aPause(name string) control.Command {
	now := time.Now().UTC().Truncate(time.Second)
	return control.Command{Schema: control.Schema, Name: name, Revision: 1, Scope: control.Scope{Topic: "orders"}, Author: "li", Reason: "a test", CreatedAt: now,
		ExpiresAt: now.Add(time.Hour), Percent: 100, Pause: &control.Pause{}, Source: control.SourceAPI}
}

// TestControlAfterATransaction: a topic that ends with the end of a transaction, as a mirror leaves it, is read to its end by whoever begins and whoever reads already.
func TestControlAfterATransaction(t *testing.T) {
	t.Parallel()
	config := brokerConfig(t)
	client := newSender(t, &config, kgo.TransactionalID("mirror"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	makeTopic(t, kadm.NewClient(client.client), control.Topic, 1)
	log, err := openControlLog(config.Kafka, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer log.close()
	for _, name := range []string{"a", "b"} {
		command := aPause(name)
		value, err := command.Encode()
		if err == nil {
			err = client.client.BeginTransaction()
		}
		if err != nil {
			t.Fatal(err)
		}
		client.send(&kgo.Record{Topic: control.Topic, Key: []byte(command.Key()), Value: value})
		if err := client.client.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
			t.Fatal(err)
		}
		if err := log.catchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, found := log.set.Command(name); !found {
			t.Errorf("command %s is not there", name)
		}
	}
}

// TestControlOfATopicThatIsMadeAnew: who has read weir.control knows nothing of the former one when it was deleted and made anew, and writes to the new one.
func TestControlOfATopicThatIsMadeAnew(t *testing.T) {
	t.Parallel()
	config := brokerConfig(t)
	client := newSender(t, &config)
	admin := kadm.NewClient(client.client)
	makeTopic(t, admin, control.Topic, 1)
	log, err := openControlLog(config.Kafka, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer log.close()
	write := func(command control.Command) error {
		return log.write(t.Context(), []controlChange{{Change: changeNew, Kind: kindCommand, Name: command.Name, Revision: command.Revision, Command: &command, key: command.Key()}})
	}
	for _, name := range []string{"a", "b"} {
		if err := write(aPause(name)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := admin.DeleteTopic(t.Context(), control.Topic); err != nil {
		t.Fatal(err)
	}
	makeTopic(t, admin, control.Topic, 1)
	anew := 0
	log.anew = func() { anew++ }
	await(t, "that the new topic is written", func() bool {
		err := log.catchUp(t.Context())
		if err == nil {
			err = write(aPause("b"))
		}
		if err != nil && !errors.Is(err, errChangedMeanwhile) {
			t.Fatal(err)
		}
		return err == nil
	})
	if anew == 0 {
		t.Error("nobody hears that the topic was made anew")
	}
	if _, found := log.set.Command("a"); found || len(log.set.Commands()) != 1 || log.set.Offset() != 1 {
		t.Errorf("there are %v, up to offset %d: want b alone", log.set.Commands(), log.set.Offset())
	}
}

// TestWhatCoversACommand: a record that nobody can read, of a key that is in force, is to be written over before compaction leaves it alone; one of a newer writer,
// or of nothing that is in force, is not.
func TestWhatCoversACommand(t *testing.T) {
	t.Parallel()
	config := brokerConfig(t)
	client := newSender(t, &config)
	makeTopic(t, kadm.NewClient(client.client), control.Topic, 1)
	log, err := openControlLog(config.Kafka, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer log.close()
	for _, name := range []string{"covered", "newer"} {
		command := aPause(name)
		value, err := command.Encode()
		if err != nil {
			t.Fatal(err)
		}
		client.send(&kgo.Record{Topic: control.Topic, Key: []byte(command.Key()), Value: value})
	}
	for key, value := range map[string]string{"command/covered": "a slip of the hand", "command/newer": `{"schema": 99}`, "command/unknown": "another one", "no key": "{}"} {
		client.send(&kgo.Record{Topic: control.Topic, Key: []byte(key), Value: []byte(value)})
	}
	if err := log.catchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := map[string]bool{"command/covered": true}; !maps.Equal(log.stale, want) {
		t.Errorf("%v are to be written again, want %v", log.stale, want)
	}
	for _, name := range []string{"covered", "newer"} {
		if _, found := log.set.Command(name); !found {
			t.Errorf("%s is not in force any more", name)
		}
	}
}
