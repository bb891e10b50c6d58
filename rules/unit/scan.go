package unit

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// standIn is the letter of the identifiers that stand for literals.
const standIn = "_"

// Scan finds the literals in an expression's text. In plain an identifier of the same width stands in place of each, so that
// Expr, which knows no units, can read it and all columns are true. What is no literal, but was meant to be one, has a Message.
func Scan(text string) (plain string, literals []Literal) {
	s := scanner{text: text}
	for s.at < len(text) {
		s.step()
	}
	if len(s.found) == 0 {
		return text, nil
	}
	s.plain.WriteString(text[s.copied:])
	return s.plain.String(), s.found
}

// Comment returns how many characters of an expression's text stand before its first comment, -1 where it has none. What looks
// like one in a text in quotes is none.
func Comment(text string) int {
	s := scanner{text: text}
	for s.at < len(text) {
		if strings.HasPrefix(text[s.at:], "//") || strings.HasPrefix(text[s.at:], "/*") {
			return utf8.RuneCountInString(text[:s.at])
		}
		s.step()
	}
	return -1
}

// scanner reads a text from left to right, as Expr's lexer does: what is an identifier, a number, a text or a comment to it
// is one here.
type scanner struct {
	text    string
	at      int // byte
	found   []Literal
	plain   strings.Builder
	copied  int // bytes of text that plain has
	counted int // bytes whose characters are counted
	runes   int // characters before counted
}

// peek returns the character at a byte and its width, or -1 at the end.
func (s *scanner) peek(at int) (r rune, width int) {
	if at >= len(s.text) {
		return -1, 0
	}
	return utf8.DecodeRuneInString(s.text[at:])
}

// step passes over one word, number, text, comment or other character.
func (s *scanner) step() {
	r, width := s.peek(s.at)
	next, _ := s.peek(s.at + width)
	rest := s.text[s.at:]
	before, _ := utf8.DecodeLastRuneInString(s.text[:s.at])
	switch {
	case r == '.' && digit(next) && (letter(before) || unicode.IsDigit(before) || before == '%'): // a member that is none
		s.at = s.word(s.at + width)
	case digit(r) || r == '.' && digit(next):
		s.number()
	case strings.HasPrefix(rest, "..") || strings.HasPrefix(rest, "?.") || strings.HasPrefix(rest, "??"):
		s.at += len("..")
	case letter(r) || unicode.IsDigit(r) || r == '#':
		s.at = s.word(s.at + width)
	case r == '"' || r == '\'' || r == '`':
		s.quoted(r)
	case strings.HasPrefix(rest, "//"):
		s.behind("\n")
	case strings.HasPrefix(rest, "/*"):
		s.at += len("/*")
		s.behind("*/")
	default:
		s.at += width
	}
}

// behind goes to behind an end, or to the text's end where it does not come.
func (s *scanner) behind(end string) {
	if found := strings.Index(s.text[s.at:], end); found >= 0 {
		s.at += found + len(end)
		return
	}
	s.at = len(s.text)
}

// quoted passes over a text in quotes. One without an end ends the expression.
func (s *scanner) quoted(quote rune) {
	for s.at++; s.at < len(s.text); {
		r, width := s.peek(s.at)
		s.at += width
		switch {
		case r == quote:
			return
		case quote != '`' && r == '\\':
			_, width = s.peek(s.at)
			s.at += width
		}
	}
}

// word returns where the letters and digits end that begin at a byte.
func (s *scanner) word(at int) int {
	for {
		r, width := s.peek(at)
		if width == 0 || !letter(r) && !unicode.IsDigit(r) {
			return at
		}
		at += width
	}
}

// letter says what Expr takes for a letter of a name.
func letter(r rune) bool { return r == '_' || r == '$' || unicode.IsLetter(r) }

func digit(r rune) bool { return '0' <= r && r <= '9' }

// digits returns where a run of digits ends; an underscore may stand between them.
func (s *scanner) digits(at int) int {
	for at < len(s.text) && (digit(rune(s.text[at])) || s.text[at] == '_') {
		at++
	}
	return at
}

// numeral returns where a number ends that begins at a byte.
func (s *scanner) numeral(at int) int {
	at = s.digits(at)
	if after, _ := s.peek(at + 1); at < len(s.text) && s.text[at] == '.' && digit(after) {
		at = s.digits(at + 1)
	}
	exponent := at + 1
	if sign, _ := s.peek(exponent); sign == '+' || sign == '-' {
		exponent++
	}
	if c, _ := s.peek(at); c == 'e' || c == 'E' {
		if first, _ := s.peek(exponent); digit(first) {
			return s.digits(exponent)
		}
	}
	return at
}

