package broker

import (
	"context"
	"fmt"
	"maps"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func start(t *testing.T, config Config) *Broker {
	t.Helper()
	b, err := Start(config)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func client(t *testing.T, b *Broker, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append(options, kgo.SeedBrokers(b.Addrs()...))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func create(t *testing.T, c *kgo.Client, topic, timestamps string) {
	t.Helper()
	_, err := kadm.NewClient(c).CreateTopic(t.Context(), 1, 1, map[string]*string{"message.timestamp.type": &timestamps}, topic)
	if err != nil {
		t.Fatal(err)
	}
}

// consume reads count records from the topic's start.
func consume(t *testing.T, b *Broker, topic string, count int) []*kgo.Record {
	t.Helper()
	c := client(t, b, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var records []*kgo.Record
	for len(records) < count {
		fetches := c.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("after %d of %d records: %v", len(records), count, err)
		}
		records = append(records, fetches.Records()...)
	}
	return records
}

func produce(t *testing.T, c *kgo.Client, topic string, from, count int, at time.Time) {
	t.Helper()
	for i := from; i < from+count; i++ {
		record := &kgo.Record{Topic: topic, Value: fmt.Appendf(nil, "%d", i), Timestamp: at}
		if err := c.ProduceSync(t.Context(), record).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRestartContinues(t *testing.T) {
	config := Config{DataDir: t.TempDir()}
	first := start(t, config)
	c := client(t, first)
	create(t, c, "weir.telemetry", "LogAppendTime")
	produce(t, c, "weir.telemetry", 0, 100, time.Now())
	before := describe(t, c, "weir.telemetry")
	commit(t, c, 42)
	config.Addr = first.Addrs()[0]
	c.Close()
	first.Close()

	second := start(t, config)
	defer second.Close()
	if second.Addrs()[0] != config.Addr {
		t.Errorf("listens on %s, want %s", second.Addrs()[0], config.Addr)
	}
	c = client(t, second)
	if after := describe(t, c, "weir.telemetry"); after != before {
		t.Errorf("topic id %s became %s", before, after)
	}
	if got := committed(t, c); got != 42 {
		t.Errorf("the committed offset is %d, want 42", got)
	}
	produce(t, c, "weir.telemetry", 100, 10, time.Unix(0, 0))
	for i, record := range consume(t, second, "weir.telemetry", 110) {
		if record.Offset != int64(i) || string(record.Value) != fmt.Sprint(i) {
			t.Fatalf("record %d came back as %q at offset %d", i, record.Value, record.Offset)
		}
		if time.Since(record.Timestamp) > time.Minute {
			t.Fatalf("record %d has time %v, want the append time", i, record.Timestamp)
		}
	}
}

func TestTellsHowFullItsDiskIs(t *testing.T) {
	b := start(t, Config{DataDir: t.TempDir()})
	defer b.Close()
	c := client(t, b)
	create(t, c, "orders", "CreateTime")
	produce(t, c, "orders", 0, 10, time.Now())
	request := kmsg.NewPtrDescribeLogDirsRequest()
	request.Topics = []kmsg.DescribeLogDirsRequestTopic{}
	answer, err := request.RequestWith(t.Context(), c.SeedBrokers()[0]) // of all brokers together kgo merges the answers, without sizes of disks
	if err != nil {
		t.Fatal(err)
	}
	if len(answer.Dirs) != 1 || answer.Dirs[0].UsableBytes <= 0 || answer.Dirs[0].TotalBytes < answer.Dirs[0].UsableBytes {
		t.Errorf("of disks it says %+v", answer.Dirs)
	}
	request.Topics = nil
	if answer, err = request.RequestWith(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	var sizeBytes int64
	for _, dir := range answer.Dirs {
		for _, topic := range dir.Topics {
			for _, partition := range topic.Partitions {
				sizeBytes += partition.Size
			}
		}
	}
	if sizeBytes <= 0 {
		t.Errorf("of partitions it says %+v", answer.Dirs)
	}
}

func describe(t *testing.T, c *kgo.Client, topic string) kadm.TopicID {
	t.Helper()
	topics, err := kadm.NewClient(c).ListTopics(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	return topics[topic].ID
}

func commit(t *testing.T, c *kgo.Client, offset int64) {
	t.Helper()
	var offsets kadm.Offsets
	offsets.Add(kadm.Offset{Topic: "weir.telemetry", Partition: 0, At: offset, LeaderEpoch: -1})
	if err := kadm.NewClient(c).CommitAllOffsets(t.Context(), "weir-ingest", offsets); err != nil {
		t.Fatal(err)
	}
}

func committed(t *testing.T, c *kgo.Client) int64 {
	t.Helper()
	offsets, err := kadm.NewClient(c).FetchOffsets(t.Context(), "weir-ingest")
	if err != nil {
		t.Fatal(err)
	}
	offset, _ := offsets.Lookup("weir.telemetry", 0)
	return offset.At
}

func TestTimestampTypes(t *testing.T) {
	b := start(t, Config{})
	defer b.Close()
	c := client(t, b)
	sent := time.UnixMilli(1_000_000_000_000)
	create(t, c, "appended", "LogAppendTime")
	create(t, c, "created", "CreateTime")
	begin := time.Now().Truncate(time.Millisecond)
	produce(t, c, "appended", 0, 3, sent)
	produce(t, c, "created", 0, 3, sent)
	for _, record := range consume(t, b, "appended", 3) {
		if record.Timestamp.Before(begin) {
			t.Errorf("append-timed record has time %v, want %v or later", record.Timestamp, begin)
		}
	}
	for _, record := range consume(t, b, "created", 3) {
		if !record.Timestamp.Equal(sent) {
			t.Errorf("create-timed record has time %v, want %v", record.Timestamp, sent)
		}
	}
	alter(t, c, "created")
	produce(t, c, "created", 3, 1, sent)
	if last := consume(t, b, "created", 4)[3]; last.Timestamp.Before(begin) {
		t.Errorf("after the change to LogAppendTime a record has time %v", last.Timestamp)
	}
}

func alter(t *testing.T, c *kgo.Client, topic string) {
	t.Helper()
	value := "LogAppendTime"
	answers, err := kadm.NewClient(c).AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "message.timestamp.type", Value: &value}}, topic)
	if err != nil || answers[0].Err != nil {
		t.Fatal(err, answers)
	}
}

func TestStartRefusesABadAddress(t *testing.T) {
	for _, addr := range []string{"nowhere", "127.0.0.1:x", "127.0.0.1:70000"} {
		if b, err := Start(Config{Addr: addr}); err == nil {
			b.Close()
			t.Errorf("%s: want an error", addr)
		}
	}
}

// TestAppendTimeInEveryCodec sends batches of records whose own times are far apart:
// each arrives whole, with one time that the broker gave it.
func TestAppendTimeInEveryCodec(t *testing.T) {
	b := start(t, Config{})
	defer b.Close()
	begin := time.Now().Truncate(time.Millisecond)
	for name, codec := range map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(),
		"snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()} {
		t.Run(name, func(t *testing.T) {
			c := client(t, b, kgo.ProducerBatchCompression(codec))
			create(t, c, name, "LogAppendTime")
			var records []*kgo.Record
			for i := range 200 {
				records = append(records, &kgo.Record{Topic: name, Key: []byte("key"), Value: fmt.Appendf(nil, "%d", i),
					Timestamp: time.UnixMilli(int64(i) * 100_000), Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("v")}}})
			}
			if err := c.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
				t.Fatal(err)
			}
			for i, record := range consume(t, b, name, len(records)) {
				if string(record.Value) != fmt.Sprint(i) || string(record.Key) != "key" || record.Headers[0].Key != "h" || record.Offset != int64(i) {
					t.Fatalf("record %d came back as %q under %q at offset %d", i, record.Value, record.Key, record.Offset)
				}
				if record.Timestamp.Before(begin) || record.Timestamp.After(time.Now()) {
					t.Fatalf("record %d has time %v", i, record.Timestamp)
				}
			}
		})
	}
}

// TestAFolderHasOneBroker holds that a second broker touches nothing of the first one's data.
func TestAFolderHasOneBroker(t *testing.T) {
	dir := t.TempDir()
	first, err := Start(Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	before := filesOf(t, dir)
	want := fmt.Sprintf("lock the broker's data folder %s: process %d has it", dir, os.Getpid())
	if second, err := Start(Config{DataDir: dir}); err == nil || !strings.HasPrefix(err.Error(), want) {
		if err == nil {
			second.Close()
		}
		t.Errorf("got %v, want %s", err, want)
	}
	if after := filesOf(t, dir); !maps.Equal(before, after) {
		t.Errorf("the folder had %v and has %v", before, after)
	}
	first.Close()
	third, err := Start(Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	third.Close()
}

// filesOf are the files of a folder with their inodes: a file that was replaced has another.
func filesOf(t *testing.T, dir string) map[string]uint64 {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]uint64{}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			out[entry.Name()] = stat.Ino
		}
	}
	return out
}
