package datasource

import "strings"

// isWord says that a byte can stand in the name of a macro or of a column.
func isWord(b byte) bool {
	return b == '_' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9'
}

// skipQuoted is where the quoted text ends that begins at i: a string, or a name in double quotes or backticks. A backslash takes
// what follows it, and a quote twice is one of the text.
func skipQuoted(sql string, i int) int {
	quote := sql[i]
	for i++; i < len(sql); i++ {
		switch {
		case sql[i] == '\\':
			i++
		case sql[i] == quote && i+1 < len(sql) && sql[i+1] == quote:
			i++
		case sql[i] == quote:
			return i + 1
		}
	}
	return len(sql)
}

// skipHeredoc is where $tag$...$tag$ ends that begins at i, or i where nothing such does.
func skipHeredoc(sql string, i int) int {
	tag := i + 1
	for tag < len(sql) && isWord(sql[tag]) {
		tag++
	}
	if tag >= len(sql) || sql[tag] != '$' {
		return i
	}
	mark := sql[i : tag+1]
	end := strings.Index(sql[tag+1:], mark)
	if end < 0 {
		return i
	}
	return tag + 1 + end + len(mark)
}

// blankComments puts spaces in the place of comments, so that no macro in one is found and every other one stays where it is.
func blankComments(sql string) string {
	out := []byte(sql)
	for i := 0; i < len(sql); {
		end := i
		switch {
		case sql[i] == '\'' || sql[i] == '"' || sql[i] == '`':
			i = skipQuoted(sql, i)
			continue
		case sql[i] == '$':
			i = max(skipHeredoc(sql, i), i+1)
			continue
		case strings.HasPrefix(sql[i:], "--"):
			end = len(sql)
			if n := strings.IndexByte(sql[i:], '\n'); n >= 0 {
				end = i + n
			}
		case strings.HasPrefix(sql[i:], "/*"):
			end = len(sql)
			if n := strings.Index(sql[i+2:], "*/"); n >= 0 {
				end = i + 2 + n + 2
			}
		default:
			i++
			continue
		}
		for ; i < end; i++ {
			if out[i] != '\n' {
				out[i] = ' '
			}
		}
	}
	return string(out)
}

// closing is where the parenthesis that opens at i is closed, or -1.
func closing(sql string, i int) int {
	for depth := 0; i < len(sql); {
		switch sql[i] {
		case '\'', '"', '`':
			i = skipQuoted(sql, i)
			continue
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i
			}
		}
		i++
	}
	return -1
}

// splitArguments cuts at the commas that stand in no parenthesis and no quotes, and trims. Nothing is no argument.
func splitArguments(text string) []string {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	var arguments []string
	depth, begin := 0, 0
	for i := 0; i < len(text); {
		switch text[i] {
		case '\'', '"', '`':
			i = skipQuoted(text, i)
			continue
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth == 0 {
				arguments = append(arguments, strings.TrimSpace(text[begin:i]))
				begin = i + 1
			}
		}
		i++
	}
	return append(arguments, strings.TrimSpace(text[begin:]))
}
