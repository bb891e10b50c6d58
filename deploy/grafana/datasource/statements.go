package datasource

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Macros of whole statements stand where SELECT would, and take all that follows them.

// clause is a part of a statement, in the order that ClickHouse wants.
var clauses = []string{"WHERE", "GROUP BY", "HAVING", "ORDER BY", "LIMIT", "SETTINGS"}

// tail is what follows the macro, each clause with its word, "" where there is none.
type tail struct {
	from    string
	clauses map[string]string
}

// condition is the filter by time, with the statement's own.
func (t tail) condition(column string) string {
	where := "WHERE $__timeFilter(" + column + ")"
	if own := t.clauses["WHERE"]; own != "" {
		where += " AND (" + strings.TrimSpace(own[len("WHERE"):]) + ")"
	}
	return where
}

// expandStatement expands the one macro of a statement that may be there, outside all parentheses.
func expandStatement(sql string, r Request) (string, error) {
	begin, name, found := 0, "", false
	for i, depth := 0, 0; i < len(sql); i++ {
		switch sql[i] {
		case '\'', '"', '`':
			i = skipQuoted(sql, i) - 1
		case '(':
			depth++
		case ')':
			depth--
		case '$':
			at := strings.TrimPrefix(sql[i:], prefix)
			word := at[:wordLength(at)]
			if len(at) == len(sql[i:]) || !slices.Contains([]string{"columns", "rateColumns", "perSecondColumns", "increaseColumns", "lttb"}, word) {
				continue
			}
			switch {
			case depth > 0:
				return "", fmt.Errorf("%s%s stands in a parenthesis: it must begin the query", prefix, word)
			case found:
				return "", fmt.Errorf("%s%s and %s%s: a query may have one of them", prefix, name, prefix, word)
			}
			begin, name, found = i, word, true
			if end := closing(sql, i); end > i && strings.HasPrefix(at[len(word):], "(") {
				i = end
			}
		}
	}
	if !found {
		return sql, nil
	}
	open := begin + len(prefix) + len(name)
	end := -1
	if open < len(sql) && sql[open] == '(' {
		end = closing(sql, open)
	}
	if end < 0 {
		return "", fmt.Errorf("%s%s wants three arguments in parentheses", prefix, name)
	}
	arguments := splitArguments(sql[open+1 : end])
	if len(arguments) != 3 {
		return "", fmt.Errorf("%s%s has %d arguments, want 3", prefix, name, len(arguments))
	}
	rest, err := readTail(sql[end+1:])
	if err != nil {
		return "", fmt.Errorf("%s%s: %w", prefix, name, err)
	}
	statement, err := build(name, arguments, rest, r)
	if err != nil {
		return "", fmt.Errorf("%s%s: %w", prefix, name, err)
	}
	return sql[:begin] + statement, nil
}

func wordLength(text string) int {
	n := 0
	for n < len(text) && isWord(text[n]) {
		n++
	}
	return n
}

// readTail cuts what follows the macro at its clauses, outside parentheses and quotes.
func readTail(text string) (tail, error) {
	text = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), ";"))
	if wordsAt(text, 0, "FROM") == 0 {
		return tail{}, fmt.Errorf("FROM must follow it")
	}
	t := tail{clauses: map[string]string{}}
	last, begin := -1, 0 // the clause that is open, and where it begins
	keep := func(end int) {
		part := strings.TrimSpace(text[begin:end])
		if last < 0 {
			t.from = part
		} else {
			t.clauses[clauses[last]] = part
		}
	}
	for i, depth := 0, 0; i < len(text); {
		switch text[i] {
		case '\'', '"', '`':
			i = skipQuoted(text, i)
			continue
		case '(':
			depth++
		case ')':
			depth--
		}
		which := -1
		if depth == 0 && (i == 0 || !isWord(text[i-1])) {
			which = slices.IndexFunc(clauses, func(words string) bool { return wordsAt(text, i, words) > 0 })
		}
		if which >= 0 && t.clauses[clauses[which]] == "" && which != last {
			if which < last {
				return tail{}, fmt.Errorf("%s stands after %s", clauses[which], clauses[last])
			}
			keep(i)
			last, begin = which, i
		}
		i++
	}
	keep(len(text))
	return t, nil
}

// wordsAt is how many bytes of the text the words take that stand at i, 0 where they do not.
func wordsAt(text string, i int, words string) int {
	pattern := wordPatterns[words]
	return len(pattern.FindString(text[i:]))
}

var wordPatterns = func() map[string]*regexp.Regexp {
	patterns := map[string]*regexp.Regexp{}
	for _, words := range append([]string{"FROM", "AS"}, clauses...) {
		patterns[words] = regexp.MustCompile(`^(?i:` + strings.ReplaceAll(words, " ", `\s+`) + `)\b`)
	}
	return patterns
}()

