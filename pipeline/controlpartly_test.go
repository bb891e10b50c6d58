package pipeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/weirmq/weir/control"
)

// halfBroker is a broker that takes so many more batches for weir.control, and refuses all behind those.
type halfBroker struct {
	*kfake.Cluster
	takes atomic.Int64
}

const takesAll = 1 << 40

func newHalfBroker(t *testing.T) *halfBroker {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	half := &halfBroker{Cluster: cluster}
	half.takes.Store(takesAll)
	cluster.ControlKey(int16(kmsg.Produce), func(asked kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		request := asked.(*kmsg.ProduceRequest)
		if len(request.Topics) != 1 || half.takes.Add(-1) >= 0 {
			return nil, nil, false
		}
		response := request.ResponseKind().(*kmsg.ProduceResponse)
		of := kmsg.NewProduceResponseTopic()
		of.Topic, of.TopicID = request.Topics[0].Topic, request.Topics[0].TopicID
		partition := kmsg.NewProduceResponseTopicPartition()
		partition.ErrorCode = kerr.PolicyViolation.Code
		of.Partitions = append(of.Partitions, partition)
		response.Topics = append(response.Topics, of)
		return response, nil, true
	})
	return half
}

// config is of commands that are written to it, with their topic made.
func (b *halfBroker) config(t *testing.T) Config {
	t.Helper()
	config := DefaultConfig()
	config.Kafka.Brokers = b.ListenAddrs()
	makeTopic(t, openAdmin(t, &config), control.Topic, 1)
	return config
}

// largeCommands are so many, of which each fills most of a record: few of them fit a batch.
func largeCommands(count int) (names []string, commands []map[string]any) {
	partitions := make([]int32, control.MaxPartitions)
	for i := range partitions {
		partitions[i] = 1_000_000_000 + int32(i)
	}
	for i := range count {
		name := fmt.Sprintf("c%d", i)
		names = append(names, name)
		commands = append(commands, map[string]any{"name": name, "scope": map[string]any{"topic": "orders", "partitions": partitions}, "reason": strings.Repeat("r", 400),
			"expires_at": time.Now().Add(time.Hour).UTC().Format(time.RFC3339), "pause": map[string]any{}})
	}
	return names, commands
}

// TestWhatIsWrittenInPartIsToldSo: an error in the middle of several batches is no plain refusal, since some of it is in force.
func TestWhatIsWrittenInPartIsToldSo(t *testing.T) {
	t.Parallel()
	half := newHalfBroker(t)
	h := newControlHouse(t, func(c *Config) { c.Kafka.Brokers = half.ListenAddrs() })
	h.writers(map[string]string{"wei": "w-token"})
	names, commands := largeCommands(12)
	body, err := json.Marshal(map[string]any{"commands": commands})
	if err != nil {
		t.Fatal(err)
	}
	half.takes.Store(1)
	got := h.ask(http.MethodPost, controlPath, "w-token", string(body))
	var told struct {
		Error   string
		Changes []struct {
			Name    string
			InForce bool `json:"in_force"`
		}
	}
	if err := json.Unmarshal(got.Body.Bytes(), &told); err != nil || got.Code != http.StatusServiceUnavailable {
		t.Fatalf("%v: it answers %d %s", err, got.Code, got.Body)
	}
	inForce := 0
	held := h.held()
	for i, change := range told.Changes {
		if change.Name != names[i] || change.InForce != strings.Contains(held, change.Name+"@1 in force") {
			t.Errorf("%s is told as in force: %t; held are %s", change.Name, change.InForce, held)
		}
		if change.InForce {
			inForce++
		}
	}
	if len(told.Changes) != len(names) || inForce == 0 || inForce == len(names) {
		t.Errorf("of %d changes %d are in force", len(told.Changes), inForce)
	}
	if !strings.Contains(told.Error, "in force: new command c0") || !strings.Contains(told.Error, "not in force: ") || !strings.Contains(told.Error, "new command c11") {
		t.Errorf("it says %s", told.Error)
	}
	half.takes.Store(takesAll)
	h.asked([4]string{http.MethodPost, controlPath, "w-token", string(body)}, http.StatusOK, `"change":"same"`)
	if got := strings.Count(h.held(), "@1 in force by wei"); got != len(names) {
		t.Errorf("once it was done again %d are in force", got)
	}
	half.takes.Store(0)
	h.asked([4]string{http.MethodDelete, controlPath + "/commands/c0", "w-token", ""}, http.StatusServiceUnavailable, "write to weir.control: ") // nothing of it is in force: plain
}

// TestApplyTellsWhatIsWrittenInPart likewise of files.
func TestApplyTellsWhatIsWrittenInPart(t *testing.T) {
	t.Parallel()
	half := newHalfBroker(t)
	config := half.config(t)
	_, commands := largeCommands(12)
	for _, command := range commands {
		command["author"] = "li"
	}
	text, err := json.Marshal(map[string]any{"commands": commands}) // which is YAML, too
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "all.yaml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	half.takes.Store(1)
	err = ApplyControl(t.Context(), &config, ControlApply{Path: path, Out: &out})
	if !errors.As(err, new(*partlyWrittenError)) || !strings.Contains(out.String(), "in force      new  command  c0\n") || !strings.Contains(out.String(), "not in force  new  command  c11\n") {
		t.Errorf("%v:\n%s", err, out.String())
	}
	out.Reset()
	half.takes.Store(takesAll)
	if err := ApplyControl(t.Context(), &config, ControlApply{Path: path, Out: &out}); err != nil || !strings.Contains(out.String(), " written, ") || strings.Contains(out.String(), "12 written") || strings.Contains(out.String(), " 0 the same") {
		t.Errorf("%v:\n%s", err, out.String())
	}
}

