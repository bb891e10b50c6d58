package proof

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/weirmq/weir/deploy/grafana"
)

// leastSteps are the least steps that panels have.
var leastSteps = map[string]time.Duration{"1s": time.Second, "10s": 10 * time.Second, "1m": time.Minute}

var (
	timeType    = regexp.MustCompile(`^(DateTime|DateTime64|Date)\b`)
	textType    = regexp.MustCompile(`^(LowCardinality\()?(Nullable\()?String\)*$`)
	numericType = regexp.MustCompile(`^(Nullable\()?(U?Int(8|16|32|64)|Float(32|64))\)?$`)
)

func isText(of string) bool { return textType.MatchString(of) }

// checkFrame is what is wrong with an answer for its panel, as the plugin and Grafana read it.
func checkFrame(p *grafana.Panel, f *Frame) []error {
	var faults []error
	switch p.Type {
	case "timeseries", "state-timeline":
		faults = checkSeries(p, f)
	case "stat":
		if len(f.Columns) != 1 || len(f.Rows) != 1 || !numericType.MatchString(f.Columns[0].Type) {
			faults = append(faults, fmt.Errorf("it answers %d rows of %v, want one number", len(f.Rows), f.Columns))
		}
	case "bargauge":
		if len(f.Columns) != 2 || !isText(f.Columns[0].Type) || !numericType.MatchString(f.Columns[1].Type) {
			faults = append(faults, fmt.Errorf("it answers %v, want a text and a number", f.Columns))
		}
	case "table":
		for _, c := range f.Columns {
			if !timeType.MatchString(strings.TrimPrefix(c.Type, "Nullable(")) && !isText(c.Type) && !numericType.MatchString(c.Type) {
				faults = append(faults, fmt.Errorf("its column %s is a %s, which a table does not show", c.Name, c.Type))
			}
		}
		faults = append(faults, checkWidths(p, f)...)
	}
	for _, o := range p.FieldConfig.Overrides {
		if !f.has(o.Matcher.Options) {
			faults = append(faults, fmt.Errorf("it has an override of the column %s, which there is not", o.Matcher.Options))
		}
		for _, property := range o.Properties {
			for _, column := range dataFields.FindAllStringSubmatch(fmt.Sprint(property.Value), -1) {
				if !f.has(column[1]) {
					faults = append(faults, fmt.Errorf("a link takes the column %s, which there is not", column[1]))
				}
			}
		}
	}
	return append(faults, checkMappings(p, f)...)
}

var (
	dataFields  = regexp.MustCompile(`__data\.fields\.(\w+)`)
	fieldLabels = regexp.MustCompile(`__field\.labels\.(\w+)`)
)

func (f *Frame) has(column string) bool {
	return slices.ContainsFunc(f.Columns, func(c Column) bool { return c.Name == column })
}

// checkSeries holds an answer to what the plugin needs to make series of it: times that rise and are known, labels, numbers, and one value
// for each time and label.
func checkSeries(p *grafana.Panel, f *Frame) []error {
	var faults []error
	if len(f.Columns) < 2 || !timeType.MatchString(f.Columns[0].Type) || f.Columns[0].Name != "time" {
		return []error{fmt.Errorf("its columns are %v, want the time first, and called so", f.Columns)}
	}
	values := 0
	for _, c := range f.Columns[1:] {
		switch {
		case numericType.MatchString(c.Type):
			values++
		case !isText(c.Type):
			faults = append(faults, fmt.Errorf("its column %s is a %s, want a text or a number", c.Name, c.Type))
		}
	}
	if values == 0 {
		faults = append(faults, errors.New("it has no number"))
	}
	name := p.FieldConfig.Defaults.DisplayName
	for _, label := range fieldLabels.FindAllStringSubmatch(name, -1) {
		if !f.has(label[1]) {
			faults = append(faults, fmt.Errorf("it names series by the label %s, which there is not", label[1]))
		}
	}
	for _, link := range p.FieldConfig.Defaults.Links {
		for _, label := range fieldLabels.FindAllStringSubmatch(link.URL, -1) {
			if !f.has(label[1]) {
				faults = append(faults, fmt.Errorf("a link takes the label %s, which there is not", label[1]))
			}
		}
	}
	if name != "" && values > 1 {
		faults = append(faults, fmt.Errorf("its %d numbers of a label would all be called alike", values))
	}
	last, seen := "", map[string]bool{}
	for _, row := range f.Rows {
		at := fmt.Sprint(row[0])
		key := at
		for i, c := range f.Columns[1:] {
			if isText(c.Type) {
				key += "\x00" + fmt.Sprint(row[i+1])
			}
		}
		switch {
		case at < last:
			faults = append(faults, fmt.Errorf("its times do not rise: %s after %s", at, last))
		case seen[key]:
			faults = append(faults, fmt.Errorf("it has two values for %q", key))
		}
		if last, seen[key] = at, true; len(faults) > 0 {
			break
		}
	}
	return faults
}

// checkMappings holds that every value of a panel that shows words has one.
func checkMappings(p *grafana.Panel, f *Frame) []error {
	words := func(mappings any) map[string]bool {
		known := map[string]bool{}
		list, _ := mappings.([]any)
		for _, each := range list {
			mapping, _ := each.(map[string]any)
			options, _ := mapping["options"].(map[string]any)
			for value := range options {
				known[value] = true
			}
		}
		return known
	}
	var faults []error
	each := func(column int, known map[string]bool) {
		for _, row := range f.Rows {
			if value := fmt.Sprint(row[column]); len(known) > 0 && !known[value] {
				faults = append(faults, fmt.Errorf("it has no word for the value %q of %s", value, f.Columns[column].Name))
				return
			}
		}
	}
	for i, c := range f.Columns {
		if p.Type == "state-timeline" && numericType.MatchString(c.Type) {
			each(i, words(p.FieldConfig.Defaults.Mappings))
		}
		for _, o := range p.FieldConfig.Overrides {
			for _, property := range o.Properties {
				if property.ID == "mappings" && o.Matcher.Options == c.Name {
					each(i, words(property.Value))
				}
			}
		}
	}
	return faults
}

// checkAnnotation holds an answer to what Grafana takes for marks.
func checkAnnotation(f *Frame) error {
	names := make([]string, len(f.Columns))
	for i, c := range f.Columns {
		names[i] = c.Name
	}
	if want := []string{"time", "title", "text", "tags"}; !slices.Equal(names, want) || !strings.HasPrefix(f.Columns[0].Type, "DateTime") {
		return fmt.Errorf("it answers %v, want %v", f.Columns, want)
	}
	return nil
}
