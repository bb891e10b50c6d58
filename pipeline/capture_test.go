package pipeline

import (
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestACaptureWithOtherRules: the folder that was looked into is named, and what chooses it.
func TestACaptureWithOtherRules(t *testing.T) {
	p, config := explaining(t, "orders")
	server := httptest.NewServer(guard("secret", p.Handler()))
	t.Cleanup(server.Close)
	config.Rules.Dir = t.TempDir()
	other := strings.ReplaceAll(explainedRule, "by: [topic]", "by: [topic, op]")
	if err := os.WriteFile(filepath.Join(config.Rules.Dir, "rules.yaml"), []byte(other), 0o600); err != nil {
		t.Fatal(err)
	}
	err := CaptureAlert(t.Context(), &config, CaptureQuestion{Alert: "Surge", URL: server.URL, Out: io.Discard})
	want := "look into " + config.Rules.Dir + ", as rules.dir of the configuration says: no Surge there groups as the alert does; " +
		"name the folder of the rules that made it by rules.dir of --config"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
