package rules

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/weirmq/weir/rules/unit"
)

// otherWords are what other languages have for what an expression says otherwise, in small letters.
var otherWords = map[string]string{
	"like": "write contains, startsWith, endsWith or matches", "ilike": "write contains, startsWith, endsWith or matches",
	"is": "compare with ==", "equals": "compare with ==", "between": "write both ends, as in tps >= 1 and tps <= 5",
	"unless": "write and not (...)", "xor": "compare two conditions in brackets with !=", "then": "write condition ? a : b", "else": "write condition ? a : b",
	"by": "what makes a group stands under the key by", "on": "what makes a group stands under the key by", "for": "how long it must hold stands under the key for",
	"where": "which series count stands under the key where", "offset": "write ago(5m).tps",
}

// otherSigns are signs of other languages and of text programs, and what they are here.
var otherSigns = map[string]string{
	"≥": ">=", "≤": "<=", "≠": "!=", "×": "*", "÷": "/", "−": "-", "–": "-", "∧": "and", "∨": "or", "¬": "not",
	"“": `"`, "”": `"`, "„": `"`, "‘": "'", "’": "'", "«": `"`, "»": `"`, "\u00a0": "a blank", "\u200b": "nothing", "\ufeff": "nothing",
}

// meantBySign is what was probably meant by a character that no expression has, outside a text.
func meantBySign(sign string) string {
	if known := otherSigns[sign]; known != "" {
		return "write " + known
	}
	return ""
}

var (
	numberAfter  = regexp.MustCompile(`^,[0-9]`)
	numberBefore = regexp.MustCompile(`[0-9]$`)
	piped        = regexp.MustCompile(`[^|]\|\s*\w+\s*$`)
	dottedAfter  = regexp.MustCompile(`^\.[0-9]`)
)

// meantByToken is what was probably meant by a word or sign that cannot stand at a place.
func (x *expression) meantByToken(token string, at int) string {
	characters := []rune(x.text)
	before, after := string(characters[:min(at, len(characters))]), string(characters[min(at, len(characters)):])
	small := strings.ToLower(token)
	switch token {
	case "=":
		return meantByEquals(before, after)
	case ">":
		if strings.HasSuffix(before, "<") {
			return "write != for unlike"
		}
		if piped.MatchString(before) {
			return "write or, where | stands"
		}
	case "&":
		return "write and"
	case "|":
		return "write or"
	case ",":
		if numberBefore.MatchString(before) && numberAfter.MatchString(after) {
			return "a number has no commas"
		}
		return "join conditions by and, or by or"
	case "#":
		return "a YAML comment stands above the key"
	case ")", "]", "}":
		return "it closes nothing that is open"
	case "{":
		return "which series count stands under the key where"
	case "^", "%", "*":
		if comparedBefore.MatchString(before) {
			return `text stands in quotes, a pattern too`
		}
	case "and", "or":
		return fmt.Sprintf("a value or a condition is missing before %s", token)
	}
	switch {
	case small == "and" || small == "or" || small == "not":
		return "write " + small + " in small letters"
	case dottedAfter.MatchString(after):
		return "a version stands in quotes"
	}
	return otherWords[small]
}

// meantByEquals is what was meant by a single sign.
func meantByEquals(before, after string) string {
	switch {
	case strings.HasPrefix(after, "=~"):
		return "write matches"
	case strings.HasPrefix(after, "=>"):
		return "write >="
	case strings.HasPrefix(after, "=<"):
		return "write <="
	}
	return "compare with =="
}

var quotedBehind = regexp.MustCompile("^[=!<>]+\\s*[\"'`]([^\"'`]+)[\"'`]")

// meantByTypes is what was meant where an operator stands between two that do not fit.
func (x *expression) meantByTypes(left, right string, at int) string {
	characters := []rune(x.text)
	behind := string(characters[min(at, len(characters)):])
	switch {
	case left == "a function" || right == "a function":
		return `give it what it asks for, as in latency_share_above(500ms) or version_share("1.2.0")`
	case left == "a number" && right == "a text":
		if match := quotedBehind.FindStringSubmatch(behind); match != nil && isQuantity(match[1]) {
			return "a number has no quotes: write " + match[1]
		}
		return "a number is compared with a number"
	case left == "a text" && right == "a number":
		return "a label is a text, and stands beside one in quotes"
	case right == "another kind of time" || left == "another kind of time":
		return "write a time as in 5m"
	case left == "a condition" || right == "a condition":
		return "conditions are joined by and, or by or; a number is compared with something before"
	}
	return ""
}

// isQuantity says that a text is a number, with a unit or without.
func isQuantity(text string) bool {
	if _, err := strconv.ParseFloat(text, 64); err == nil {
		return true
	}
	_, found := unit.Scan(text)
	return len(found) == 1 && found[0].Text == text && found[0].Message == ""
}

// meantByMethod is how what other languages write behind a dot is written.
func meantByMethod(method string) string {
	switch small := strings.ToLower(method); small {
	case "startswith", "endswith", "contains", "matches":
		words := map[string]string{"startswith": "startsWith", "endswith": "endsWith"}
		if words[small] != "" {
			small = words[small]
		}
		return fmt.Sprintf(`write it between two texts, as in topic %s "orders"`, small)
	case "lower", "tolower", "tolowercase":
		return "write lower(topic)"
	}
	return ""
}
