package agent

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/sdk/internal/reported"
	"github.com/weirmq/weir/sdk/report"
)

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	next := path + ".next"
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
}

// fileOf is a local file with commands.
func fileOf(t *testing.T, commands ...control.Command) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{"commands": commands})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestTheLocalFileHasTheLastWord holds that it switches off and replaces what weir.control says, is followed when it changes, is
// refused as a whole, and that weir.control counts again when it is gone.
func TestTheLocalFileHasTheLastWord(t *testing.T) {
	t.Parallel()
	s := newShop(t, "orders", "returns")
	path := filepath.Join(t.TempDir(), "weir.json")
	a := s.open(Config{Enabled: allEnabled, File: path}, report.Config{})
	c := s.consume(a, kgo.ConsumeTopics("orders", "returns"))
	paused := func(what string, topics ...string) {
		t.Helper()
		reported.Eventually(t, what, func() bool { return slices.Equal(a.Consumer(c.client).Paused(), topics) })
	}
	s.put(command("pause-orders", "orders", pause))
	paused("the topic's command applies", "orders")
	writeFile(t, path, `{"off": ["pause"]}`)
	paused("pauses are switched off")
	reported.Eventually(t, "the state says so", func() bool {
		state := a.State()
		return state.File == path && slices.Equal(state.Off, []control.Capability{control.CapabilityPause}) && len(state.Clients[0].Refuses) == 1
	})
	writeFile(t, path, fileOf(t, command("local", "returns", pause)))
	paused("the file's command applies, and the topic's does not", "returns")
	for _, bad := range []string{`{"off": ["everything"]}`, `{"commands": [{}]}`, `{`, `{"onn": []}`, `{"commands": []} {"off": ["pause"]}`, `{"commands": []}]`, strings.Repeat(" ", maxFileBytes+1),
		fileOf(t, command("local", "orders", pause), command("local", "orders", pause))} {
		before := a.commands.RefusedFiles()
		writeFile(t, path, bad)
		reported.Eventually(t, "the file is refused", func() bool { return a.commands.RefusedFiles() > before })
		paused("what it said before stays", "returns")
	}
	writeFile(t, path, `{"commands": []}`)
	paused("the file has no command, and the topic's do not apply")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	paused("the topic's command applies again", "orders")
}

// TestAFileThatCannotBeReadSwitchesAllOff holds that a service which starts with such a file applies nothing until it can be read.
func TestAFileThatCannotBeReadSwitchesAllOff(t *testing.T) {
	t.Parallel()
	s := newShop(t, "orders")
	path := filepath.Join(t.TempDir(), "weir.json")
	writeFile(t, path, "off: [pause]") // no JSON
	s.put(command("pause-orders", "orders", pause))
	a := s.open(Config{Enabled: allEnabled, File: path}, report.Config{})
	c := s.consume(a, kgo.ConsumeTopics("orders"))
	reported.Eventually(t, "the command is read and may not be applied", func() bool { return len(a.State().Clients[0].Refuses) == 1 })
	if got := a.Consumer(c.client).Paused(); len(got) != 0 {
		t.Errorf("%v are paused", got)
	}
	writeFile(t, path, `{}`)
	reported.Eventually(t, "it applies", func() bool { return len(a.Consumer(c.client).Paused()) == 1 })
}

// TestAFileThatCannotBeReadIsTriedAgain holds that a file whose bytes cannot be read is read when they can, though nothing about it says that
// it has changed, and that it is told of once. A folder takes the file's place meanwhile: root may read whatever it has no permission for.
func TestAFileThatCannotBeReadIsTriedAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "weir.json")
	telemetry, err := report.Open(report.Config{TelemetryBrokers: []string{"127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = telemetry.Close(t.Context()) })
	var log bytes.Buffer
	a, err := newAgent(t.Context(), Config{Telemetry: telemetry, Enabled: allEnabled, File: path, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.stop)
	watched := fileWatch{path: path}
	look := func() { a.watch(&watched, time.Now()) }
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		look()
	}
	if got := a.commands.File().Off; len(got) != len(control.Capabilities) {
		t.Errorf("a program that begins with a file that cannot be read has %v off, want everything", got)
	}
	if got := a.commands.RefusedFiles(); got != 1 || strings.Count(log.String(), "refused as a whole") != 1 {
		t.Errorf("it is told %d times that the file cannot be read, want once:\n%s", got, log.String())
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	text := `{"off": ["pause"]}`
	writeFile(t, path, text+strings.Repeat(" ", max(0, int(before.Size())-len(text))))
	if err := os.Chtimes(path, before.ModTime(), before.ModTime()); err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(path); err != nil || after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime()) {
		t.Fatalf("the file is not as the folder was: %v", err)
	}
	look()
	if got := a.commands.File().Off; !slices.Equal(got, []control.Capability{control.CapabilityPause}) {
		t.Errorf("%v is off when the file can be read, want pause", got)
	}
}

// TestTheLocalFileIsStrict: what a mistake makes of a field is refused, and the error says what is allowed.
func TestTheLocalFileIsStrict(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "weir.json")
	for text, want := range map[string]string{
		`{"onn": ["pause"]}`:               `unknown field "onn": allowed are off and commands`,
		`{"Off": ["pause"]}`:               `unknown field "Off": allowed are off and commands, in these letters; correct it, or leave it out`,
		`{"commands": [], "COMMANDS": []}`: `unknown field "COMMANDS"`,
		`{"off": ["pause"], "off": []}`:    `field "off" is there twice: keep one of them`,
		`{"commands": [], "commands": []}`: `field "commands" is there twice`,
		`{"off": null}`:                    `field "off" is null: leave it out, or give a list`,
		`{"commands": null}`:               `field "commands" is null: leave it out, or give a list`,
		`{"commands": {}}`:                 `field "commands" is {}: leave it out, or give a list`,
		`{"off": [null]}`:                  `off has "": known are [`,
		`{"off": [1]}`:                     `known are [`,
		`["pause"]`:                        `it begins with [: want an object, {"off": [...]}`,
		`null`:                             `it begins with <nil>: want an object`,
		``:                                 `it is not JSON: EOF; write an object, {"off": [...]}`,
		`{} {}`:                            `there is more behind its object`,
	} {
		writeFile(t, path, text)
		if file, err := readFile(path, time.Now()); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), path+": ") {
			t.Errorf("%s: got %+v, %v, want an error with %q", text, file, err, want)
		}
	}
}

// FuzzReadFile holds that no file harms whoever reads it, and that what is taken can be taken as a whole.
func FuzzReadFile(f *testing.F) {
	f.Add(`{"off": ["pause"]}`)
	f.Add(`{"commands": []}`)
	f.Add(`{"commands": [{"schema":1,"name":"a","revision":1,"scope":{"topic":"orders"},"author":"li","reason":"r","created_at":"2026-11-27T00:00:00Z","expires_at":"2026-11-28T00:00:00Z","pause":{}}]}`)
	f.Add(`{"commands": [{}], "off": null}`)
	f.Add(`{} {}`)
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "weir.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := readFile(path, time.Unix(0, 0))
		if err != nil {
			return
		}
		for _, off := range file.Off {
			if !slices.Contains(control.Capabilities, off) {
				t.Errorf("%q is switched off", off)
			}
		}
		if file.Commands == nil {
			return
		}
		for _, c := range file.Commands.Commands() {
			if err := c.Validate(); err != nil {
				t.Error(err)
			}
		}
	})
}
