package weir

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/control/topic"
)

// entries is a list of so many empty objects.
func entries(count int) string {
	return "[" + strings.TrimSuffix(strings.Repeat("{},", count), ",") + "]"
}

// TestFilesAreBounded holds that what a file of routes or a cache may take of memory is bounded, whatever is there, and that the error says by what.
func TestFilesAreBounded(t *testing.T) {
	t.Parallel()
	for name, of := range map[string]struct {
		make func(path string) error
		says string
	}{
		"a file that is too large": {func(path string) error {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				return err
			}
			return os.Truncate(path, maxFileBytes+1)
		}, "more than 16777216 bytes"},
		"a pipe that nobody writes": {func(path string) error { return syscall.Mkfifo(path, 0o600) }, "no file"},
		"a folder":                  {func(path string) error { return os.Mkdir(path, 0o700) }, "no file"},
		"a device that never ends":  {func(path string) error { return os.Symlink("/dev/zero", path) }, "no file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "routes")
			if err := of.make(path); err != nil {
				t.Fatal(err)
			}
			if _, err := OpenFile(path); err == nil || !strings.Contains(err.Error(), of.says) || !strings.Contains(err.Error(), path) {
				t.Errorf("a file of routes: got %v, want %q", err, of.says)
			}
			if _, err := readCache(path); err == nil || !strings.Contains(err.Error(), of.says) || !strings.Contains(err.Error(), path) {
				t.Errorf("a cache: got %v, want %q", err, of.says)
			}
		})
	}
}

// TestAFileOfRoutesIsReadStrictly has fields be there twice or in other letters, of which encoding/json would take the last: nobody can say where the resource is.
func TestAFileOfRoutesIsReadStrictly(t *testing.T) {
	t.Parallel()
	const route = `"id":"in","system":"kafka","cluster":"c1","endpoints":["k1:9092"],"topic":"in"`
	if routes, err := parseRoutes([]byte(`{"commands":[{}],"routes":[{` + route + `}]}`)); err != nil || len(routes) != 1 || routes[0].Topic != "in" {
		t.Errorf("got %v, %v", routes, err)
	}
	for text, want := range map[string]string{
		`{"routes":[{` + route + `,"Topic":"out"}]}`:                    "entry 1: Topic: unknown field; allowed are schema, id,",
		`{"routes":[{` + route + `,"topic":"out"}]}`:                    "entry 1: topic: given twice",
		`{"routes":[{` + route + `},{` + route + `,"namespace":null}]}`: "entry 2: namespace: got null",
		`{"routes":[{` + route + `}],"Routes":[]}`:                      `unknown field "Routes": allowed are routes and commands`,
		`{"routes":[{` + route + `}],"routes":[]}`:                      `field "routes" is there twice`,
		`{"routes":[{` + route + `}]}]`:                                 "there is more behind its object",
		`{"routes":[{` + route + `}`:                                    "EOF",
		`{"routes":null}`:                                               `field "routes" is null`,
		`null`:                                                          "it begins with <nil>: want an object",
		`[]`:                                                            "it begins with [: want an object",
	} {
		if routes, err := parseRoutes([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is read as %v, %v: want %s", text, routes, err, want)
		}
	}
}

// TestEntriesAreBounded holds that no more are read than a directory holds.
func TestEntriesAreBounded(t *testing.T) {
	t.Parallel()
	if _, err := parseRoutes([]byte(`{"routes": ` + entries(control.MaxRoutes+1) + `}`)); err == nil || !strings.Contains(err.Error(), "more than 20000 entries") {
		t.Errorf("a file of routes: got %v", err)
	}
	path := filepath.Join(t.TempDir(), "cache")
	for count, says := range map[int]string{control.MaxRoutes + control.MaxCommands: "", control.MaxRoutes + control.MaxCommands + 1: "more than 21000 entries"} {
		if err := os.WriteFile(path, []byte(entries(count)), 0o600); err != nil {
			t.Fatal(err)
		}
		records, err := readCache(path)
		if says == "" && (err != nil || len(records) != count) || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("a cache of %d entries: got %d records and %v, want %q", count, len(records), err, says)
		}
	}
	for _, text := range []string{`{}`, `"a"`, `[{}`, `[{}] []`, `[{"unknown": 1}]`, `[1]`} {
		if list, err := decodeList[cachedRecord]([]byte(text), 10); err == nil {
			t.Errorf("%s is read as %v", text, list)
		}
	}
}

// TestACacheCanBeRead holds that what is written can be read again: of routes alone, and no more than may be read.
func TestACacheCanBeRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cache")
	write := func(values ...string) error {
		records := []control.Record{{Key: []byte("command/a"), Value: []byte(`{}`)}}
		for _, value := range values {
			records = append(records, control.Record{Key: []byte("route///a"), Value: []byte(value), Offset: 7})
		}
		return writeCache(path, records)
	}
	if err := write(`{"a":1}`); err != nil {
		t.Fatal(err)
	}
	if err := write(`"` + string(bytes.Repeat([]byte("a"), maxFileBytes)) + `"`); err == nil || !strings.Contains(err.Error(), "what was written before stays") {
		t.Errorf("a cache that is too large is written: %v", err)
	}
	records, err := readCache(path)
	if err != nil || len(records) != 1 || string(records[0].Key) != "route///a" || string(records[0].Value) != `{"a":1}` || records[0].Offset != 7 {
		t.Errorf("read %+v, %v", records, err)
	}
}

// TestTheCacheTakesNothingBack has weir.control be read while the cache is: its routes hold, whatever the cache says.
func TestTheCacheTakesNothingBack(t *testing.T) {
	t.Parallel()
	route := Route{Schema: control.Schema, ID: "orders.created", Revision: 2, System: "kafka", Cluster: "next", Endpoints: []string{"k:1"}, Topic: "orders"}
	value, err := route.Encode()
	if err != nil {
		t.Fatal(err)
	}
	d := newTopic(TopicConfig{}, nil)
	former := route
	former.Cluster = "former"
	d.fallBack([]Route{former})
	if got, _, _ := d.Resolve(Query{ID: route.ID}); got.Cluster != "former" {
		t.Errorf("before the topic is read the route leads to %q, want the cache's", got.Cluster)
	}
	d.feed(topic.Batch{Records: []control.Record{{Key: []byte(route.Key()), Value: value}}, AtEnd: true})
	d.take()
	d.fallBack([]Route{former})
	if got, _, _ := d.Resolve(Query{ID: route.ID}); got.Cluster != "next" {
		t.Errorf("the route leads to %q, want what the topic says", got.Cluster)
	}
}
