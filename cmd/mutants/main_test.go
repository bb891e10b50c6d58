package main

import "testing"

// TestTheListIsUpToDate holds that every line that is to be broken is there, and that breaking it changes the file.
func TestTheListIsUpToDate(t *testing.T) {
	t.Chdir("../..")
	mutants, err := read(listed)
	if err != nil {
		t.Fatal(err)
	}
	if len(mutants) < 12 {
		t.Errorf("there are %d, want 12 at least", len(mutants))
	}
	names := map[string]bool{}
	for _, m := range mutants {
		if _, err := m.broken(); err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
		if m.Old == m.New || names[m.Name] || m.Tests.Package == "" || m.Tests.Run == "" {
			t.Errorf("%+v breaks nothing, has the name of another, or names no tests", m)
		}
		names[m.Name] = true
	}
}
