package telemetry_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// TestGeneratedCodeIsCurrent holds that telemetrypb is what telemetry.proto says, made by the generator that go.mod
// pins.
func TestGeneratedCodeIsCurrent(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("go", "run", "./internal/protogen", "telemetry.proto", dir).CombinedOutput(); err != nil {
		t.Fatalf("generate: %v\n%s", err, out)
	}
	want, err := os.ReadFile(filepath.Join(dir, "telemetry.pb.go"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("telemetrypb/telemetry.pb.go")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Error("telemetrypb/telemetry.pb.go is not what telemetry.proto says: run `go generate ./telemetry/...`")
	}
}

func TestGeneratorIsATool(t *testing.T) {
	const generator = "google.golang.org/protobuf/cmd/protoc-gen-go"
	out, err := exec.Command("go", "mod", "edit", "-json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var module struct{ Tool []struct{ Path string } }
	if err := json.Unmarshal(out, &module); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(module.Tool, struct{ Path string }{generator}) {
		t.Errorf("go.mod's tools are %v, want %s among them: its version is then that of the protobuf module", module.Tool, generator)
	}
}
