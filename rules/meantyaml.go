package rules

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

var (
	// keyed is a line with a key, and the value behind it in the same line.
	keyed = regexp.MustCompile(`^[ -]*(?:[\w.-]+|"[^"]*"|'[^']*') ?:[ \t]+(\S.*)$`)
	// closedEarly is a value in quotes with something behind them.
	closedEarly = regexp.MustCompile(`^("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|\[[^\]]*\]|\{[^}]*\}+)\s*[^\s#]`)
	secondColon = regexp.MustCompile(`:(\s|$)`)
)

const intoQuotes = "put all of the value into single quotes"

// meantByYAML says what is wrong with a line that is no YAML in words that say what to do, where that can be told.
func meantByYAML(fault *Fault, lines []string) {
	if noColon := fault.Line - 2; strings.HasPrefix(fault.Message, "could not find expected ':'") {
		if noColon >= 0 && !strings.Contains(lines[noColon], ":") {
			fault.Line--
		}
		fault.Message, fault.Hint = "a colon is missing behind the key", "write key: value"
		return
	}
	line := lines[fault.Line-1]
	value, at := "", 0
	if match := keyed.FindStringSubmatchIndex(line); match != nil {
		value, at = line[match[2]:], match[2]
	}
	if meantByValue(fault, value) {
		fault.Column = 1 + utf8.RuneCountInString(line[:at])
		return
	}
	switch said := fault.Message; {
	case strings.HasPrefix(said, "did not find expected key"), strings.HasPrefix(said, "did not find expected '-'"),
		strings.HasPrefix(said, "mapping values are not allowed"):
		fault.Message, fault.Hint = "the line is indented like none that it could belong to", "begin all keys of one mapping, and all elements of one list, in one column"
	case strings.HasPrefix(said, "did not find expected node content"), strings.HasPrefix(said, "did not find expected ',' or"):
		fault.Hint = "close the bracket that is open, or put a text with brackets into quotes"
	case strings.HasPrefix(said, "found unexpected end of stream"):
		fault.Message, fault.Hint = "a text in quotes has no end", "close it with the quote that it begins with"
	case strings.HasPrefix(said, "found character that cannot start any token"), strings.HasPrefix(said, "did not find expected alphabetic"),
		strings.HasPrefix(said, "unknown anchor"), strings.HasPrefix(said, "did not find expected comment or line break"):
		fault.Hint = "put a text that begins with a sign into single quotes"
	case strings.HasPrefix(said, "did not find expected <document start>"):
		fault.Message, fault.Hint = "the line belongs to nothing before it", "begin all keys of one mapping, and all elements of one list, in one column"
	case strings.HasPrefix(said, "block sequence entries are not allowed"):
		fault.Message, fault.Hint = "a list begins behind a key", "begin it in the next line"
	}
}

// meantByValue says what is wrong with a line because of the value in it, and whether it is that.
func meantByValue(fault *Fault, value string) bool {
	if value == "" {
		return false
	}
	switch said := fault.Message; {
	case strings.HasPrefix(value, "{{"):
		fault.Message, fault.Hint = "a value begins with {{, and YAML takes that for a mapping", intoQuotes
	case strings.HasPrefix(said, "found character that cannot start any token") && strings.ContainsAny(value[:1], "@`%"):
		fault.Message, fault.Hint = fmt.Sprintf("a value cannot begin with %q", value[:1]), intoQuotes
	case strings.HasPrefix(said, "found unexpected end of stream"):
		fault.Message, fault.Hint = "a text in quotes has no end", "close it with the quote that it begins with"
	case strings.HasPrefix(said, "found unknown escape character"):
		fault.Message, fault.Hint = "a backslash in double quotes stands for no character with what follows it", intoQuotes+", in which it stands for itself"
	case strings.ContainsAny(value[:1], "*&"):
		fault.Message, fault.Hint = "a value that begins with * or & is an alias or an anchor to YAML", intoQuotes
	case strings.HasPrefix(said, "mapping values are not allowed") && secondColon.MatchString(value):
		fault.Message, fault.Hint = "a value has a colon with a blank behind it", intoQuotes
	case strings.HasPrefix(said, "did not find expected") && closedEarly.MatchString(value):
		fault.Message, fault.Hint = "something stands behind the end of a value", intoQuotes
	default:
		return false
	}
	return true
}
