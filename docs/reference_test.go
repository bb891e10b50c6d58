package docs_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/weirmq/weir/ingest"
	"github.com/weirmq/weir/pipeline"
	"github.com/weirmq/weir/rules"
	"github.com/weirmq/weir/rules/unit"
	"github.com/weirmq/weir/sdk/kafka"
	"github.com/weirmq/weir/sdk/report"
	"github.com/weirmq/weir/telemetry/telemetrypb"
)

// configKey is one key of weir.yaml.
type configKey struct {
	path, variable, standard string
}

// configKeys lists every key with its default as a file would write it.
func configKeys() []configKey {
	var keys []configKey
	var walk func(v reflect.Value, path string)
	walk = func(v reflect.Value, path string) {
		for i := range v.NumField() {
			if !v.Type().Field(i).IsExported() { // no key
				continue
			}
			name := strings.TrimPrefix(path+"."+v.Type().Field(i).Tag.Get("yaml"), ".")
			if v.Field(i).Kind() == reflect.Struct {
				walk(v.Field(i), name)
				continue
			}
			if of := v.Field(i).Type(); of.Kind() == reflect.Slice && of.Elem().Kind() == reflect.Struct {
				walk(reflect.Zero(of.Elem()), name+".0")
				continue
			}
			variable := "WEIR_" + strings.ToUpper(strings.ReplaceAll(name, ".", "_"))
			keys = append(keys, configKey{name, variable, written(v.Field(i).Interface())})
		}
	}
	walk(reflect.ValueOf(pipeline.DefaultConfig()), "")
	return keys
}

func written(value any) string {
	switch v := value.(type) {
	case []string:
		if len(v) == 0 {
			return "empty"
		}
		return "`" + strings.Join(v, ", ") + "`"
	case time.Duration:
		return "`" + strings.NewReplacer("m0s", "m", "h0m", "h").Replace(v.String()) + "`"
	case string:
		if v == "" {
			return "empty"
		}
	}
	return fmt.Sprintf("`%v`", value)
}

// says fails where a page lacks a text.
func says(t *testing.T, p *page, what, text string) {
	t.Helper()
	if !strings.Contains(p.text, text) {
		t.Errorf("%s does not name %s: want %q in it", p.path, what, text)
	}
}

func TestConfigurationIsWhole(t *testing.T) {
	t.Parallel()
	p := readPage(t, "docs/configuration.md")
	for _, key := range configKeys() {
		says(t, p, "a key with its variable and default", fmt.Sprintf("| `%s` | `%s` | %s |", key.path, key.variable, key.standard))
	}
	for _, name := range literals(t, "pipeline", regexp.MustCompile(`^weir_[a-z_]+`)) {
		says(t, p, "a metric", "`"+name+"`")
	}
	for _, endpoint := range literals(t, "pipeline", regexp.MustCompile(`^(GET|POST) /.*`)) {
		says(t, p, "an endpoint", "`"+strings.ReplaceAll(endpoint, "{$}", "")+"`")
	}
	for _, reason := range ingest.Reasons {
		says(t, p, "a reason of refusal", "`"+string(reason)+"`")
	}
}

// literals returns what matches in the string literals of a package, tests left out.
func literals(t *testing.T, folder string, pattern *regexp.Regexp) []string {
	t.Helper()
	var out []string
	for _, file := range parseFolder(t, folder) {
		ast.Inspect(file, func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			text, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			if match := pattern.FindString(text); match != "" && !slices.Contains(out, match) {
				out = append(out, match)
			}
			return true
		})
	}
	return out
}