// endOfTopic is what ListOffsets asks the end with, in place of a time.
const endOfTopic = -1

// TestWhatIsWrittenIsReadBackAnew: what is in force is told so, also where the time of who writes is over before it is read back.
func TestWhatIsWrittenIsReadBackAnew(t *testing.T) {
	t.Parallel()
	half := newHalfBroker(t)
	log := half.readLog(t)
	ctx, over := context.WithCancel(t.Context())
	defer over()
	half.ControlKey(int16(kmsg.ListOffsets), func(asked kmsg.Request) (kmsg.Response, error, bool) {
		if asked.(*kmsg.ListOffsetsRequest).Topics[0].Partitions[0].Timestamp == endOfTopic { // not the start, which the reader's client looks for by itself
			over() // it is written by now, and its end is asked for
		}
		return nil, nil, false
	})
	changes := []controlChange{limitOfOrders(log.set, time.Now(), asItIs)}
	if err := log.write(ctx, changes); err != nil || !changes[0].done || ctx.Err() == nil {
		t.Errorf("what is in force is told as %v, done: %t, the time over: %t", err, changes[0].done, ctx.Err() != nil)
	}
	if _, found := log.set.Command("slow"); !found {
		t.Error("it is not in force")
	}
}

// TestWhatIsHeldIsTold: after an error a change is in force where the topic says what it says, of whoever wrote that.
func TestWhatIsHeldIsTold(t *testing.T) {
	t.Parallel()
	now := time.Now()
	_, logs := controlLogs(t, 1)
	route := control.Route{ID: "r", System: "kafka", Cluster: "c", Endpoints: []string{"k:9092"}, Topic: "orders"}
	written := []controlChange{limitOfOrders(logs[0].set, now, asItIs), controlPlan{now: now}.route(route, control.SourceAPI, logs[0].set)}
	if err := logs[0].write(t.Context(), written); err != nil {
		t.Fatal(err)
	}
	other := route
	other.Topic = "media"
	another := controlPlan{now: now}.route(other, control.SourceAPI, control.NewSet()) // of the same revision
	removed := controlChange{Change: changeRemoved, Kind: kindRoute, Name: "//r", key: written[1].key}
	gone := controlChange{Change: changeRemoved, Kind: kindCommand, Name: "never", key: "command/never"}
	changes := []controlChange{written[0], written[1], another, removed, gone}
	why := errors.New("away")
	if err := logs[0].readBack(t.Context(), changes, why); !errors.Is(err, why) {
		t.Error(err)
	}
	for i, want := range []bool{true, true, false, false, true} {
		if changes[i].done != want {
			t.Errorf("%s %s is told as in force: %t", changes[i].Change, changes[i].Name, changes[i].done)
		}
	}
}

// readLog is a log of its weir.control, which has read what is there.
func (b *halfBroker) readLog(t *testing.T) *controlLog {
	t.Helper()
	config := b.config(t)
	log, err := openControlLog(config.Kafka, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(log.close)
	if err := log.catchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	return log
}

// refuseReads has no record of weir.control be read any more, as where a disk is away.
func (b *halfBroker) refuseReads() {
	b.ControlKey(int16(kmsg.Fetch), func(asked kmsg.Request) (kmsg.Response, error, bool) {
		b.KeepControl()
		request := asked.(*kmsg.FetchRequest)
		response := request.ResponseKind().(*kmsg.FetchResponse)
		for _, topic := range request.Topics {
			of := kmsg.NewFetchResponseTopic()
			of.Topic, of.TopicID = topic.Topic, topic.TopicID
			for _, p := range topic.Partitions {
				refused := kmsg.NewFetchResponseTopicPartition()
				refused.Partition, refused.ErrorCode = p.Partition, kerr.KafkaStorageError.Code
				of.Partitions = append(of.Partitions, refused)
			}
			response.Topics = append(response.Topics, of)
		}
		return response, nil, true
	})
}

// TestWhatCannotBeReadBackIsToldInTime: a topic that takes what is written and cannot be read ends in an error for who waits.
func TestWhatCannotBeReadBackIsToldInTime(t *testing.T) {
	t.Parallel()
	half := newHalfBroker(t)
	log := half.readLog(t)
	half.refuseReads()
	log.patience = 100 * time.Millisecond
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := log.settle(ctx, func([]controlChange) ([]controlChange, error) {
		return []controlChange{limitOfOrders(log.set, time.Now(), asItIs)}, nil
	})
	want := fmt.Sprintf("read and write weir.control of %v within 100ms: is Kafka there?: ", half.ListenAddrs())
	if err == nil || !strings.HasPrefix(err.Error(), want) || ctx.Err() != nil {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestARequestIsAnsweredInTime likewise of one that waits for the role, which tries on.
func TestARequestIsAnsweredInTime(t *testing.T) {
	t.Parallel()
	half := newHalfBroker(t)
	h := newControlHouse(t, func(c *Config) { c.Kafka.Brokers = half.ListenAddrs() })
	h.writers(map[string]string{"wei": "w-token"})
	h.p.controls.Load().topic.patience = 100 * time.Millisecond
	half.refuseReads()
	h.put("command/x", "{}") // which the role cannot read
	_, commands := largeCommands(1)
	body, err := json.Marshal(map[string]any{"commands": commands})
	if err != nil {
		t.Fatal(err)
	}
	h.asked([4]string{http.MethodPost, controlPath, "w-token", string(body)}, http.StatusServiceUnavailable, "within 100ms: is Kafka there?: ")
	h.asked([4]string{http.MethodDelete, controlPath + "/commands/c0", "w-token", ""}, http.StatusServiceUnavailable, "within 100ms: is Kafka there?: ")
}
