package ruletest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weirmq/weir/internal/golden"
	"github.com/weirmq/weir/rules/ruletest"
)

// TestFaults compares the text of everything that is wrong with each file below testdata/faults with the file of the same
// name that ends in .want.
func TestFaults(t *testing.T) {
	eachFile(t, "testdata/faults", func(path string) string {
		file, faults := ruletest.Parse(filepath.Base(path), read(t, path))
		if file != nil {
			t.Fatalf("%s has %d cases and no fault", path, len(file.Cases))
		}
		return faults.Error() + "\n"
	})
}

// TestFailures compares what is said of each case that fails.
func TestFailures(t *testing.T) {
	eachFile(t, "testdata/failures", func(path string) string {
		result, err := ruletest.Test(path, ruletest.Options{})
		if err != nil {
			return strings.ReplaceAll(err.Error(), filepath.Dir(path)+"/", "") + "\n"
		}
		var out strings.Builder
		for _, outcome := range result.Outcomes {
			for _, failure := range outcome.Failures {
				out.WriteString(strings.ReplaceAll(failure.String(), filepath.Dir(path)+"/", "") + "\n")
			}
		}
		return out.String()
	})
}

func eachFile(t *testing.T, dir string, said func(path string) string) {
	t.Helper()
	paths, err := filepath.Glob(dir + "/*" + ruletest.Suffix)
	if err != nil || len(paths) == 0 {
		t.Fatalf("found %d files in %s: %v", len(paths), dir, err)
	}
	for _, path := range paths {
		golden.Compare(t, strings.TrimSuffix(path, ruletest.Suffix)+".want", said(path))
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
