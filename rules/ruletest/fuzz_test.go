package ruletest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// FuzzParse holds that no text breaks the parser, that the place of each fault is in the file, and that what is small enough
// to be played passes once it was updated.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"testdata/*/*" + Suffix, "../testdata/life/*" + Suffix, "../../rules.d/tests/*" + Suffix} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			f.Fatalf("%s: found %d files: %v", pattern, len(paths), err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(text))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, faults := Parse("fuzz"+Suffix, []byte(text))
		if (file == nil) != (len(faults) > 0) {
			t.Fatalf("file %v with %d faults", file, len(faults))
		}
		lines := strings.Split(text, "\n")
		for _, fault := range faults {
			if fault.Line > len(lines) || fault.Line > 0 && (fault.Column < 1 || fault.Column > characters(lines[fault.Line-1])+1) {
				t.Fatalf("no such place: %s", fault)
			}
		}
		if file != nil && file.Own() && small(file) {
			playUpdated(t, file)
		}
	})
}

// small says that all cases together take no more than a moment.
func small(file *File) bool {
	const mostReports, latest = 1000, 5 * time.Minute
	n := 0
	for _, c := range file.Cases {
		for _, command := range c.commands {
			switch is := command.(type) {
			case reports:
				n += is.times * len(is.series)
			case progress:
				for _, s := range is.steps {
					if s.to > latest {
						return false
					}
				}
			}
		}
	}
	return n <= mostReports
}

// playUpdated plays a file, updates it, and plays it again.
func playUpdated(t *testing.T, file *File) {
	t.Helper()
	var outcomes []*Outcome
	for _, c := range file.Cases {
		outcome, err := file.Play(c, nil)
		if err != nil {
			return // names of rules that there are none of
		}
		outcomes = append(outcomes, outcome)
	}
	text := file.Update(outcomes)
	again, faults := Parse(file.Path, text)
	if len(faults) > 0 {
		t.Fatalf("%s\nis updated to\n%s", faults, text)
	}
	for i, c := range again.Cases {
		outcome, err := again.Play(c, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, failure := range outcome.Failures {
			if c.want != nil && failure.Line == c.want.line || file.Cases[i].want == nil && c.want == nil && len(c.expectations) == 0 {
				t.Errorf("after an update: %s\n%s", failure, text)
			}
		}
	}
}