func parseFolder(t *testing.T, folder string) []*ast.File {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

var listedCommand = regexp.MustCompile(`(?m)^  ([a-z]+(?: [a-z]+)?)  +[A-Z]`)

func TestCommandsAreDocumented(t *testing.T) {
	t.Parallel()
	p := readPage(t, "docs/configuration.md")
	help, err := exec.CommandContext(t.Context(), weir(t), "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	_, commands, _ := strings.Cut(string(help), "Commands:")
	found := listedCommand.FindAllStringSubmatch(commands, -1)
	if len(found) < 8 {
		t.Fatalf("found %v in %s", found, help)
	}
	flag := regexp.MustCompile(`(?m)^ +(?:-h, )?(--[a-z]+)`)
	for _, command := range found {
		says(t, p, "a command", "`weir "+command[1])
		help, err := exec.CommandContext(t.Context(), weir(t), append(strings.Fields(command[1]), "--help")...).Output()
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range flag.FindAllStringSubmatch(string(help), -1) {
			says(t, p, "a flag of weir "+command[1], "`"+match[1])
		}
	}
}

func TestWireContractIsWhole(t *testing.T) {
	t.Parallel()
	p := readPage(t, "docs/wire-contract.md")
	for _, message := range []protoreflect.ProtoMessage{&telemetrypb.Report{}, &telemetrypb.Labels{}, &telemetrypb.Histogram{},
		&telemetrypb.Gauge{}, &telemetrypb.ErrorCount{}, &telemetrypb.Exemplar{}, &telemetrypb.Event{}, &telemetrypb.Label{}} {
		descriptor := message.ProtoReflect().Descriptor()
		for i := range descriptor.Fields().Len() {
			field := descriptor.Fields().Get(i)
			says(t, p, "a field of "+string(descriptor.Name()), fmt.Sprintf("| %d | `%s` |", field.Number(), field.Name()))
		}
	}
	for _, values := range []protoreflect.EnumValueDescriptors{telemetrypb.Exemplar_STEP_SENT.Descriptor().Values(), telemetrypb.Exemplar_KEPT_SLOW.Descriptor().Values()} {
		for i := range values.Len() {
			if values.Get(i).Number() > 0 {
				says(t, p, "a value of exemplars", "`"+string(values.Get(i).Name())+"`")
			}
		}
	}
	kinds := telemetrypb.Event_KIND_STARTED.Descriptor().Values()
	for i := range kinds.Len() {
		if kinds.Get(i).Number() > 0 {
			says(t, p, "a kind of event", "`"+string(kinds.Get(i).Name())+"`")
		}
	}
	for _, reason := range ingest.Reasons {
		says(t, p, "a reason of refusal", "| `"+string(reason)+"` |")
	}
	limits := ingest.DefaultLimits()
	for _, number := range []int{limits.MaxReportBytes, limits.MaxExtraLabels, limits.MaxLabelBytes, limits.MaxListed, int(limits.MaxCount)} {
		says(t, p, "a limit", grouped(number))
	}
}

// grouped writes a number with a comma between thousands.
func grouped(n int) string {
	digits := strconv.Itoa(n)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

// TestRulesAreWhole reads the fields of the view from the source, with their units.
func TestRulesAreWhole(t *testing.T) {
	t.Parallel()
	p := readPage(t, "docs/rules.md")
	fields := 0
	for _, file := range parseFolder(t, "rules") {
		ast.Inspect(file, func(n ast.Node) bool {
			declared, ok := n.(*ast.TypeSpec)
			if !ok || !slices.Contains([]string{"Span", "View", "Baseline"}, declared.Name.Name) {
				return true
			}
			for _, field := range declared.Type.(*ast.StructType).Fields.List {
				if field.Tag == nil {
					continue // embedded
				}
				tag := reflect.StructTag(strings.Trim(field.Tag.Value, "`"))
				name, function, _ := strings.Cut(tag.Get("expr"), ".")
				if name == "policy" {
					says(t, p, "the function "+function+" of the policy", "| `policy.")
					continue
				}
				_, call := field.Type.(*ast.FuncType)
				switch {
				case declared.Name.Name == "Baseline":
					says(t, p, "a field of a baseline", "`"+name+"`")
				case tag.Get("unit") == "":
					says(t, p, "a label of the view", "`"+name+"`")
				case call:
					says(t, p, "a function of the view", "| `"+name+"(")
				default:
					says(t, p, "a field of the view with its unit", fmt.Sprintf("| `%s` | %s |", name, tag.Get("unit")))
				}
				says(t, p, "the unit of "+name, tag.Get("unit"))
				fields++
			}
			return true
		})
	}
	if fields < 40 {
		t.Errorf("found %d fields only", fields)
	}
	contract := readPage(t, "docs/wire-contract.md")
	for _, field := range rules.GaugeFields {
		says(t, p, "how a gauge merges", fmt.Sprintf(" | `%s` | %s | ", field.Gauge, field.Merge))
		says(t, contract, "a gauge", "`"+field.Gauge+"`")
	}
	for _, names := range []map[string]unit.Dimension{rules.Limits, rules.Inventory} {
		for name := range names {
			says(t, p, "a name of the policy", "`"+name+"`")
		}
	}
	err := loadRules(t, "groups:\n  - name: a\n    rules:\n      - {nothing: 1}\n")
	_, known, _ := strings.Cut(err.Error(), "known are ")
	known, _, _ = strings.Cut(known, "\n")
	for key := range strings.SplitSeq(known, ", ") {
		says(t, p, "a key of a rule", "| `"+key+"` |")
	}
}

func TestSDKIsWhole(t *testing.T) {
	t.Parallel()
	p := readPage(t, "docs/sdk.md")
	config := reflect.TypeFor[report.Config]()
	for i := range config.NumField() {
		says(t, p, "a field of Config", "| `"+config.Field(i).Name+"` |")
	}
	ownUse := "Registry" // of the packages of the SDK among themselves
	for _, methods := range []reflect.Type{reflect.TypeFor[*report.Reporter](), reflect.TypeFor[kafka.Handling]()} {
		for i := range methods.NumMethod() {
			if name := methods.Method(i).Name; name != ownUse {
				says(t, p, "a method of "+methods.String(), name+"(")
			}
		}
	}
	stats := reflect.TypeFor[report.Stats]()
	for i := range stats.NumField() {
		says(t, p, "a count of Stats", "`"+stats.Field(i).Name+"`")
	}
}

func TestArchitectureNamesTopicsAndGroups(t *testing.T) {
	t.Parallel()
	p := readPage(t, "docs/architecture.md")
	config := pipeline.DefaultConfig()
	for _, topic := range pipeline.Topics(&config) {
		says(t, p, "a topic", "| `"+topic.Name+"` |")
	}
	for _, group := range literals(t, "pipeline", regexp.MustCompile(`^weir-(aggregate|rules|clickhouse|alertmanager)$`)) {
		says(t, p, "a consumer group", "`"+group+"`")
	}
}
