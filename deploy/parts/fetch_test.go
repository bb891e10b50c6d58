package parts

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// scriptTools are the commands that fetch.sh calls besides the clients of registries.
var scriptTools = []string{"bash", "basename", "chmod", "cp", "cut", "dirname", "env", "mkdir", "mktemp", "mv", "rm", "sha256sum",
	"sleep", "tar", "touch", "uname"}

// fetch runs a copy of fetch.sh whose files were edited, with an empty cache and these
// settings. It must fail and leave nothing in the cache; what it said is returned.
func fetch(t *testing.T, part string, edit func(folder string), settings ...string) string {
	t.Helper()
	folder, cache := filepath.Join(t.TempDir(), "parts"), t.TempDir()
	if err := os.CopyFS(folder, os.DirFS(".")); err != nil {
		t.Fatal(err)
	}
	edit(folder)
	command := exec.CommandContext(t.Context(), "bash", filepath.Join(folder, "fetch.sh"), part)
	command.Env = append(append(os.Environ(), "WEIR_PARTS="+cache), settings...)
	said, err := command.CombinedOutput()
	if err == nil {
		t.Errorf("%s was fetched, want a refusal; it said:\n%s", part, said)
	}
	left, err := os.ReadDir(cache)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("the cache holds %v after a refusal, want nothing", left)
	}
	return string(said)
}

// onlyTools is a folder for PATH with what fetch.sh calls and these programs of the
// test's own, as shell scripts.
func onlyTools(t *testing.T, programs map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for _, tool := range scriptTools {
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(folder, tool)); err != nil {
			t.Fatal(err)
		}
	}
	for name, script := range programs {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("#!/bin/bash\n"+script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return "PATH=" + folder
}

func mustSay(t *testing.T, said string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(said, want) {
			t.Errorf("the refusal lacks %q:\n%s", want, said)
		}
	}
}

// TestAModuleWithAnotherSumIsRefused has real modules and wrong pins: of Alertmanager
// and of a module that it needs. Settings that trust every module change nothing.
func TestAModuleWithAnotherSumIsRefused(t *testing.T) {
	const wrong = "h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	for _, module := range []string{"github.com/prometheus/alertmanager", "github.com/prometheus/common"} {
		t.Run(filepath.Base(module), func(t *testing.T) {
			pin := regexp.MustCompile("(?m)^" + regexp.QuoteMeta(module) + ` v\S+ (h1:\S+)$`)
			var right string
			said := fetch(t, "alertmanager", func(folder string) {
				path := filepath.Join(folder, "alertmanager", "go.sum")
				sums, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				found := pin.FindSubmatchIndex(sums)
				if found == nil {
					t.Fatalf("%s does not pin %s", path, module)
				}
				right = string(sums[found[2]:found[3]])
				if err := os.WriteFile(path, []byte(strings.Replace(string(sums), right, wrong, 1)), 0o644); err != nil {
					t.Fatal(err)
				}
			}, "GOSUMDB=off", "GONOSUMDB=*", "GONOSUMCHECK=1", "GOINSECURE=*", "GOFLAGS=-mod=mod")
			mustSay(t, said, "checksum mismatch", "downloaded: "+right, wrong, "go clean -modcache")
		})
	}
}

// TestAPackageWithAnotherSumIsRefused has clients that bring something else than what
// is pinned, as a damaged mirror does.
func TestAPackageWithAnotherSumIsRefused(t *testing.T) {
	const other = "d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa" // SHA-256 of "other"
	script, err := os.ReadFile("fetch.sh")
	if err != nil {
		t.Fatal(err)
	}
	pinned := func(name string) string {
		return string(regexp.MustCompile(name + `_sha256=([0-9a-f]{64})\n`).FindSubmatch(script)[1])
	}
	for _, test := range []struct {
		what, pin string
		programs  map[string]string
	}{
		{"the engine of npm", pinned("chdb"), map[string]string{"npm": "printf other > chdb-lib-linux-x64-gnu-" + ChDBVersion + ".tgz\n"}},
		{"the npm of pip", pinned("npm_wheel"), map[string]string{"python3": `
			[ "$3" = --version ] && exit 0
			while [ "$1" != --dest ]; do shift; done
			mkdir -p "$2" && printf other > "$2/other.whl"
		`}},
	} {
		t.Run(test.what, func(t *testing.T) {
			said := fetch(t, "chdb", func(string) {}, onlyTools(t, test.programs))
			mustSay(t, said, "has SHA-256 "+other+", expected "+test.pin)
		})
	}
}

// TestWithoutNpmAndPipSaysWhatToInstall holds the remedy of a bare machine.
func TestWithoutNpmAndPipSaysWhatToInstall(t *testing.T) {
	mustSay(t, fetch(t, "chdb", func(string) {}, onlyTools(t, nil)), "neither npm nor pip is installed", "apt-get install npm", "apt-get install python3-pip")
}
