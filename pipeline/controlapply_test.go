package pipeline

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// applied is what `weir control apply` prints.
func (h *controlHouse) applied(a ControlApply) (string, error) {
	h.t.Helper()
	var out bytes.Buffer
	a.Out = &out
	err := ApplyControl(h.t.Context(), &h.config, a)
	return out.String(), err
}

// elsewhere writes a file of commands that is not in the folder of the role.
func (h *controlHouse) elsewhere(text string) string {
	h.t.Helper()
	path := filepath.Join(h.t.TempDir(), "applied.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	return path
}

const ordersRoute = "routes:\n  - {id: orders.created, system: kafka, cluster: c, endpoints: ['k1:9092'], topic: orders}\n"

// TestWhatIsAppliedFromElsewhereStays: the role takes away what its own folder has no more, and nothing that somebody applied from where it is. What is moved into the folder is the
// folder's from then on.
func TestWhatIsAppliedFromElsewhereStays(t *testing.T) {
	t.Parallel()
	h := newControlHouse(t)
	h.file("b.yaml", pauseFile("b", "media"))
	h.awaits("b@1 in force by li")
	text := pauseFile("a", "orders") + ordersRoute
	path := h.elsewhere(text)
	if out, err := h.applied(ControlApply{Path: path}); err != nil || !strings.Contains(out, "2 written") {
		t.Fatalf("%v: %s", err, out)
	}
	h.file("b.yaml", pauseFile("b", "mails"))
	h.awaits("a@1 in force by li; b@2 in force by li; route///orders.created@1")
	h.file("c.yaml", pauseFile("c", "news")) // it was looked at once more, with a there
	h.awaits("a@1 in force by li; b@2 in force by li; c@1 in force by li; route///orders.created@1")
	h.file("a.yaml", text)
	h.awaits("a@2 in force by li; b@2 in force by li; c@1 in force by li; route///orders.created@2")
	if out, err := h.applied(ControlApply{Path: path}); err != nil || !strings.Contains(out, "0 written, 2 the same") {
		t.Errorf("what the folder has is applied again: %v: %s", err, out)
	}
	h.file("a.yaml", "")
	h.awaits("b@2 in force by li; c@1 in force by li")
}

// TestPruneIsOfAFolder: of one file alone nothing is known of what others have; and what lies in the role's folder no other folder takes away.
func TestPruneIsOfAFolder(t *testing.T) {
	t.Parallel()
	h := newControlHouse(t)
	h.file("b.yaml", pauseFile("b", "media")+ordersRoute)
	h.awaits("b@1 in force by li; route///orders.created@1")
	path := h.elsewhere(pauseFile("a", "orders"))
	for _, a := range []ControlApply{{Path: path, Prune: true}, {Path: path, Prune: true, DryRun: true}, {Path: filepath.Join(h.config.Control.Dir, "b.yaml"), Prune: true}} {
		if out, err := h.applied(a); err == nil || !strings.Contains(err.Error(), "--prune is of a folder") {
			t.Errorf("pruning by %s: %v: %s", a.Path, err, out)
		}
	}
	if out, err := h.applied(ControlApply{Path: filepath.Join(t.TempDir(), "none"), Prune: true, Names: []string{"b"}}); !errors.Is(err, errNothingToPrune) {
		t.Errorf("pruning by a folder that is not there: %v: %s", err, out)
	}
	h.awaits("b@1 in force by li; route///orders.created@1")
	if _, err := h.applied(ControlApply{Path: path}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(pauseFile("c", "mails")), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := h.applied(ControlApply{Path: filepath.Dir(path), Prune: true}); err != nil || !strings.Contains(out, "2 written") {
		t.Errorf("pruning by a folder: %v: %s", err, out)
	}
	h.awaits("b@1 in force by li; c@1 in force by li; route///orders.created@1")
	if out, err := h.applied(ControlApply{Prune: true}); err != nil || !strings.Contains(out, "1 written, 2 the same") {
		t.Errorf("pruning by the role's folder: %v: %s", err, out)
	}
	h.awaits("b@1 in force by li; route///orders.created@1")
}
