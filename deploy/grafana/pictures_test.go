package grafana_test

import (
	"html"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weirmq/weir/deploy/grafana"
)

// picture is the file with a dashboard's picture.
func picture(d grafana.Dashboard) string {
	return filepath.Join("..", "..", "docs", "img", "dashboard-"+strings.TrimSuffix(d.File(), ".json")+".svg")
}

// TestPicturesShowEachPanel: the documentation's pictures are of the dashboards as they are, and docs/dashboards.md has each.
func TestPicturesShowEachPanel(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "dashboards.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range loadAll(t) {
		text, err := os.ReadFile(picture(d))
		if err != nil {
			t.Errorf("%v: run make dashboards", err)
		}
		for _, panel := range d.Panels {
			if !strings.Contains(string(text), html.EscapeString(panel.Title)+"</text>") {
				t.Errorf("%s does not show the panel %q: run make dashboards", picture(d), panel.Title)
			}
		}
		if !strings.Contains(string(page), "img/"+filepath.Base(picture(d))) {
			t.Errorf("docs/dashboards.md does not show %s", picture(d))
		}
	}
}
