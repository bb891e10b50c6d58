package pipeline

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/weirmq/weir"

// mayImport says which folders of this module a folder may import besides itself.
// Stages never import each other: each can then be stopped, scaled and read alone,
// and only this package knows how they fit together.
var mayImport = map[string][]string{
	"telemetry": nil,
	"control":   nil,
	"internal":  nil, // what tests of several folders need
	"remoting":  nil,
	"sdk":       {"telemetry", "control", "remoting"},
	"collect":   {"telemetry", "remoting"},
	"ingest":    {"telemetry"},
	"aggregate": {"telemetry"},
	"rules":     {"telemetry", "control"},
	"sink":      {"telemetry"},
	"pipeline":  {"telemetry", "ingest", "aggregate", "rules", "sink", "collect", "control", "remoting"},
	"deploy":    nil,
	"cmd":       {"pipeline", "telemetry", "control", "sdk", "deploy"},
}

// modelFolders are packages of pure values below a folder that does I/O: they may import telemetry and of others the standard library.
var modelFolders = []string{"collect/lag", "collect/health", "control"}

// telemetryNeeds is all that the values which travel may need from elsewhere.
var telemetryNeeds = []string{"google.golang.org/protobuf"}

type listedPackage struct {
	ImportPath string
	Imports    []string
}

func TestImports(t *testing.T) {
	for _, p := range listPackages(t) {
		from := folder(p.ImportPath)
		allowed, known := mayImport[from]
		if !known {
			if from != "docs" {
				t.Errorf("folder %s is not in the tree of docs/architecture.md: put it where it belongs, or add it there and here", from)
			}
			continue
		}
		for _, path := range p.Imports {
			to := folder(path)
			if to != "" && to != from && !slices.Contains(allowed, to) {
				t.Errorf("%s imports %s: %s may import %v of this module", p.ImportPath, path, from, allowed)
			}
			if from == "telemetry" && !strings.Contains(p.ImportPath, "/internal/") && to == "" && strings.Contains(path, ".") &&
				!slices.ContainsFunc(telemetryNeeds, func(need string) bool { return strings.HasPrefix(path, need) }) {
				t.Errorf("%s imports %s: telemetry may import the standard library and %v", p.ImportPath, path, telemetryNeeds)
			}
		}
		if slices.Contains(modelFolders, strings.TrimPrefix(p.ImportPath, module+"/")) {
			for _, path := range p.Imports {
				if path != module+"/telemetry" && (strings.Contains(path, ".") || slices.Contains([]string{"net", "os"}, path)) {
					t.Errorf("%s imports %s: a model may import telemetry, and of the standard library what does no I/O", p.ImportPath, path)
				}
			}
		}
		for _, word := range []string{"util", "utils", "common", "helper", "helpers", "misc", "shared", "base"} {
			if slices.Contains(strings.Split(p.ImportPath, "/"), word) {
				t.Errorf("package %s: %s names nothing of the domain", p.ImportPath, word)
			}
		}
	}
}

// folder is the top-level folder of a package of this module, "" for any other package.
func folder(path string) string {
	rest, ours := strings.CutPrefix(path, module+"/")
	if !ours {
		return ""
	}
	top, _, _ := strings.Cut(rest, "/")
	return top
}

func listPackages(t *testing.T) []listedPackage {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", module+"/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var packages []listedPackage
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var p listedPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
	if len(packages) < len(mayImport) {
		t.Fatalf("found %d packages", len(packages))
	}
	return packages
}
