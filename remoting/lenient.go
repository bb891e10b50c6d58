package remoting

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// errAnswer says that the body of an answer is not what it should be.
var errAnswer = errors.New("not an answer of RocketMQ")

// decodeBody decodes what RocketMQ takes for JSON into v.
func decodeBody(body []byte, v any) error {
	valid, err := standardJSON(body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(valid, v); err != nil {
		return fmt.Errorf("%w: %w", errAnswer, err)
	}
	return nil
}

// standardJSON rewrites the two things that RocketMQ writes and JSON does not have, and nothing else: JSON stays as it is.
//
//	{0:"a"}            {"0":"a"}             a key without quotes
//	{{"queueId":0}:1}  {"{\"queueId\":0}":1} an object as a key
//
// The result is at most three times as long: keys of keys, which would multiply their backslashes and which RocketMQ does not write, are
// refused. Whether the rest is JSON is not looked at.
func standardJSON(body []byte) ([]byte, error) {
	r := rewriter{in: body, out: make([]byte, 0, len(body)+len(body)/4), keyDepth: noKey}
	for r.at < len(r.in) {
		if err := r.step(); err != nil {
			return nil, fmt.Errorf("%w: byte %d: %w", errAnswer, r.at, err)
		}
	}
	return r.out, nil
}

// noKey is the depth of the object that is a key where there is none.
const noKey = -1

// rewriter is how far standardJSON has come.
type rewriter struct {
	in       []byte
	at       int
	out      []byte
	open     []byte // the brackets that are open
	isKey    bool   // a key comes next
	keyDepth int    // how many brackets are open around the object that is a key
}

// step rewrites the next string, key or single byte.
func (r *rewriter) step() error {
	switch c := r.in[r.at]; c {
	case '"':
		return r.text()
	case ' ', '\t', '\r', '\n':
		if r.keyDepth == noKey {
			r.out = append(r.out, c)
		}
		r.at++ // a line cannot end inside of a string, which the key becomes
	case '{', '[':
		return r.opened(c)
	case '}', ']':
		r.closed()
	case ':', ',':
		r.isKey = c == ',' && len(r.open) > 0 && r.open[len(r.open)-1] == '{'
		r.emit(r.in[r.at : r.at+1])
	default:
		if r.isKey {
			return r.bareKey()
		}
		r.emit(r.in[r.at : r.at+1])
	}
	return nil
}

// emit writes the next bytes of the input, escaped where they are inside of a key.
func (r *rewriter) emit(raw []byte) {
	r.at += len(raw)
	r.write(raw)
}

func (r *rewriter) write(raw []byte) {
	if r.keyDepth == noKey {
		r.out = append(r.out, raw...)
		return
	}
	for _, c := range raw {
		if c == '"' || c == '\\' {
			r.out = append(r.out, '\\')
		}
		r.out = append(r.out, c)
	}
}

// text is a string, a key or a value.
func (r *rewriter) text() error {
	for end := r.at + 1; end < len(r.in); end++ {
		switch r.in[end] {
		case '\\':
			end++
		case '"':
			r.isKey = false
			r.emit(r.in[r.at : end+1])
			return nil
		}
	}
	return errors.New("a string has no end")
}

// opened is the bracket before an object or a list.
func (r *rewriter) opened(bracket byte) error {
	if r.isKey {
		if bracket == '[' || r.keyDepth != noKey {
			return errors.New("a key is a string, a word or an object without such keys of its own")
		}
		r.out = append(r.out, '"')
		r.keyDepth = len(r.open)
	}
	r.open = append(r.open, bracket)
	r.isKey = bracket == '{'
	r.emit(r.in[r.at : r.at+1])
	return nil
}

// closed is the bracket behind an object or a list. One without its like is left to the decoder of JSON to refuse.
func (r *rewriter) closed() {
	r.isKey = false
	r.emit(r.in[r.at : r.at+1])
	if len(r.open) > 0 {
		r.open = r.open[:len(r.open)-1]
	}
	if r.keyDepth == len(r.open) {
		r.keyDepth = noKey
		r.out = append(r.out, '"')
	}
}

// bareKey is a key without quotes.
func (r *rewriter) bareKey() error {
	rest := r.in[r.at:]
	length := bytes.IndexFunc(rest, func(c rune) bool {
		return (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '_' && c != '-'
	})
	if length <= 0 {
		return fmt.Errorf("a key and a colon are needed, got %q", rest[:1])
	}
	quoted := append(append([]byte{'"'}, rest[:length]...), '"')
	r.isKey = false
	r.at += length
	r.write(quoted)
	return nil
}
