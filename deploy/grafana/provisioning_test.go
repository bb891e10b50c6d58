package grafana_test

import (
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/weirmq/weir/deploy/grafana"
)

// TestProvisioning: both files are as Grafana reads them, name the plugin, and take every secret and address from the environment.
func TestProvisioning(t *testing.T) {
	t.Parallel()
	var sources struct {
		APIVersion  int `yaml:"apiVersion"`
		Datasources []struct {
			Name, UID, Type string
			JSONData        map[string]any    `yaml:"jsonData"`
			SecureJSONData  map[string]string `yaml:"secureJsonData"`
		}
	}
	readStrictly(t, "provisioning/datasources/weir.yaml", &sources)
	if len(sources.Datasources) != 1 || sources.APIVersion != 1 {
		t.Fatalf("got %+v", sources)
	}
	source := sources.Datasources[0]
	if source.Type != grafana.Type || source.UID != "weir" || source.SecureJSONData["password"] != "$WEIR_CLICKHOUSE_PASSWORD" {
		t.Errorf("got %+v", source)
	}
	for _, key := range []string{"host", "port", "protocol", "secure", "username", "defaultDatabase"} {
		if value, _ := source.JSONData[key].(string); !strings.HasPrefix(value, "$WEIR_CLICKHOUSE_") {
			t.Errorf("%s is %v, want a variable of the environment", key, source.JSONData[key])
		}
	}
	var providers struct {
		APIVersion int              `yaml:"apiVersion"`
		Providers  []map[string]any `yaml:"providers"`
	}
	readStrictly(t, "provisioning/dashboards/weir.yaml", &providers)
	if len(providers.Providers) != 1 || providers.Providers[0]["type"] != "file" || providers.Providers[0]["folderUid"] != "weir" {
		t.Errorf("got %+v", providers)
	}
}

func readStrictly(t *testing.T, path string, into any) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	decoder := yaml.NewDecoder(file)
	decoder.KnownFields(true)
	if err := decoder.Decode(into); err != nil {
		t.Fatal(err)
	}
}
