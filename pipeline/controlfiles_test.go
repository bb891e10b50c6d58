package pipeline

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/weirmq/weir/control"
	"github.com/weirmq/weir/internal/golden"
)

// controlNow is when the files of the script are read.
var controlNow = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// TestControlFiles reads the files of testdata/controlfiles.txt: each begins behind a line "-- what it shows", and is followed by what is said of it, in lines that begin
// with ">".
func TestControlFiles(t *testing.T) {
	t.Parallel()
	const script = "testdata/controlfiles.txt"
	text, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for part := range strings.SplitSeq(strings.TrimPrefix(string(text), "-- "), "\n-- ") {
		title, body, _ := strings.Cut(part, "\n")
		var file strings.Builder
		for line := range strings.Lines(body) {
			if !strings.HasPrefix(line, ">") {
				file.WriteString(line)
			}
		}
		content := strings.TrimRight(file.String(), "\n") + "\n"
		fmt.Fprintf(&got, "-- %s\n%s> %s\n\n", title, content, strings.ReplaceAll(saidOfFile(content), "\n", "\n> "))
	}
	golden.Compare(t, script, got.String())
}

// saidOfFile is what is wrong with a file, or what it would write.
func saidOfFile(content string) string {
	read := &controlFiles{files: 1, telemetry: DefaultConfig().Telemetry}
	if faults := append(read.parse("f.yaml", []byte(content), controlNow), read.twice()...); len(faults) > 0 {
		return faults.Error()
	}
	changes, err := controlPlan{now: controlNow}.plan(read, control.NewSet())
	if err != nil {
		return err.Error()
	}
	var lines []string
	for i := range changes {
		lines = append(lines, changes[i].Change+" "+changes[i].Name+" "+changes[i].says(controlNow))
	}
	return strings.Join(lines, "\n")
}

// TestPruneWithoutFiles: where there is no file, nothing that files made is taken away.
func TestPruneWithoutFiles(t *testing.T) {
	t.Parallel()
	if _, err := (controlPlan{prune: []control.Source{control.SourceFile}, now: controlNow}).plan(&controlFiles{}, control.NewSet()); !errors.Is(err, errNothingToPrune) {
		t.Errorf("got %v, want %v", err, errNothingToPrune)
	}
}

// FuzzControlFiles: whatever is in a file, reading it ends, and what it would write is what readers take.
func FuzzControlFiles(f *testing.F) {
	text, err := os.ReadFile("testdata/controlfiles.txt")
	if err != nil {
		f.Fatal(err)
	}
	for part := range strings.SplitSeq(string(text), "\n-- ") {
		_, body, _ := strings.Cut(part, "\n")
		f.Add([]byte(body))
	}
	f.Add([]byte("commands: &a [*a]\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		read := &controlFiles{files: 1, telemetry: DefaultConfig().Telemetry}
		if faults := append(read.parse("f.yaml", content, controlNow), read.twice()...); len(faults) > 0 {
			_ = faults.Error()
			return
		}
		set := control.NewSet()
		changes, err := controlPlan{now: controlNow}.plan(read, set)
		if err != nil {
			t.Fatal(err)
		}
		for i := range changes {
			records, err := changes[i].records()
			if err != nil {
				t.Fatalf("%s was read, and cannot be written: %v", changes[i].Name, err)
			}
			if len(records) == 0 {
				continue
			}
			record := records[0]
			taken := set.Feed(control.Record{Key: record.Key, Value: record.Value, Offset: set.Offset(), AppendedAt: controlNow}, controlNow)
			if taken.Outcome == control.OutcomeRefused && taken.Reason != control.ReasonBeyond {
				t.Fatalf("readers refuse %s: %v", changes[i].Name, taken.Err)
			}
		}
	})
}

// TestAPipeAmongFiles: who opens a named pipe waits for somebody to write, so it is told as a fault and not opened.
func TestAPipeAmongFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "a.yaml"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readControlFiles(dir, time.Now(), DefaultConfig().Telemetry); err == nil || !strings.Contains(err.Error(), "a.yaml") {
		t.Errorf("got %v, want that it is no file", err)
	}
}
