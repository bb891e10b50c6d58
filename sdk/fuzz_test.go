package weir

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/weirmq/weir/control"
)

// FuzzParseRoutes: whatever is in a file of routes, reading it ends. What is taken is bounded, each of it is a route that is found where it says, and written as such
// a file it reads the same again.
func FuzzParseRoutes(f *testing.F) {
	f.Add([]byte(`{"routes": [{"id": "orders.created", "system": "kafka", "cluster": "orders-kafka", "endpoints": ["k1:9092"], "topic": "orders"}]}`))
	f.Add([]byte(`{"commands": [{"name": "for others"}]}`))
	f.Add([]byte(`{"routes": null, "commands": [{"name": "for others"}]}`))
	f.Add([]byte(`{"routes": [{"id": "a"}, {"id": "a"}], "ways": []}`))
	f.Add([]byte(`{"routes": []} {}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		routes, err := parseRoutes(text)
		if err != nil {
			if err.Error() == "" {
				t.Fatal("it is refused without a reason")
			}
			return
		}
		if len(routes) > control.MaxRoutes {
			t.Fatalf("%d routes are taken", len(routes))
		}
		directory := newTable()
		directory.replace(routes)
		for i := range routes {
			r := &routes[i]
			if err := r.Validate(); err != nil {
				t.Fatalf("%s is taken: %v", r, err)
			}
			if found, _, err := directory.Resolve(Query{r.ID, r.Env, r.Lane}); err != nil || found.Key() != r.Key() || found.Digest() != r.Digest() {
				t.Fatalf("%s is looked for, and %s is found: %v", r, &found, err)
			}
		}
		written := encoded(t, map[string]any{"routes": append([]Route{}, routes...)})
		again, err := parseRoutes(written)
		if err != nil {
			t.Fatalf("what was taken is refused: %v: %s", err, written)
		}
		if rewritten := encoded(t, map[string]any{"routes": append([]Route{}, again...)}); !bytes.Equal(rewritten, written) {
			t.Fatalf("%s reads as %s", written, rewritten)
		}
	})
}

// FuzzReadCache: whatever is in a cache, reading it ends. What is taken is bounded, brings the same routes when it was written and read again, and is then written as
// it is.
func FuzzReadCache(f *testing.F) {
	f.Add([]byte(`[{"key": "route///a", "value": {"schema":1,"id":"a","revision":1,"system":"kafka","cluster":"c<d>","endpoints":["k1:9092"],"topic":"t"}, "offset": 7}]`))
	f.Add([]byte(`[{"key": "command/a", "value": {}}, {"key": "route///b"}, {"key": "route///c", "value": null, "offset": -1}]`))
	f.Add([]byte(`[{}] []`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, text []byte) {
		folder := t.TempDir()
		path := filepath.Join(folder, "cache")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		records, err := readCache(path)
		if err != nil {
			return
		}
		if len(records) > control.MaxRoutes+control.MaxCommands {
			t.Fatalf("%d records are taken", len(records))
		}
		before := routesOf(records)
		for range 2 {
			if err := writeCache(path, records); err != nil {
				t.Fatalf("what was read cannot be written: %v", err)
			}
			written, err := readCache(path)
			if err != nil {
				t.Fatalf("what was written cannot be read: %v", err)
			}
			if after := routesOf(written); !reflect.DeepEqual(after, before) {
				t.Fatalf("%v are written as %v", before, after)
			}
			records = written
		}
		if left, err := os.ReadDir(folder); err != nil || len(left) != 1 {
			t.Fatalf("beside the cache there is more: %v, %v", left, err)
		}
	})
}

// routesOf are the routes that a start without the topic would have of a cache.
func routesOf(records []control.Record) []Route {
	set := control.NewSet()
	for _, r := range records {
		set.Feed(r, time.Unix(0, 0))
	}
	return set.Routes()
}

func encoded(t *testing.T, value any) []byte {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
