package rules

import (
	"regexp"
	"sort"
	"strings"
	"text/template/parse"
	"unicode/utf8"
)

// What the parser of templates says: template: name:line: message.
var parserError = regexp.MustCompile(`(?s)^template: [^:]*:\d+: (.*)$`)

const unexpectedEnd = "unexpected EOF"

// parseTree reads a template and leaves functions unchecked. The error's text is
// the parser's message without a place, which the parser knows by lines only.
func parseTree(text string) (trees map[string]*parse.Tree, message string) {
	trees = map[string]*parse.Tree{}
	tree := parse.New(mainTemplate)
	tree.Mode = parse.SkipFuncCheck
	if _, err := tree.Parse(text, "", "", trees); err != nil {
		message = err.Error()
		if match := parserError.FindStringSubmatch(message); match != nil {
			message = match[1]
		}
		return nil, message
	}
	return trees, ""
}

// action is one {{ }} of a template, by bytes.
type action struct {
	start, end int
	quote      int // where a quote without an end begins, -1 where there is none
	closed     bool
}

// actionsOf finds a template's actions.
func actionsOf(text string) []action {
	var out []action
	for at := 0; ; {
		begin := strings.Index(text[at:], "{{")
		if begin < 0 {
			return out
		}
		found := actionAt(text, at+begin)
		out = append(out, found)
		at = found.end
	}
}

func actionAt(text string, start int) action {
	body := start + len("{{")
	comment := strings.TrimPrefix(strings.TrimPrefix(text[body:], "-"), " ")
	if strings.HasPrefix(comment, "/*") {
		return closing(text, start, body+strings.Index(text[body:]+"*/", "*/"))
	}
	for at := body; at < len(text); at++ {
		switch c := text[at]; {
		case strings.HasPrefix(text[at:], "}}"):
			return closing(text, start, at)
		case c == '"' || c == '`' || c == '\'':
			end := quoteEnd(text, at)
			if end < 0 {
				return action{start: start, end: len(text), quote: at}
			}
			at = end
		}
	}
	return action{start: start, end: len(text), quote: -1}
}

// closing is an action that begins at start and whose }} comes at from or later.
func closing(text string, start, from int) action {
	from = min(from, len(text))
	end := strings.Index(text[from:], "}}")
	if end < 0 {
		return action{start: start, end: len(text), quote: -1}
	}
	return action{start: start, end: from + end + len("}}"), quote: -1, closed: true}
}

// quoteEnd returns where the quote ends that begins at a place, -1 where it does not.
func quoteEnd(text string, at int) int {
	quote := text[at]
	for end := at + 1; end < len(text); end++ {
		switch {
		case text[end] == quote:
			return end
		case text[end] == '\n' && quote != '`':
			return -1
		case text[end] == '\\' && quote != '`':
			end++
		}
	}
	return -1
}

// syntaxError finds the place of what the parser refused with that message. The
// parser reads from left to right, so the place is the end of the shortest beginning
// of the template that is refused alike.
func syntaxError(text, message string) *expressionError {
	actions := actionsOf(text)
	refused := func(i int) bool {
		_, said := parseTree(text[:actions[i].end])
		return said != "" && said != unexpectedEnd
	}
	at := sort.Search(len(actions), refused)
	if at == len(actions) {
		return openBlock(text, actions)
	}
	out := &expressionError{Message: message}
	faulty := actions[at]
	switch {
	case faulty.quote >= 0:
		out.Offset = runes(text, faulty.quote)
	case !faulty.closed && strings.HasPrefix(message, "unclosed"):
		out.Offset, out.Hint = runes(text, faulty.start), "add }}"
	default:
		body := faulty.start + len("{{")
		length := sort.Search(faulty.end-body, func(n int) bool {
			_, said := parseTree(text[:body+n] + "}}")
			return said == message
		})
		out.Offset = runes(text, wordBefore(text, body, body+length))
	}
	return out
}

// wordBefore returns where the last word in text[from:to] begins.
func wordBefore(text string, from, to int) int {
	read := strings.TrimRight(text[from:to], " \t\r\n")
	word := strings.TrimRightFunc(read, wordLetter)
	if len(word) == len(read) && read != "" {
		_, size := utf8.DecodeLastRuneInString(read)
		return from + len(read) - size
	}
	return from + len(word)
}

func wordLetter(c rune) bool {
	return c == '_' || c == '$' || c == '.' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

var blockWord = regexp.MustCompile(`^\{\{(?:- )?\s*(if|with|range|block|define|end)\b`)

// openBlock reports the innermost block that has no end.
func openBlock(text string, actions []action) *expressionError {
	type opened struct {
		word string
		at   int
	}
	var open []opened
	for _, a := range actions {
		match := blockWord.FindStringSubmatchIndex(text[a.start:a.end])
		switch {
		case match == nil:
		case text[a.start+match[2]:a.start+match[3]] == "end":
			open = open[:max(len(open)-1, 0)]
		default:
			open = append(open, opened{text[a.start+match[2] : a.start+match[3]], a.start + match[2]})
		}
	}
	if len(open) == 0 {
		return &expressionError{Message: unexpectedEnd}
	}
	last := open[len(open)-1]
	return &expressionError{Offset: runes(text, last.at), Message: last.word + " has no end", Hint: "add {{ end }}"}
}

// runes counts the characters before a byte.
func runes(text string, at int) int { return utf8.RuneCountInString(text[:min(max(at, 0), len(text))]) }
