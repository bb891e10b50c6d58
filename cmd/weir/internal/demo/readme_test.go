package demo

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirmq/weir/deploy/alertmanager"
	"github.com/weirmq/weir/pipeline"
)

// between is what stands in a text between two others.
func between(t *testing.T, text, begin, end string) string {
	t.Helper()
	_, after, found := strings.Cut(text, begin)
	inner, _, ended := strings.Cut(after, end)
	if !found || !ended {
		t.Fatalf("README.md has no text between %q and %q", begin, end)
	}
	return inner
}

// firstWords are the first words of the lines behind a heading, up to an empty line.
func firstWords(t *testing.T, block, heading string) (words []string) {
	t.Helper()
	for line := range strings.Lines(between(t, block, heading+"\n", "\n\n")) {
		words = append(words, strings.Fields(line)[0])
	}
	return words
}

var (
	clockTime = regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d  `)
	jsonKey   = regexp.MustCompile(`"[a-z_]+":`)
)

// TestReadmeShowsTheDemo: what README.md shows of a start is what is told, its table has the demo's alerts and all stages, and of the
// outcome it names what there is.
func TestReadmeShowsTheDemo(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	const began = "17:20:22  starting the broker\n"
	block := between(t, string(text), "```text\n"+began, "```") + "\n"
	var told bytes.Buffer
	anywhere := &alertmanager.Server{}
	newScreen(&told).where(&house{statusURL: "http://127.0.0.1:18686", clickhouseURL: "http://127.0.0.1:18123", alertmanager: anywhere,
		configFile: "/home/you/.cache/weir/demo/weir.yaml"})
	shown := clockTime.ReplaceAllString(between(t, block, "starting the pipeline\n", story[1].name), "")
	shown = strings.Replace(shown, "http://127.0.0.1:19093", anywhere.URL(), 1)
	if diff := cmp.Diff(clockTime.ReplaceAllString(told.String(), ""), shown); diff != "" {
		t.Errorf("the demo tells where to look otherwise (-told +README.md):\n%s", diff)
	}
	if got := firstWords(t, block, "alert           state   since     summary"); !slices.Equal(got, slices.Sorted(slices.Values(expectedAlerts))) {
		t.Errorf("README.md shows the alerts %v, and the story has %v", got, expectedAlerts)
	}
	if got := firstWords(t, block, "stage         state    records  lag"); !slices.Equal(got, pipeline.AllRoles) {
		t.Errorf("README.md shows the stages %v, and there are %v", got, pipeline.AllRoles)
	}
	outcome, err := json.Marshal(Outcome{})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range jsonKey.FindAllString(between(t, string(text), "`make demo ONCE=1`\nplays", "The other command"), -1) {
		if !bytes.Contains(outcome, []byte(key)) {
			t.Errorf("README.md names %s of the outcome, which has %s", key, outcome)
		}
	}
}
