package datasource

import (
	"fmt"
	"regexp"
	"strings"
)

// Filter is an ad-hoc filter that somebody chose.
type Filter struct {
	Key      string // table.column, or column
	Operator string // =, !=, <, <=, >, >=, =~, !~, IN
	Value    string
	Or       bool // how it is tied to the next: AND unless set
}

var (
	filtersMacro = regexp.MustCompile(`\$__adHocFilters\s*\(([^)]+)\)`)
	quotedName   = regexp.MustCompile(`['"]([^'"]+)['"]`)
	mapAccess    = regexp.MustCompile(`^(?:[^.\[\]']+\.)?([^.\[\]']+)\['((?:[^'\\]|\\.)*)'\]$`)
)

// applyFilters expands $__adHocFilters('table', ...), which is the setting additional_table_filters. A query without the macro the
// plugin reads itself, by a parser of another dialect, and where that fails it filters nothing and says nothing: so queries of
// dashboards with ad-hoc filters need the macro, and here a query without it stays as it is.
func applyFilters(sql string, filters []Filter) string {
	return filtersMacro.ReplaceAllStringFunc(sql, func(whole string) string {
		tables := quotedName.FindAllStringSubmatch(filtersMacro.FindStringSubmatch(whole)[1], -1)
		if len(tables) == 0 {
			return whole
		}
		condition := filterCondition(filters)
		var each []string
		for _, table := range tables {
			if condition != "" {
				each = append(each, fmt.Sprintf("'%s': '%s'", table[1], condition))
			}
		}
		return "additional_table_filters={" + strings.Join(each, ", ") + "}"
	})
}

// filterCondition ties the filters together, quoted for the inside of a string.
func filterCondition(filters []Filter) string {
	var out strings.Builder
	for i, f := range filters {
		operator := f.Operator
		switch operator {
		case "=~":
			operator = "REGEXP"
		case "!~":
			operator = "NOT REGEXP"
		}
		tie := ""
		if i < len(filters)-1 {
			tie = "AND"
			if f.Or {
				tie = "OR"
			}
		}
		fmt.Fprintf(&out, " %s %s %s %s", filterKey(f.Key), operator, filterValue(f), tie)
	}
	return out.String()
}

// filterKey is the column without its table.
func filterKey(key string) string {
	if match := mapAccess.FindStringSubmatch(key); match != nil {
		inner := regexp.MustCompile(`\\(.)`).ReplaceAllString(match[2], "$1")
		inner = strings.NewReplacer(`\`, `\\\\`, `'`, `\\\'`).Replace(inner)
		return match[1] + `[\'` + inner + `\']`
	}
	if _, column, qualified := strings.Cut(key, "."); qualified {
		return column
	}
	return key
}

// filterValue is a string, or the list of IN, which may lack its parentheses. Quotes inside a single value are not escaped, as the
// plugin does not.
func filterValue(f Filter) string {
	if f.Operator != "IN" {
		return `\'` + f.Value + `\'`
	}
	list := f.Value
	if len(list) > 2 && list[0] != '(' && list[len(list)-1] != ')' {
		list = "(" + list + ")"
	}
	return strings.ReplaceAll(list, "'", `\'`)
}
