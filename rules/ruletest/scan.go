package ruletest

import (
	"strings"
	"unicode"
)

// word is one token of a line.
type word struct {
	text   string // as written, quotes included
	column int    // from 1, in characters
}

// scan splits a line into words. Blanks within quotes and braces divide nothing; a # that begins a word begins a comment.
// Where a quote or a brace stays open, fault says so at its column.
func scan(line string) (words []word, column int, fault string) {
	runes := []rune(line)
	for at := 0; at < len(runes); {
		switch {
		case unicode.IsSpace(runes[at]):
			at++
		case runes[at] == '#':
			return words, 0, ""
		default:
			end, open := wordEnd(runes, at)
			if open >= 0 {
				return words, open + 1, unclosed[runes[open]]
			}
			words = append(words, word{string(runes[at:end]), at + 1})
			at = end
		}
	}
	return words, 0, ""
}

// unclosed says what a word that does not end lacks.
var unclosed = map[rune]string{
	'"': `a text has no end; close it with "`,
	'{': `a brace is not closed; close it with }`,
}

// wordEnd is where the word that begins at from ends, and where a quote or brace is that stays open, -1 where none does.
func wordEnd(runes []rune, from int) (end, open int) {
	quote, brace := -1, -1
	for at := from; at < len(runes); at++ {
		switch c := runes[at]; {
		case quote >= 0:
			if c == '\\' {
				at++
			} else if c == '"' {
				quote = -1
			}
		case c == '"':
			quote = at
		case c == '{' && brace < 0:
			brace = at
		case c == '}':
			brace = -1
		case unicode.IsSpace(c) && brace < 0:
			return at, -1
		}
	}
	return len(runes), max(quote, brace)
}

// cut divides a word at the first of a character outside quotes; after is "" and found false where there is none.
func cut(text string, separator byte) (before, after string, found bool) {
	quoted := false
	for at := 0; at < len(text); at++ {
		switch {
		case quoted && text[at] == '\\':
			at++
		case text[at] == '"':
			quoted = !quoted
		case text[at] == separator && !quoted:
			return text[:at], text[at+1:], true
		}
	}
	return text, "", false
}

// characters counts what columns count.
func characters(text string) int { return len([]rune(text)) }

// isComment says that a line holds nothing.
func isComment(line string) bool {
	line = strings.TrimSpace(line)
	return line == "" || line[0] == '#'
}
