package pipeline

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/weirmq/weir/control"
)

// TestPostedTwice: of two that have one record only one could be in force, and what is posted is put in force as a whole.
func TestPostedTwice(t *testing.T) {
	t.Parallel()
	const command = `{"name": "a", "scope": {"topic": "t"}, "reason": "r", "expires_at": "2026-11-28T18:00:00Z", "pause": {}}`
	const route = `{"id": "r", "system": "kafka", "cluster": "c", "endpoints": ["k:9092"], "topic": "t"}`
	for body, want := range map[string]string{
		`{"commands": [` + command + `, ` + command + `]}`:                                                                          `commands[1]: "a" is there twice`,
		`{"routes": [` + route + `, ` + strings.Replace(route, `"t"`, `"other"`, 1) + `]}`:                                          `routes[1]: "r" is there twice in env "" and lane ""`,
		`{"routes": [` + route + `, ` + strings.Replace(route, `"id"`, `"env": "e", "id"`, 1) + `], "commands": [` + command + `]}`: "",
	} {
		_, _, err := readControlBody(strings.NewReader(body), "li")
		if want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%s: got %v, want %q", body, err, want)
		}
	}
}

// FuzzControlPosted: whatever is posted, reading it ends, nobody but who posts it is its author, and all that is written of it is in force for whoever reads the
// topic. What readers alone know of is their clock.
func FuzzControlPosted(f *testing.F) {
	for _, body := range postedSeeds(f) {
		f.Add(body)
	}
	f.Add([]byte(`{"commands": null, "routes": [], "commands": []}`))
	f.Add([]byte(`{"ways": [{}]}`))
	f.Add([]byte(`{"commands": [{"author": "somebody", "revision": 1}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		const author = "li"
		commands, routes, err := readControlBody(bytes.NewReader(body), author)
		if err != nil {
			return
		}
		changes, err := planPosted(commands, routes, controlPlan{now: controlNow}, control.NewSet())
		var refused *refusedRequest
		if err != nil && !errors.As(err, &refused) {
			t.Fatal(err)
		} else if err != nil {
			return
		}
		set := control.NewSet()
		for i := range changes {
			records, err := changes[i].records()
			if err != nil || len(records) != 1 {
				t.Fatalf("%s was planned, and %d records are written: %v", changes[i].Name, len(records), err)
			}
			taken := set.Feed(control.Record{Key: records[0].Key, Value: records[0].Value, Offset: set.Offset(), AppendedAt: controlNow}, controlNow)
			ahead := taken.Outcome == control.OutcomeRefused && changes[i].Command != nil && changes[i].Command.CreatedAt.After(controlNow.Add(control.MaxClockSkew))
			if taken.Outcome != control.OutcomeApplied && !ahead && taken.Reason != control.ReasonBeyond {
				t.Fatalf("%s is %s: %v", changes[i].Name, taken.Outcome, taken.Err)
			}
		}
		for _, command := range set.Commands() {
			if command.Author != author || command.Source != control.SourceAPI || command.Ended != nil {
				t.Fatalf("%s is of %q, kept by %q, ended by %v", &command, command.Author, command.Source, command.Ended)
			}
		}
		for _, route := range set.Routes() {
			if route.Author != author || route.Source != control.SourceAPI {
				t.Fatalf("%s is of %q, kept by %q", &route, route.Author, route.Source)
			}
		}
	})
}

// postedSeeds are the files of testdata/controlfiles.txt as somebody would post them.
func postedSeeds(f *testing.F) (bodies [][]byte) {
	f.Helper()
	text, err := os.ReadFile("testdata/controlfiles.txt")
	if err != nil {
		f.Fatal(err)
	}
	for part := range strings.SplitSeq(string(text), "\n-- ") {
		_, file, _ := strings.Cut(part, "\n")
		file, _, _ = strings.Cut(file, "\n>") // what is said of it
		var content map[string]any
		if yaml.Unmarshal([]byte(file), &content) != nil {
			continue
		}
		if body, err := json.Marshal(content); err == nil {
			bodies = append(bodies, body, bytes.ReplaceAll(body, []byte(`"author"`), []byte(`"Author"`)))
		}
	}
	if len(bodies) < 10 {
		f.Fatalf("testdata/controlfiles.txt has %d files that can be posted", len(bodies))
	}
	return bodies
}