// alias cuts "expression AS name" in two; the last AS outside parentheses counts.
func alias(argument string) (expression, name string) {
	begin := -1
	for i, depth := 0, 0; i < len(argument); i++ {
		switch argument[i] {
		case '\'', '"', '`':
			i = skipQuoted(argument, i) - 1
		case '(':
			depth++
		case ')':
			depth--
		default:
			if depth == 0 && i > 0 && !isWord(argument[i-1]) && wordsAt(argument, i, "AS") > 0 {
				begin = i
			}
		}
	}
	if begin < 0 {
		return argument, ""
	}
	return strings.TrimSpace(argument[:begin]), strings.TrimSpace(argument[begin+len("AS"):])
}

func build(name string, arguments []string, t tail, r Request) (string, error) {
	if name == "lttb" {
		return buildPoints(arguments, t, r)
	}
	if t.clauses["GROUP BY"] != "" {
		return "", fmt.Errorf("it has its own GROUP BY")
	}
	key, keyName := alias(arguments[1])
	value, valueName := alias(arguments[2])
	if keyName == "" {
		keyName = "metric"
	}
	if valueName == "" {
		valueName = "value"
	}
	const elapsed = "t - lagInFrame(t, 1, t) OVER w" // since the bucket before, 0 for the first
	rise := fmt.Sprintf("max(%s) - lagInFrame(max(%s), 1, max(%s)) OVER w", value, value, value)
	column := map[string]string{
		"columns":          value,
		"rateColumns":      fmt.Sprintf("if((%s) = 0, nan, %s / (%s))", elapsed, value, elapsed),
		"perSecondColumns": fmt.Sprintf("if((%s) = 0 OR (%s) < 0, nan, (%s) / (%s))", elapsed, rise, rise, elapsed),
		"increaseColumns":  fmt.Sprintf("if((%s) = 0 OR (%s) < 0, nan, toFloat64(%s))", elapsed, rise, rise),
	}[name]
	parts := []string{fmt.Sprintf("SELECT $__timeInterval(%s) AS t, toString(%s) AS %s, %s AS %s", arguments[0], key, keyName, column, valueName),
		t.from, t.condition(arguments[0]), "GROUP BY t, " + keyName, t.clauses["HAVING"]}
	if name != "columns" {
		parts = append(parts, fmt.Sprintf("WINDOW w AS (PARTITION BY %s ORDER BY t ASC ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)", keyName))
	}
	order := t.clauses["ORDER BY"]
	if order == "" {
		order = "ORDER BY t, " + keyName
	}
	return join(append(parts, order, t.clauses["LIMIT"], t.clauses["SETTINGS"])...), nil
}

var bareName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// buildPoints thins a dense series out by ClickHouse's lttb.
func buildPoints(arguments []string, t tail, r Request) (string, error) {
	buckets := arguments[0]
	if strings.EqualFold(buckets, "auto") {
		buckets = fmt.Sprint(max(int64(r.To.Sub(r.From).Seconds()/float64(r.seconds())), 1))
	}
	if n, err := strconv.ParseUint(buckets, 10, 64); err != nil || n == 0 {
		return "", fmt.Errorf("its buckets are %q, want a number or auto", arguments[0])
	}
	var names, columns [2]string
	for i, fallback := range []string{"x", "y"} {
		expression, name := alias(arguments[i+1])
		if name == "" && bareName.MatchString(expression) {
			name = expression
		}
		if name == "" {
			name = fallback
		}
		names[i], columns[i] = name, expression+" AS "+name
		if expression == name {
			columns[i] = expression
		}
	}
	x, _ := alias(arguments[1])
	order := t.clauses["ORDER BY"]
	points := arguments[1] + ", " + arguments[2]
	source := join(t.from, t.condition(x), t.clauses["HAVING"], order, t.clauses["LIMIT"], t.clauses["SETTINGS"])
	if t.clauses["GROUP BY"] != "" {
		if order == "" {
			order = "ORDER BY " + names[0]
		}
		points = names[0] + ", " + names[1]
		source = "FROM (" + join("SELECT "+columns[0]+", "+columns[1], t.from, t.condition(x), t.clauses["GROUP BY"], t.clauses["HAVING"],
			order, t.clauses["LIMIT"], t.clauses["SETTINGS"]) + ")"
	}
	return fmt.Sprintf("SELECT point.1 AS %s, point.2 AS %s FROM (SELECT arrayJoin(lttb(%s)(%s)) AS point %s) ORDER BY %s",
		names[0], names[1], buckets, points, source, names[0]), nil
}

// join puts the parts that are there behind each other.
func join(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool { return part == "" }), " ")
}
