// Package grafana describes Weir's dashboards for Grafana, which are the files of dashboards/. The files are made from the
// description, so that units, thresholds, links and variables are the same on all of them; who uses them needs no Go.
package grafana

import (
	"embed"
	"encoding/json"
	"fmt"
	"path"
	"strings"
)

// Committed are the files as they are in the repository.
//
//go:embed dashboards/*.json
var Committed embed.FS

// Type is the data source's plugin, and DataSource the uid that provisioning/datasources/weir.yaml gives it.
const (
	Type       = "grafana-clickhouse-datasource"
	DataSource = "${datasource}"
)

// Dashboard is one file, as Grafana's schema has it. Fields that are left out have Grafana's defaults.
type Dashboard struct {
	UID           string   `json:"uid"`
	Title         string   `json:"title"`
	Description   string   `json:"description"`
	Tags          []string `json:"tags"`
	Timezone      string   `json:"timezone"`
	Editable      bool     `json:"editable"`
	GraphTooltip  int      `json:"graphTooltip"` // 1: a shared crosshair
	Refresh       string   `json:"refresh"`
	SchemaVersion int      `json:"schemaVersion"`
	Time          struct {
		From string `json:"from"`
		To   string `json:"to"`
	} `json:"time"`
	Links       []Link       `json:"links"`
	Templating  Templating   `json:"templating"`
	Annotations Annotations  `json:"annotations"`
	Panels      []Panel      `json:"panels"`
	layout      *layoutState `json:"-"`
}

// Templating holds the variables.
type Templating struct {
	List []Variable `json:"list"`
}

// Annotations holds the queries for marks on charts.
type Annotations struct {
	List []Annotation `json:"list"`
}

// Link is one of the dashboard's head, of a panel, or of a field.
type Link struct {
	Title       string   `json:"title"`
	Type        string   `json:"type,omitempty"`
	Icon        string   `json:"icon,omitempty"`
	Tooltip     string   `json:"tooltip,omitempty"`
	URL         string   `json:"url,omitempty"`
	Tags        []string `json:"tags,omitempty"`
	AsDropdown  bool     `json:"asDropdown,omitempty"`
	TargetBlank bool     `json:"targetBlank"`
	IncludeVars bool     `json:"includeVars"`
	KeepTime    bool     `json:"keepTime"`
}

// Ref names a data source.
type Ref struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

// Variable is one of the dashboard's.
type Variable struct {
	Name        string          `json:"name"`
	Type        string          `json:"type"` // datasource, query, textbox, adhoc, constant
	Label       string          `json:"label,omitempty"`
	Description string          `json:"description,omitempty"`
	Hide        int             `json:"hide,omitempty"` // 2: not shown
	Query       json.RawMessage `json:"query,omitempty"`
	Definition  string          `json:"definition,omitempty"`
	Datasource  *Ref            `json:"datasource,omitempty"`
	Refresh     int             `json:"refresh,omitempty"` // 2: when the time range changes
	Sort        int             `json:"sort,omitempty"`
	Multi       bool            `json:"multi,omitempty"`
	IncludeAll  bool            `json:"includeAll,omitempty"`
	Current     *Option         `json:"current,omitempty"`
}

// Option is what is chosen of a variable.
type Option struct {
	Text  string `json:"text"`
	Value string `json:"value"`
}

// VariableQuery is the query of a variable of type query.
type VariableQuery struct {
	RefID     string `json:"refId"`
	QueryType string `json:"queryType"`
	RawSQL    string `json:"rawSql"`
}

// Annotation marks moments on all charts.
type Annotation struct {
	Name       string  `json:"name"`
	Enable     bool    `json:"enable"`
	Hide       bool    `json:"hide"`
	IconColor  string  `json:"iconColor"`
	Datasource *Ref    `json:"datasource"`
	Target     *Target `json:"target,omitempty"`
}

// Target is a query. Format is 0 for series over time, and 1 for a table.
type Target struct {
	RefID         string `json:"refId"`
	Datasource    *Ref   `json:"datasource,omitempty"`
	PluginVersion string `json:"pluginVersion"`
	EditorType    string `json:"editorType"`
	QueryType     string `json:"queryType"`
	Format        int    `json:"format"`
	RawSQL        string `json:"rawSql"`
}

// Grid is a place of a panel; a dashboard is 24 units wide.
type Grid struct {
	H int `json:"h"`
	W int `json:"w"`
	X int `json:"x"`
	Y int `json:"y"`
}

// Panel is one of a dashboard.
type Panel struct {
	ID          int            `json:"id"`
	Type        string         `json:"type"`
	Title       string         `json:"title"`
	Description string         `json:"description,omitempty"`
	GridPos     Grid           `json:"gridPos"`
	Datasource  *Ref           `json:"datasource,omitempty"`
	Interval    string         `json:"interval,omitempty"` // the least step
	Targets     []Target       `json:"targets,omitempty"`
	FieldConfig *FieldConfig   `json:"fieldConfig,omitempty"`
	Options     map[string]any `json:"options,omitempty"`
	Links       []Link         `json:"links,omitempty"`
	Collapsed   *bool          `json:"collapsed,omitempty"` // of rows
	Panels      *[]Panel       `json:"panels,omitempty"`    // of rows: none, as no row is collapsed
}

// FieldConfig says how values look.
type FieldConfig struct {
	Defaults  Field      `json:"defaults"`
	Overrides []Override `json:"overrides"`
}

// Field is how a value looks.
type Field struct {
	Unit        string         `json:"unit,omitempty"`
	Decimals    *int           `json:"decimals,omitempty"`
	Min         *float64       `json:"min,omitempty"`
	Max         *float64       `json:"max,omitempty"`
	DisplayName string         `json:"displayName,omitempty"`
	NoValue     string         `json:"noValue,omitempty"`
	Color       map[string]any `json:"color,omitempty"`
	Thresholds  *Thresholds    `json:"thresholds,omitempty"`
	Mappings    []any          `json:"mappings,omitempty"`
	Links       []Link         `json:"links,omitempty"`
	Custom      map[string]any `json:"custom,omitempty"`
}

// Override is how the values of one column look.
type Override struct {
	Matcher    Matcher    `json:"matcher"`
	Properties []Property `json:"properties"`
}

// Matcher chooses columns, by name here.
type Matcher struct {
	ID      string `json:"id"`
	Options string `json:"options"`
}

// Property is one thing that an override changes.
type Property struct {
	ID    string `json:"id"`
	Value any    `json:"value"`
}

// Thresholds colour a value: a step's colour holds from its value on. The first has none.
type Thresholds struct {
	Mode  string `json:"mode"`
	Steps []Step `json:"steps"`
}

// Step is one of Thresholds.
type Step struct {
	Value *float64 `json:"value"`
	Color string   `json:"color"`
}

// Encode is the file of a dashboard.
func (d Dashboard) Encode() ([]byte, error) {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(d); err != nil {
		return nil, fmt.Errorf("encode dashboard %s: %w", d.UID, err)
	}
	return []byte(out.String()), nil
}

// File is the name of the dashboard's file.
func (d Dashboard) File() string { return strings.TrimPrefix(d.UID, "weir-") + ".json" }

// Load reads a committed dashboard by its file's name.
func Load(name string) (Dashboard, error) {
	var d Dashboard
	text, err := Committed.ReadFile(path.Join("dashboards", name))
	if err != nil {
		return d, fmt.Errorf("read dashboard %s: %w", name, err)
	}
	if err := json.Unmarshal(text, &d); err != nil {
		return d, fmt.Errorf("read dashboard %s: %w", name, err)
	}
	return d, nil
}