// number passes over a number and the unit behind it.
func (s *scanner) number() {
	start := s.at
	end := s.numeral(start)
	r, _ := s.peek(end)
	after, _ := s.peek(end + 1)
	switch {
	case r == '.' && digit(after): // no number
		s.at = s.word(s.numeral(end))
	case strings.HasSuffix(s.text[start:end], "_"): // a unit stands directly behind a digit
		s.at = s.word(end)
	case r == '%':
		s.share(start, end)
	case letter(r):
		s.unit(start, end)
	case r == '/' && after == 's' && s.word(end+1) == end+len("/s"):
		s.add(Literal{Of: PerSecond}, start, end+len("/s"))
		s.last().number(s.text[start:end], 1)
	case s.per(end) != "" && !strings.HasPrefix(strings.TrimLeft(s.text[end+len(s.per(end)):], " \t\r\n"), "("): // min is a function too
		per := s.per(end)
		s.add(Literal{}, start, end+len(per))
		s.last().otherRate(s.text[start:end], per)
	case spacedShare.MatchString(s.text[end:]):
		s.add(Literal{}, start, end+strings.Index(s.text[end:], "%")+1)
		s.last().Message = fmt.Sprintf("a per cent sign stands directly behind its number, and in %q it does not", s.last().Text)
		s.last().Hint = fmt.Sprintf("write %s%%", s.text[start:end])
	default:
		s.spaced(start, end)
	}
}

// spacedShare is a per cent sign that blanks part from its number, and nothing follows that a remainder could be of.
var spacedShare = regexp.MustCompile(`^[ \t]+%[ \t\r\n]*([])},?:;&|=<>!]|(and|or|in|not)\b|$)`)

// share reads a number with a per cent sign behind it.
func (s *scanner) share(start, end int) {
	behind := s.word(end + 1)
	s.add(Literal{}, start, behind)
	if next, _ := s.peek(behind); behind > end+1 || next == '(' {
		s.last().Message = fmt.Sprintf("%s is a share, and something follows it directly", s.text[start:end+1])
		s.last().Hint = "rules have no remainders; write an operator behind a share"
		return
	}
	s.last().number(s.text[start:end], 100)
}

// based says that the letters behind a 0 make it a number of another base, such as 0x1F.
func based(number, letters string) bool {
	bases := map[byte]string{'x': "0123456789abcdefABCDEF_", 'o': "01234567_", 'b': "01_"}
	return number == "0" && len(letters) > 1 && strings.Trim(letters[1:], bases[letters[0]|0x20]) == ""
}

// unit reads the letters behind a number, and what may follow them.
func (s *scanner) unit(start, end int) {
	if based(s.text[start:end], s.text[end:s.word(end)]) {
		s.at = s.word(end)
		if after, _ := s.peek(s.at + 1); strings.HasPrefix(s.text[s.at:], ".") && digit(after) {
			s.at = s.word(s.at + 1)
		}
		return
	}
	var parts []part
	at := start
	for {
		numeral := s.numeral(at)
		letters := numeral
		for r, width := s.peek(letters); letter(r); r, width = s.peek(letters) {
			letters += width
		}
		parts = append(parts, part{s.text[at:numeral], s.text[numeral:letters]})
		at = letters
		if next, width := s.peek(at); width == 0 || !unicode.IsDigit(next) {
			break
		} else if !digit(next) {
			at = s.word(at)
			parts[len(parts)-1].letters = s.text[numeral:at]
			break
		}
	}
	rest := s.per(at)
	s.add(Literal{}, start, at+len(rest))
	s.last().finish(parts, rest)
}

// per returns what divides a literal directly behind its unit, where that is a unit of time.
func (s *scanner) per(at int) string {
	if !strings.HasPrefix(s.text[at:], "/") {
		return ""
	}
	word := s.text[at+1 : s.word(at+1)]
	m, known := measureOf(word)
	if _, other := otherwise[word]; known && m.of == Time || other && word != "bytes" {
		return "/" + word
	}
	return ""
}

// spaced looks for a unit that blanks part from its number.
func (s *scanner) spaced(start, end int) {
	s.at = end
	from := end + len(s.text[end:]) - len(strings.TrimLeft(s.text[end:], " \t"))
	behind := s.word(from)
	if from == end || from == behind {
		return
	}
	name := s.text[from:behind]
	if near := meant(name); near != "" {
		s.add(Literal{}, start, behind)
		s.last().Message = fmt.Sprintf("a unit stands directly behind its number, and in %q it does not", s.last().Text)
		s.last().Hint = fmt.Sprintf("write %s%s", s.text[start:end], near)
	}
}

// add notes a literal and puts an identifier in its place.
func (s *scanner) add(l Literal, start, end int) {
	s.runes += utf8.RuneCountInString(s.text[s.counted:start])
	l.Text, l.Offset = s.text[start:end], s.runes
	l.Width = utf8.RuneCountInString(l.Text)
	s.counted = start
	s.plain.WriteString(s.text[s.copied:start])
	s.plain.WriteString(strings.Repeat(standIn, l.Width))
	s.copied, s.at = end, end
	s.found = append(s.found, l)
}

func (s *scanner) last() *Literal { return &s.found[len(s.found)-1] }
