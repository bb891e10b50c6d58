package remoting

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden file with what is decoded now")

const goldenFile = "testdata/decoded.golden"

// sampledCalls are the calls whose answers were sampled, by the name of the sample.
var sampledCalls = map[string]func(context.Context, *Client, string) (any, error){
	"106-cluster-info": func(ctx context.Context, c *Client, addr string) (any, error) {
		return c.NameServer(addr).ClusterInfo(ctx)
	},
	"14-query-offset":                  queryOffset,
	"14-query-offset-never-committed":  queryOffset,
	"201-subscription-groups":          func(ctx context.Context, c *Client, addr string) (any, error) { return c.Broker(addr).Groups(ctx) },
	"202-topic-stats":                  topicStats,
	"202-topic-stats-missing":          topicStats,
	"203-consumer-connections":         consumers,
	"203-consumer-connections-offline": consumers,
	"208-consume-stats":                consumeStats,
	"208-consume-stats-all-topics": func(ctx context.Context, c *Client, addr string) (any, error) {
		return c.Broker(addr).ConsumeStats(ctx, "g1", "")
	},
	"208-consume-stats-never-committed": consumeStats,
	"208-consume-stats-retry-topic":     consumeStats,
	"208-consume-stats-suspended":       consumeStats,
	"208-consume-stats-unknown-group":   consumeStats,
	"21-topic-configs": func(ctx context.Context, c *Client, addr string) (any, error) {
		return c.Broker(addr).TopicConfigs(ctx)
	},
	"28-runtime-info":                      runtimeInfo,
	"28-runtime-info-fresh":                runtimeInfo,
	"29-search-offset":                     anyCode(29),
	"30-max-offset":                        anyCode(30),
	"300-groups-of-topic":                  anyCode(300),
	"303-waits":                            waits,
	"303-waits-missing":                    waits,
	"307-consumer-running-info":            runningInfo,
	"307-consumer-running-info-empty-body": runningInfo,
	"307-consumer-running-info-failing":    runningInfo,
	"307-consumer-running-info-hung":       runningInfo,
	"307-consumer-running-info-offline":    runningInfo,
	"31-min-offset":                        anyCode(31),
	"32-earliest-time":                     anyCode(32),
	"328-producers": func(ctx context.Context, c *Client, addr string) (any, error) {
		return c.Broker(addr).Producers(ctx)
	},
	"343-topics-of-group": anyCode(343),
	"9999-unknown-code":   anyCode(9999),
}

func queryOffset(ctx context.Context, c *Client, addr string) (any, error) {
	return c.Broker(addr).QueryOffset(ctx, "g1", "orders", 3)
}

func topicStats(ctx context.Context, c *Client, addr string) (any, error) {
	return c.Broker(addr).TopicStats(ctx, "orders")
}

func consumers(ctx context.Context, c *Client, addr string) (any, error) {
	return c.Broker(addr).ConsumerConnections(ctx, "g1")
}

func consumeStats(ctx context.Context, c *Client, addr string) (any, error) {
	return c.Broker(addr).ConsumeStats(ctx, "g1", "orders")
}

func waits(ctx context.Context, c *Client, addr string) (any, error) {
	return c.Broker(addr).Waits(ctx, "waiters", "orders")
}

func runningInfo(ctx context.Context, c *Client, addr string) (any, error) {
	return c.Broker(addr).RunningInfo(ctx, "g1", "192.0.2.2@c1")
}

// runtimeInfo reads all that RuntimeInfo knows to say.
func runtimeInfo(ctx context.Context, c *Client, addr string) (any, error) {
	info, err := c.Broker(addr).RuntimeInfo(ctx)
	if err != nil {
		return nil, err
	}
	disk, _ := info.DiskRatio()
	said := fmt.Sprintln("delay levels", info.DelayLevels())
	said += fmt.Sprintln("disk", disk)
	for _, key := range []string{KeySendQueueMillis, KeyPageLockMillis, KeyLogMax, KeyTimerReadBehind, KeyTimerOffsetBehind, "putMessageDistributeTime"} {
		n, known := info.Int(key)
		said += fmt.Sprintln(key, n, known)
	}
	return said, nil
}

func anyCode(code int32) func(context.Context, *Client, string) (any, error) {
	return func(ctx context.Context, c *Client, addr string) (any, error) {
		got, err := c.Do(ctx, addr, Request{Code: code})
		return fmt.Sprintf("%v %s", got.Fields, got.Body), err
	}
}

// replay is a peer that answers one request with a sample, byte for byte, and sends what it was asked.
func replay(t *testing.T, name string) (addr string, asked chan string) {
	t.Helper()
	head, err := os.ReadFile(filepath.Join("testdata", name+".header.json"))
	if err != nil {
		t.Fatal(err)
	}
	body, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	asked = make(chan string, 1)
	go func() {
		defer close(asked)
		network, err := listener.Accept()
		if err != nil {
			return
		}
		defer network.Close()
		request, _, err := readFrame(network, MaxFrame)
		if err != nil {
			return
		}
		asked <- fmt.Sprint(request.Code, " ", request.Fields)
		_, _ = network.Write(frameOf(encodingJSON, string(bytes.TrimSpace(head)), string(body)))
	}()
	return listener.Addr().String(), asked
}

// TestSamplesDecode asks for every sample and compares the request and what is decoded of its answer with the golden file.
func TestSamplesDecode(t *testing.T) {
	var golden strings.Builder
	for _, name := range slices.Sorted(maps.Keys(sampledCalls)) {
		addr, asked := replay(t, name)
		client := NewClient(Config{})
		got, err := sampledCalls[name](t.Context(), client, addr)
		client.Close()
		fmt.Fprintf(&golden, "== %s\nrequest %s\n", name, <-asked)
		if err != nil {
			fmt.Fprintf(&golden, "%s\n", strings.ReplaceAll(err.Error(), addr, "ADDR"))
			continue
		}
		// A line for each entry of what has many.
		fmt.Fprintln(&golden, strings.TrimSpace(strings.ReplaceAll(fmt.Sprintf("%+v", got), "} ", "}\n")))
	}
	if *update {
		if err := os.WriteFile(goldenFile, []byte(golden.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	if golden.String() != string(want) {
		t.Errorf("what is decoded differs from %s; if that is meant, run go test -update and look at the difference\ngot %s", goldenFile, golden.String())
	}
}

// TestEverySampleIsAsked holds that no sample lies there unread.
func TestEverySampleIsAsked(t *testing.T) {
	headers, err := filepath.Glob("testdata/*.header.json")
	if err != nil || len(headers) == 0 {
		t.Fatal("no samples", err)
	}
	for _, path := range headers {
		if name := strings.TrimSuffix(filepath.Base(path), ".header.json"); sampledCalls[name] == nil {
			t.Errorf("no call has the sample %s", name)
		}
	}
}
